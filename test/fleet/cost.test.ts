import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { type CircuitBreaker, CircuitStore, TripPolicy } from "effect-circuit-breaker"
import { liveTest, test } from "../kit/test.ts"
import { ManualClock } from "../kit/ManualClock.ts"
import { metricsOf, newName } from "../metrics/fixtures.ts"
import { counted, fails, make, works } from "../kit/index.ts"
import {
  assertTags,
  failing,
  fleet,
  inStep,
  join,
  makeStore,
  openFleet,
  settled,
  succeeding
} from "./fixtures.ts"

/** One of this number of nodes: whenever it asks, each of the others has asked once. */
const amongMany = (count: number, options?: CircuitBreaker.Options) =>
  Effect.gen(function* () {
    const store = yield* makeStore()
    const others = Array.from({ length: count - 1 }, (_, i) => `node-${i}`)
    const node = yield* join(
      {
        ...store,
        exchange: (requests) =>
          Effect.zipRight(
            store.exchange(requests.flatMap((request) => others.map((node) => quietly(node, request)))),
            store.exchange(requests)
          )
      },
      options
    )
    return [node, yield* join(store, options)] as const
  })

/** Another node's request about the same window, without a report. */
const quietly = (node: string, request: CircuitStore.ExchangeRequest): CircuitStore.ExchangeRequest => {
  const { window } = request
  const report = window?.report && { ...window.report, number: 0, base: 0, sections: [] }
  return { ...request, node, announce: false, window: window && { ...window, report } }
}

test("C8 a circuit without failures is asked about once, however many calls it has", function* () {
  const [a, b] = yield* fleet(2)
  assert.strictEqual(a.link.commands, 0)
  for (let minute = 0; minute < 10; minute++) {
    yield* succeeding(a, 100)
    yield* TestClock.adjust("1 minute")
  }
  assert.deepStrictEqual([a.link.commands, b.link.commands], [1, 0])
})

test("F1 first calls at the same time are one exchange", function* () {
  const [a] = yield* fleet(2)
  const call = counted(works)
  yield* Effect.all(Effect.replicate(a.protect(call.effect), 50), { concurrency: "unbounded" })
  assert.deepStrictEqual([call.runs, a.link.commands], [50, 1])
})

test("C8 a circuit that has healed sends no commands once its window is empty", function* () {
  const [a, b] = yield* openFleet(2)
  yield* TestClock.adjust("10 seconds")
  yield* succeeding(a, 1)
  // Two intervals without failures, and the messages in flight.
  yield* TestClock.adjust("8 seconds")
  const before = [a.link.commands, b.link.commands]
  yield* TestClock.adjust("10 minutes")
  yield* succeeding(a, 100)
  assert.deepStrictEqual([a.link.commands, b.link.commands], before)
})

test("C8 many failures lead to about ten exchanges per interval at most", function* () {
  const [a] = yield* fleet(2, { tripPolicy: TripPolicy.consecutive(1_000_000) })
  for (let failures = 0; failures < 400; failures++) {
    yield* Effect.exit(a.protect(fails))
    yield* TestClock.adjust("20 millis")
  }
  // Four intervals of two seconds, and the tokens from before.
  assert.isAtMost(a.link.commands, 5 * 10 + 1)
  assert.isAtLeast(a.link.commands, 4 * 10)
})

test("C6 failures after a quiet time are reported at once", function* () {
  const [a, b] = yield* fleet(2, { tripPolicy: TripPolicy.consecutive(6) })
  yield* succeeding(b, 1)
  for (let failures = 0; failures < 3; failures++) {
    yield* failing(a, 1)
    yield* TestClock.adjust("20 millis")
    yield* failing(b, 1)
    yield* TestClock.adjust("20 millis")
  }
  yield* assertTags([a, b], "Open")
})

test("F1 1,000 circuits are exchanged in batches, all within one interval", function* () {
  const sizes: Array<number> = []
  const store = yield* makeStore()
  const node = yield* join({
    ...store,
    exchange: (requests) =>
      Effect.suspend(() => {
        sizes.push(requests.length)
        return store.exchange(requests)
      })
  })
  const keys = Array.from({ length: 1_000 }, (_, i) => `key-${i}`)
  yield* Effect.forEach(keys, (key) => Effect.exit(node.protectWith(fails, { key })))
  yield* inStep
  sizes.length = 0
  yield* TestClock.adjust("2 seconds")
  yield* settled
  assert.strictEqual(Math.max(...sizes), 128)
  assert.strictEqual(
    sizes.reduce((sum, size) => sum + size, 0),
    1_000
  )
})

liveTest(
  "F1 if 1,000 answers arrive at once, 128 calls continue per turn, and the rest of the program runs between them",
  function* () {
    const clock = new ManualClock()
    const store = yield* CircuitStore.makeMemory()
    const allAsked = yield* Effect.makeLatch()
    let asked = 0
    const breaker = yield* Effect.provideService(make(), CircuitStore.CircuitStore, {
      ...store,
      exchange: (requests) =>
        Effect.suspend(() => {
          asked += requests.length
          return Effect.zipRight(asked < 1_000 ? allAsked.await : allAsked.open, store.exchange(requests))
        })
    }).pipe(Effect.withClock(clock))
    const call = counted(works)
    const keys = Array.from({ length: 1_000 }, (_, i) => `key-${i}`)
    const calls = yield* Effect.fork(
      Effect.forEach(keys, (key) => breaker.protectWith(call.effect, { key }), { concurrency: "unbounded" })
    )
    const runs: Array<number> = []
    for (let turn = 0; turn < 32; turn++) {
      yield* settled
      runs.push(call.runs)
      clock.advance(0)
    }
    yield* Fiber.join(calls)
    assert.strictEqual(runs.at(-1), 1_000)
    assert.isAtMost(Math.max(...runs.map((sum, i) => sum - (runs[i - 1] ?? 0))), 128)
  }
)

test("S8 S14 circuits that are restored after the same answer get revisions of their own", function* () {
  const node = yield* join(yield* makeStore())
  for (const key of ["one", "two"]) yield* node.trip(key)
  // After an outage, all circuits are exchanged at once.
  node.link.cut()
  yield* inStep
  const sizes: Array<number> = []
  const revisions: Array<string> = []
  const empty = yield* makeStore()
  node.link.moveTo({
    ...empty,
    exchange: (requests) =>
      Effect.suspend(() => {
        sizes.push(requests.length)
        return empty.exchange(requests)
      }),
    compareAndSet: (request) =>
      Effect.suspend(() => {
        revisions.push(request.revision)
        return empty.compareAndSet(request)
      })
  })
  node.link.mend()
  yield* inStep
  assert.include(sizes, 2)
  assert.strictEqual(revisions.length, 2)
  assert.strictEqual(new Set(revisions).size, 2)
})

test("S17 C8 each of 200 nodes exchanges a circuit less often", function* () {
  const [a, b] = yield* amongMany(200, { tripPolicy: TripPolicy.consecutive(1_000) })
  yield* failing(a, 1)
  yield* inStep
  yield* TestClock.adjust("16 seconds")
  const before = a.link.commands
  yield* TestClock.adjust("80 seconds")
  // Every eight seconds instead of every two: together, 25 times a second.
  assert.strictEqual(a.link.commands - before, 10)
  assert.strictEqual(b.link.commands, 0)
})

test("S17 C8 each of 50 nodes exchanges a circuit once per interval", function* () {
  const [a] = yield* amongMany(50, { tripPolicy: TripPolicy.consecutive(1_000) })
  yield* failing(a, 1)
  yield* inStep
  const before = a.link.commands
  yield* TestClock.adjust("40 seconds")
  assert.strictEqual(a.link.commands - before, 20)
})

test("S17 C8 counts are never older than a quarter of the window, however many nodes there are", function* () {
  const tripPolicy = TripPolicy.failureRate({ threshold: 1, within: "10 seconds", minimumCalls: 1_000 })
  const [a] = yield* amongMany(200, { tripPolicy })
  yield* TestClock.adjust("1 second")
  yield* failing(a, 1)
  yield* TestClock.adjust("3 seconds")
  yield* failing(a, 1)
  const before = a.link.commands
  yield* TestClock.adjust("5 seconds")
  assert.isAtLeast(a.link.commands - before, 2)
})

test("S17 R3.3 one of 200 nodes still renews its isolation within the lease", function* () {
  const [a, b] = yield* amongMany(200)
  yield* succeeding(b, 1)
  yield* a.isolate()
  yield* TestClock.adjust("1 minute")
  yield* settled
  yield* assertTags([a, b], "Isolated")
})

test("CircuitMetrics store_failing is 1 while the store of a shared breaker fails, and 0 again", function* () {
  const name = newName()
  const failing = Effect.map(metricsOf(name), (metrics) => metrics["store_failing"])
  yield* make({ name })
  assert.isUndefined(yield* failing)
  const node = yield* join(yield* makeStore(), { name })
  assert.strictEqual(yield* failing, 0)
  node.link.cut()
  yield* succeeding(node, 1)
  assert.strictEqual(yield* failing, 1)
  yield* inStep
  assert.strictEqual(yield* failing, 1)
  node.link.mend()
  yield* inStep
  assert.strictEqual(yield* failing, 0)
})

test("CircuitMetrics store_failing is 0 after the scope of its breaker has closed", function* () {
  const name = newName()
  yield* Effect.scoped(
    Effect.gen(function* () {
      const node = yield* join(yield* makeStore(), { name })
      node.link.cut()
      yield* succeeding(node, 1)
    })
  )
  assert.strictEqual((yield* metricsOf(name))["store_failing"], 0)
})

test("CircuitMetrics store_failing stays 0 where an answer fails after the scope of its breaker has closed", function* () {
  const name = newName()
  const store = yield* makeStore()
  let hangs = false
  const asking = yield* Effect.scoped(
    Effect.gen(function* () {
      const node = yield* join(
        {
          ...store,
          exchange: (requests) => (hangs ? Effect.never : store.exchange(requests))
        },
        { name }
      )
      yield* succeeding(node, 1)
      hangs = true
      const asking = yield* Effect.forkDaemon(node.state("another"))
      yield* settled
      return asking
    })
  )
  yield* inStep
  assert.strictEqual((yield* Fiber.join(asking))._tag, "Closed")
  assert.strictEqual((yield* metricsOf(name))["store_failing"], 0)
})
