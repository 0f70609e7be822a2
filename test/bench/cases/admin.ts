import { setTimeout } from "node:timers/promises"
import { inTurn, median, p99 } from "../case.ts"
import { makeCrowd } from "../crowd.ts"
import { startHelper } from "../process.ts"
import type { Case, Cases } from "../case.ts"

const circuits = 10_000
const pages = 5

const cpuMicros = () => {
  const { system, user } = process.cpuUsage()
  return system + user
}

/** Makes calls for a time, and answers the CPU time of each: that of everything else in the process is theirs to bear. */
const nanosPerCall = async (call: (calls: number) => Promise<void>, millis: number): Promise<number> => {
  const until = performance.now() + millis
  const before = cpuMicros()
  let calls = 0
  while (performance.now() < until) {
    await call(1_000)
    calls += 1_000
  }
  return ((cpuMicros() - before) * 1_000) / calls
}

/** The CPU time of a call while no page is open, and while five are. */
const load: Case = async (size) => {
  const { call, port } = await makeCrowd(size(circuits, 100))
  const operators = await startHelper("operators", `${port}`)
  await nanosPerCall(call, size(2_000, 10))
  const whileOpen = async (open: number) => {
    await operators.ask({ open })
    const nanos = await nanosPerCall(call, size(3_000, 50))
    await operators.ask({ open: 0 })
    return nanos
  }
  return () => inTurn(size(4, 1), { bare: () => whileOpen(0), guarded: () => whileOpen(pages) })
}

/**
 * The CPU time that five open pages cost the process, in milliseconds a second, while some thousand calls a second are
 * made. The time of the calls, as measured while no page is open, is subtracted.
 */
const pagesOpen: Case = async (size) => {
  const { call, port } = await makeCrowd(size(circuits, 100))
  const operators = await startHelper("operators", `${port}`)
  const measure = async (open: number) => {
    await operators.ask({ open })
    const [from, before] = [performance.now(), cpuMicros()]
    let calls = 0
    while (performance.now() - from < size(4_000, 50)) {
      await call(250)
      calls += 250
      await setTimeout(20)
    }
    const micros = cpuMicros() - before
    const seconds = (performance.now() - from) / 1_000
    await operators.ask({ open: 0 })
    return { calls, micros, seconds }
  }
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
