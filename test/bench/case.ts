/** The figures of one round of a case, by field: nanoseconds, bytes, milliseconds or counts. */
export type Sample = Readonly<Record<string, number>>

/** Measures once. A group calls it as often as it has rounds. */
export type Round = () => Promise<Sample>

/** Chooses between a full run and a smoke run, which only shows that everything runs. */
export type Size = <A>(full: A, smoke: A) => A

/** Prepares something to measure, in a process of its own. */
export type Case = (size: Size) => Promise<Round>

export type Cases = Readonly<Record<string, Case>>

/** Does something so many times. */
export type Loop = (calls: number) => Promise<unknown>

/** Prepares the same work as two loops: bare, and with a breaker around it. */
export type Prepare = (size: Size) => Promise<{ readonly bare: Loop; readonly guarded: Loop }>

const quantile = (values: ReadonlyArray<number>, share: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const position = (sorted.length - 1) * share
  const below = sorted[Math.floor(position)] ?? Number.NaN
  const above = sorted[Math.ceil(position)] ?? Number.NaN
  return below + (above - below) * (position - Math.floor(position))
}

export const median = (values: ReadonlyArray<number>): number => quantile(values, 0.5)

export const p99 = (values: ReadonlyArray<number>): number => quantile(values, 0.99)

/** Half of the distance between the quartiles, as a share of the median. */
export const spread = (values: ReadonlyArray<number>): number =>
  (quantile(values, 0.75) - quantile(values, 0.25)) / 2 / Math.abs(median(values))

/**
 * Measures each figure in short slices, one figure after the other and each first in turn, so that a machine that changes
 * its speed changes it for all of them. The sample has the median of each figure, and as `overhead` the median of what
 * `guarded` takes beyond the `bare` slice beside it.
 */
export const inTurn = async (
  slices: number,
  figures: Readonly<Record<string, () => Promise<number>>>
): Promise<Sample> => {
  const names = Object.keys(figures)
  const taken = new Map(names.map((name) => [name, [] as Array<number>]))
  for (let slice = 0; slice < slices; slice++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(slice + i) % names.length]!
      taken.get(name)!.push(await figures[name]!())
    }
  }
  const [bare, guarded] = [taken.get("bare") ?? [], taken.get("guarded") ?? []]
  const overhead = median(guarded.map((value, slice) => value - bare[slice]!))
  return { ...Object.fromEntries(names.map((name) => [name, median(taken.get(name)!)])), overhead }
}

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
const warmUp = async (loop: Loop, size: Size, sliceMillis: number): Promise<number> => {
  const fewest = 10
  const until = cpuMicros() + size(Math.max(300, sliceMillis * 20) * 1000, 0)
  let calls = fewest
  while (cpuMicros() < until) {
    const nanos = Math.max(1, await nanosPerCall(loop, calls))
    calls = Math.max(fewest, Math.round((sliceMillis * 1e6) / nanos))
  }
  return calls
}

/** Nanoseconds of CPU a call, of a bare and a guarded loop. */
export const timed =
  (prepare: Prepare, sliceMillis = 8): Case =>
  async (size) => {
    const { bare, guarded } = await prepare(size)
    const bareCalls = await warmUp(bare, size, sliceMillis)
    const guardedCalls = await warmUp(guarded, size, sliceMillis)
    return () =>
      inTurn(size(7, 1), {
        bare: () => nanosPerCall(bare, bareCalls),
        guarded: () => nanosPerCall(guarded, guardedCalls)
      })
  }

/** Collects all garbage. */
export const collect = (): void => {
  if (globalThis.gc === undefined) throw new Error("started without --expose-gc")
  globalThis.gc()
  globalThis.gc()
}

/** Bytes in use after a collection: the heap, and what array buffers hold outside of it. */
export const usedBytes = (): number => {
  collect()
  const { external, heapUsed } = process.memoryUsage()
  return heapUsed + external
}

/**
 * Bytes that a call allocates: how far the heap grows during so few calls that nothing is collected, in a process whose
 * young generation has room for them (`roomy` in `rows.ts`).
 */
export const allocated =
  (prepare: Prepare): Case =>
  async (size) => {
    const { bare, guarded } = await prepare(size)
    const calls = size(10_000, 10)
    for (const loop of [bare, guarded]) await warmUp(loop, size, 8)
    const bytesPerCall = (loop: Loop) => async () => {
      collect()
      const before = process.memoryUsage().heapUsed
      await loop(calls)
      return (process.memoryUsage().heapUsed - before) / calls
    }
    return () => inTurn(size(5, 1), { bare: bytesPerCall(bare), guarded: bytesPerCall(guarded) })
  }
