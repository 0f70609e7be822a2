import { inTurn } from "./in-turn.ts"
import { median } from "./statistics.ts"
import type { Case, Loop, PrepareLoops, Sample, Scale } from "./case.ts"

const slicesARound = 7

const cpuMicros = () => {
  const { system, user } = process.cpuUsage()
  return system + user
}

/** CPU time, because a machine that runs something else in between is not the library's doing. */
export const nanosPerCall = async (loop: Loop, calls: number): Promise<number> => {
  const before = cpuMicros()
  await loop(calls)
  return ((cpuMicros() - before) * 1000) / calls
}

/** Runs a loop until its code has been optimised, and answers how many calls fit into a slice. */
export const warmUp = async (loop: Loop, scale: Scale, sliceMillis: number): Promise<number> => {
  const fewest = 10
  if (scale === "smoke") return fewest
  const fitting = (nanos: number) => Math.max(fewest, Math.round((sliceMillis * 1e6) / Math.max(1, nanos)))
  const until = cpuMicros() + Math.max(300, sliceMillis * 20) * 1000
  let calls = fitting(await nanosPerCall(loop, fewest))
  while (cpuMicros() < until) calls = fitting(await nanosPerCall(loop, calls))
  return calls
}

/** The medians of a figure of bare and of guarded calls, and of how much more it is for the guarded ones. */
export const compareInTurn = async (
  slices: number,
  figures: Readonly<Record<"bare" | "guarded", () => Promise<number>>>
): Promise<Sample> => {
  const { bare, guarded } = await inTurn(slices, figures)
  return {
    bare: median(bare),
    perCall: median(guarded),
    overhead: median(guarded.map((value, slice) => value - bare[slice]!))
  }
}

/** Times both loops: a sample has nanoseconds of CPU a call. */
export const timed =
  (prepare: PrepareLoops, sliceMillis = 8): Case =>
  async (scale) => {
    const { bare, guarded } = await prepare(scale)
    const bareCalls = await warmUp(bare, scale, sliceMillis)
    const guardedCalls = await warmUp(guarded, scale, sliceMillis)
    return () =>
      compareInTurn(scale === "full" ? slicesARound : 1, {
        bare: () => nanosPerCall(bare, bareCalls),
        guarded: () => nanosPerCall(guarded, guardedCalls)
      })
  }
