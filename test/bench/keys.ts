import { setTimeout } from "node:timers/promises"
import { median, usedBytes } from "./case.ts"
import type { Case } from "./case.ts"

/** Distinct keys, as a program holds them: the set has computed their hashes, so that these are not counted later. */
export const makeKeys = (count: number): ReadonlyArray<string> => [
  ...new Set(Array.from({ length: count }, (_, index) => `tenant-${index}`))
]

/** Takes keys in an order that no cache can foresee, the same one in each run. */
export const shuffled = (keys: ReadonlyArray<string>): (() => string) => {
  let seed = 0x2545f491
  return () => {
    seed ^= seed << 13
    seed ^= seed >>> 17
    seed ^= seed << 5
    return keys[(seed >>> 0) % keys.length]!
  }
}

/** A breaker with a circuit for each key, of any library. */
export interface Keyed {
  /** Makes a circuit for each key, with so many successful calls in its window. */
  readonly makeCircuits: (keys: ReadonlyArray<string>, calls: number) => Promise<unknown>
  /** Makes one call, at once. */
  readonly call: (key: string) => void
  readonly advanceClock: (millis: number) => void
  readonly release: () => Promise<unknown>
}

/** Makes a breaker that holds so many circuits. */
export type MakeKeyed = (circuits: number) => Promise<Keyed>

/** Bytes a closed circuit, without its key, which the program holds anyway, and without what all circuits share. */
export const bytesEach =
  (count: number, calls: number, make: MakeKeyed): Case =>
  async (size) => {
    const keys = makeKeys(size(count, 10))
    return async () => {
      const keyed = await make(keys.length + 1)
      await keyed.makeCircuits(["the first one"], calls)
      const before = usedBytes()
      await keyed.makeCircuits(keys, calls)
      const bytes = (usedBytes() - before) / keys.length
      await keyed.release()
      return { bytes }
    }
  }

const maximum = (values: ReadonlyArray<number> | Float64Array): number => {
  let highest = 0
  for (const value of values) highest = Math.max(highest, value)
  return highest
}

/** Leaves some garbage behind before it begins, so that collections come at other calls than in the pass before. */
const timePass = async (call: (index: number) => void, calls: number, garbage: number) => {
  const millis = new Float64Array(calls)
  usedBytes()
  await setTimeout(20)
  Array.from({ length: garbage }, (_, index) => ({ index }))
  for (let index = 0; index < calls; index++) {
    const from = performance.now()
    call(index)
    millis[index] = performance.now() - from
  }
  return millis
}

/**
 * The worst single call, in milliseconds, after every circuit has been idle for too long. Calls go on: on keys of before,
 * and on one that stays in use. There are `share` as many calls as keys, enough to see the last of the circuits dropped.
 *
 * Five passes make the same calls in the same order. `worst` is the median of the worst of each. It has the pauses of the
 * machine and of the collector in it, so `inEachPass` counts each call with the least that it took: a pause of the breaker
 * comes at the same call in each pass, and the others do not.
 */
export const worstCall =
  (count: number, share: number, make: MakeKeyed): Case =>
  async (size) => {
    const keys = makeKeys(size(count, 10))
    const calls = Math.ceil(keys.length * share)
    return async () => {
      const worst: Array<number> = []
      const least = new Float64Array(calls).fill(Infinity)
      for (let pass = 0; pass < 5; pass++) {
        const keyed = await make(keys.length + 1)
        await keyed.makeCircuits(keys, 1)
        keyed.advanceClock(7_200_000)
        const again = shuffled(keys)
        const call = (index: number) => keyed.call(index % 2 === 0 ? again() : "in use")
        const millis = await timePass(call, calls, pass * 20_000)
        worst.push(maximum(millis))
        millis.forEach((value, index) => void (least[index] = Math.min(least[index]!, value)))
        await keyed.release()
      }
      return { worst: median(worst), inEachPass: maximum(least) }
    }
  }
