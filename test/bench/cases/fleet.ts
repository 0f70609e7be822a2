import { TripPolicy } from "effect-circuit-breaker"
import type { CircuitBreaker } from "effect-circuit-breaker"
import * as Effect from "effect/Effect"
import { setTimeout as sleep } from "node:timers/promises"
import { median, p99, timed } from "../case.ts"
import { acquire, acquireRelease, bare, failing, loop, quietly } from "../effect3.ts"
import { startHelper } from "../process.ts"
import { clock, commandsOf, makeShared, makeStore, opensAtOnce, startRedis } from "../redis.ts"
import type { Case, Cases } from "../case.ts"

interface Traffic {
  readonly callsASecond: number
  readonly failingShare: number
  readonly millis: number
}

/** Calls at a steady rate. The calls that fail are spread evenly. */
const callAt = async (
  breaker: CircuitBreaker.CircuitBreaker,
  { callsASecond, failingShare, millis }: Traffic
) => {
  const one = Effect.ignore(breaker.protect(bare))
  const oneThatFails = Effect.ignore(breaker.protect(failing))
  const startedAt = performance.now()
  let made = 0
  let failed = 0
  const next = Effect.suspend(() => {
    if (++made * failingShare < failed + 1) return one
    failed++
    return oneThatFails
  })
  for (let passed = 0; passed < millis; passed = performance.now() - startedAt) {
    const due = Math.floor((passed * callsASecond) / 1000 - made)
    await Effect.runPromise(Effect.replicateEffect(next, due, { discard: true }))
    await sleep(1)
  }
}

const commands: Case = async (size) => {
  const { client, port } = await startRedis()
  const tripPolicy = TripPolicy.failureRate({ threshold: 0.9, within: "30 seconds" })
  const millis = size(2_000, 50)
  const during = async (callsASecond: number, failingShare: number) => {
    const name = `${callsASecond} calls a second, ${failingShare} of them fail`
    const { release, value: breaker } = await acquireRelease(makeShared(port, { name, tripPolicy }))
    await Effect.runPromise(breaker.protect(bare))
    await sleep(100)
    const before = await commandsOf(client)
    await callAt(breaker, { callsASecond, failingShare, millis })
    const sent = (await commandsOf(client)) - before
    await release()
    return (sent * 1_000) / millis
  }
  return async () => ({
    healthy: await during(1_000, 0),
    slow: await during(1_000, 0.01),
    fast: await during(100_000, 0.01)
  })
}

const firstCall: Case = async (size) => {
  const { port } = await startRedis()
  const breaker = await acquire(makeShared(port, {}))
  const calls = size(500, 5)
  let made = 0
  return async () => {
    const startedAt = performance.now()
    for (let i = 0; i < calls; i++) {
      await Effect.runPromise(breaker.protectWith(bare, { key: `key-${made++}` }))
    }
    return { nanos: ((performance.now() - startedAt) * 1e6) / calls }
  }
}

/** A thousand keys that are called for the first time, all in one turn. Code is compiled only after many such turns. */
const firstCalls =
  (warmUps: number): Case =>
  async (size) => {
    const { port } = await startRedis()
    // On a busy machine the answers may take longer than a breaker waits: it would go by itself then.
    const breaker = await acquire(makeShared(port, { capacity: 1_000_000 }, { deadline: "1 minute" }))
    let made = 0
    const measure = async () => {
      const calls = Effect.forEach(
        Array.from({ length: 1_000 }, () => `key-${made++}`),
        (key) => breaker.protectWith(bare, { key }),
        { concurrency: "unbounded", discard: true }
      )
      const before = process.cpuUsage()
      const turns = longestTurn()
      await Effect.runPromise(calls)
      const { system, user } = process.cpuUsage(before)
      return { nanos: user + system, turn: turns.end() }
    }
    for (let i = size(warmUps, 0); i > 0; i--) await measure()
    return measure
  }

/** Milliseconds of the longest turn of the event loop until the end. */
const longestTurn = () => {
  let isOn = true
  let last = performance.now()
  let longest = 0
  const turn = () => {
    longest = Math.max(longest, performance.now() - last)
    last = performance.now()
    if (isOn) setImmediate(turn)
  }
  setImmediate(turn)
  return {
    end: () => {
      isOn = false
      return longest
    }
  }
}

/** The cost for Redis of one exchange of a circuit of which 1,000 processes have reported failures in ten slices. */
const exchange: Case = async (size) => {
  const { client, port } = await startRedis()
  const store = await acquire(makeStore(port))
  const nodes = Array.from({ length: size(1_000, 10) }, (_, i) => `node-${i}`)
  const report = (number: number, slice: number) =>
    Effect.runPromise(
      store.exchange(
        nodes.map((node) => ({
          circuit: { breaker: "exchange", key: "default" },
          node,
          revision: "",
          window: {
            name: "rate",
            epoch: 1,
            report: { number, base: number - 1, sections: [sectionAt(slice)], failing: true, listed: 0 }
          },
          announce: false,
          renew: false,
          keepMillis: 3_600_000
        }))
      )
    )
  const slice = () => Math.floor(Date.now() / sliceMillis)
  let reports = 0
  while (reports < 10) await report(++reports, slice() - 10 + reports)
  return async () => {
    await client.config("RESETSTAT")
    await report(++reports, slice())
    const [, micros = NaN] =
      /cmdstat_evalsha:.*usec_per_call=([\d.]+)/.exec(await client.info("commandstats")) ?? []
    const [, sent = NaN] = /total_net_output_bytes:(\d+)/.exec(await client.info("stats")) ?? []
    return { nanos: Number(micros) * 1_000, bytes: Number(sent) / nodes.length }
  }
}

const sliceMillis = 3_600_000

const sectionAt = (slice: number) => ({
  unitMillis: sliceMillis,
  span: 10,
  enough: Infinity,
  freshMillis: 0,
  parts: Infinity,
  floor: 0,
  rows: [[slice, 10, 5, 0]] as const
})

/** Milliseconds from a failure that opens a circuit to the first rejection in another process that calls it. */
const spread: Case = async (size) => {
  const { port } = await startRedis()
  const breaker = await acquire(makeShared(port, opensAtOnce))
  const other = await startHelper("fleetNode", `${port}`)
  const openOne = async (key: string) => {
    await Effect.runPromise(breaker.protectWith(bare, { key }))
    await other.ask({ key, until: "called" })
    const rejectedAt = other.ask({ key, until: "rejected" })
    await sleep(5)
    const failedAt = clock()
    await Effect.runPromise(quietly(Effect.exit(breaker.protectWith(failing, { key }))))
    return (await rejectedAt) - failedAt
  }
  let opened = 0
  return async () => {
    const millis: Array<number> = []
    for (let i = 0; i < size(200, 2); i++) millis.push(await openOne(`key-${opened++}`))
    return { median: median(millis), p99: p99(millis) }
  }
}

/** A breaker that shares its circuits through Redis. */
export const cases: Cases = {
  closed: timed(async () => {
    const { port } = await startRedis()
    const breaker = await acquire(makeShared(port, {}))
    const guarded = breaker.protect(bare)
    await Effect.runPromise(guarded)
    return { bare: loop(() => bare), guarded: loop(() => guarded) }
  }),
  commands,
  firstCall,
  firstCalls: firstCalls(20),
  firstCallsOfProcess: firstCalls(0),
  exchange,
  spread
}
