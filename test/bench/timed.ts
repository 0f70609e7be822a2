import { median } from "./statistics.ts"
import type { Case, Scale } from "./case.ts"

/** The same work, as often as asked: bare, and with the breaker around it. */
export interface Loops {
  readonly bare: (calls: number) => Promise<unknown>
  readonly guarded: (calls: number) => Promise<unknown>
}

type Loop = Loops["bare"]

const sizes = {
  full: { warmUpMillis: 300, sliceMillis: 8, slices: 7 },
  smoke: { warmUpMillis: 1, sliceMillis: 0.2, slices: 1 }
} as const

const cpuMicros = () => {
  const { system, user } = process.cpuUsage()
  return system + user
}

// CPU time: a machine that runs something else in between is not the library's doing
const nanosPerCall = async (loop: Loop, calls: number) => {
  const before = cpuMicros()
  await loop(calls)
  return ((cpuMicros() - before) * 1000) / calls
}

/** Runs a loop until its code has been optimised, and answers how many calls fit into a slice. */
const warmUp = async (loop: Loop, scale: Scale) => {
  const { sliceMillis, warmUpMillis } = sizes[scale]
  const until = performance.now() + warmUpMillis
  let nanos = Math.max(1, await nanosPerCall(loop, 10))
  do {
    nanos = Math.max(1, await nanosPerCall(loop, Math.max(10, Math.round((sliceMillis * 1e6) / nanos))))
  } while (performance.now() < until)
  return Math.max(10, Math.round((sliceMillis * 1e6) / nanos))
}

/**
 * Times both loops in short turns, one after the other and each first in turn, so that a machine that changes its
 * pace changes it for both. A sample has nanoseconds of CPU a call: `bare`, `perCall` and `overhead`.
 */
export const timed =
  (prepare: (scale: Scale) => Promise<Loops>): Case =>
  async (scale) => {
    const { bare, guarded } = await prepare(scale)
    const bareCalls = await warmUp(bare, scale)
    const guardedCalls = await warmUp(guarded, scale)
    return async () => {
      const slices: Array<{ readonly bare: number; readonly guarded: number }> = []
      for (let slice = 0; slice < sizes[scale].slices; slice++) {
        if (slice % 2 === 0) {
          const first = await nanosPerCall(bare, bareCalls)
          slices.push({ bare: first, guarded: await nanosPerCall(guarded, guardedCalls) })
        } else {
          const first = await nanosPerCall(guarded, guardedCalls)
          slices.push({ bare: await nanosPerCall(bare, bareCalls), guarded: first })
        }
      }
      return {
        bare: median(slices.map((slice) => slice.bare)),
        perCall: median(slices.map((slice) => slice.guarded)),
        overhead: median(slices.map((slice) => slice.guarded - slice.bare))
      }
    }
  }
