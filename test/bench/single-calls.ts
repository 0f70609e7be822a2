import { PerformanceObserver } from "node:perf_hooks"
import { setTimeout } from "node:timers/promises"
import { median } from "./statistics.ts"
import type { Sample } from "./case.ts"

interface Pause {
  readonly startTime: number
  readonly duration: number
}

interface Pass {
  /** Of each call, in milliseconds. */
  readonly whole: Float64Array
  readonly withoutCollection: Float64Array
}

const maximum = (values: Float64Array) => values.reduce((highest, value) => Math.max(highest, value), 0)

/** Takes off each call the collections that V8 reports within it. Both are in order of time. */
const takeOff = (pauses: ReadonlyArray<Pause>, startedAt: Float64Array, whole: Float64Array) => {
  const rest = Float64Array.from(whole)
  let next = 0
  for (let index = 0; index < whole.length; index++) {
    const from = startedAt[index] ?? 0
    const until = from + (whole[index] ?? 0)
    for (let pause = pauses[next]; pause !== undefined && pause.startTime < until; pause = pauses[++next]) {
      const collected = Math.min(until, pause.startTime + pause.duration) - Math.max(from, pause.startTime)
      rest[index] = (rest[index] ?? 0) - Math.max(0, collected)
    }
  }
  return rest
}

const timePass = async (call: (index: number) => void, calls: number): Promise<Pass> => {
  const startedAt = new Float64Array(calls)
  const whole = new Float64Array(calls)
  const pauses: Array<Pause> = []
  const observer = new PerformanceObserver((list) => pauses.push(...list.getEntries()))
  globalThis.gc?.()
  await setTimeout(20)
  observer.observe({ entryTypes: ["gc"] })
  for (let index = 0; index < calls; index++) {
    const from = performance.now()
    call(index)
    whole[index] = performance.now() - from
    startedAt[index] = from
  }
  // entries arrive in a turn of their own
  await setTimeout(20)
  observer.disconnect()
  pauses.sort((a, b) => a.startTime - b.startTime)
  return { whole, withoutCollection: takeOff(pauses, startedAt, whole) }
}

/**
 * The worst single call, in milliseconds, of five passes that make the same calls in the same order. `worst` and
 * `worstWithoutCollection` are the medians of the passes. A machine that does something else in between spoils both,
 * so there is `worstInEachPass`: a call counts with the least that it took. A pause that the breaker makes comes at the
 * same call in each pass, one of the machine's at another.
 */
export const worstCalls = async (
  calls: number,
  preparePass: () => Promise<(index: number) => void>
): Promise<Sample> => {
  const passes: Array<Pass> = []
  for (let pass = 0; pass < 5; pass++) {
    passes.push(await timePass(await preparePass(), calls))
  }
  const least = new Float64Array(calls).fill(Infinity)
  for (const { withoutCollection } of passes) {
    for (let index = 0; index < calls; index++) {
      least[index] = Math.min(least[index] ?? 0, withoutCollection[index] ?? 0)
    }
  }
  return {
    worst: median(passes.map(({ whole }) => maximum(whole))),
    worstWithoutCollection: median(passes.map(({ withoutCollection }) => maximum(withoutCollection))),
    worstInEachPass: maximum(least)
  }
}
