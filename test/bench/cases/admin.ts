import { setTimeout } from "node:timers/promises"
import { collect, inTurn, median, nanosPerCall, p99 } from "../case.ts"
import { makeCrowd } from "../crowd.ts"
import { startHelper } from "../process.ts"
import type { Case, Cases } from "../case.ts"

const circuits = 10_000
const pages = 5

const cpuMicros = () => {
  const { system, user } = process.cpuUsage()
  return system + user
}

/**
 * The CPU time of a call while no page is open, and while five are: calls bear that of everything in the process. Every
 * slice makes the same calls after a full collection, because the collector marks the whole heap every 600,000 calls or
 * so, and one such cycle more in a slice would be 3 % of it.
 */
const load: Case = async (size) => {
  const { call, port } = await makeCrowd(size(circuits, 100))
  const operators = await startHelper("operators", `${port}`)
  const whileOpen = async (open: number) => {
    await operators.ask({ open })
    // For two seconds, because V8 may have discarded the code for pages while none was open.
    await call(size(1_000_000, 1_000))
    collect()
    // For some four seconds, in which each page asks twice for everything that it shows.
    const nanos = await nanosPerCall(call, size(2_000_000, 1_000))
    await operators.ask({ open: 0 })
    return nanos
  }
  const figures = { bare: () => whileOpen(0), guarded: () => whileOpen(pages) }
  await inTurn(size(2, 1), figures)
  return () => inTurn(size(3, 1), figures)
}

/**
 * The CPU time of five pages, in milliseconds a second, beside a thousand calls a second. The time of the calls, measured
 * while no page is open, is subtracted. The fewer calls, the less their noise hides the pages.
 */
const pagesOpen: Case = async (size) => {
  const { call, port } = await makeCrowd(size(circuits, 100))
  const operators = await startHelper("operators", `${port}`)
  const measure = async (open: number) => {
    await operators.ask({ open })
    collect()
    const [from, before] = [performance.now(), cpuMicros()]
    let calls = 0
    while (performance.now() - from < size(4_000, 50)) {
      await call(250)
      calls += 250
      await setTimeout(250)
    }
    const micros = cpuMicros() - before
    const seconds = (performance.now() - from) / 1_000
    await operators.ask({ open: 0 })
    return { calls, micros, seconds }
  }
  // Now the circuits that fail are open.
  await call(size(300_000, 1_000))
  await measure(pages)
  return async () => {
    const millis: Array<number> = []
    for (let slice = 0; slice < size(3, 1); slice++) {
      const [bare, guarded] = [await measure(0), await measure(pages)]
      const ofCalls = (bare.micros / bare.calls) * guarded.calls
      millis.push((guarded.micros - ofCalls) / guarded.seconds / 1_000)
    }
    return { cpu: median(millis) }
  }
}

/** The time until the first page of the list arrives, in milliseconds, while calls are made. */
const list: Case = async (size) => {
  const { call, port } = await makeCrowd(size(circuits, 100))
  const operators = await startHelper<ReadonlyArray<number>>("operators", `${port}`)
  const ask = async (count: number) => {
    const done = new AbortController()
    const answered = operators.ask({ list: count }).finally(() => done.abort())
    while (!done.signal.aborted) await call(250)
    return answered
  }
  await ask(size(50, 1))
  return async () => {
    const millis = await ask(size(200, 2))
    return { median: median(millis), p99: p99(millis) }
  }
}

export const cases: Cases = { list, load, pagesOpen }
