/** Changes that outlive their call, their breaker, or their entry in the store. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { type CircuitStore, TripPolicy } from "effect-circuit-breaker"
import { isCircuitOpenError } from "effect-circuit-breaker/CircuitOpenError"
import { test } from "../kit/test.ts"
import { counted, fails, rejectionOf, tagOf, works } from "../kit/index.ts"
import type { Node } from "./fixtures.ts"
import {
  assertTags,
  entryOf,
  failing,
  fleet,
  halfOpenFleet,
  inStep,
  join,
  makeStore,
  settled,
  startCall,
  succeeding
} from "./fixtures.ts"

test("C6 a breaker whose scope has closed uses its own circuits only, and asks the store nothing", function* () {
  const scope = yield* Scope.make()
  const node = yield* Scope.extend(join(yield* makeStore(), { idleTimeToLive: "1 day" }), scope)
  yield* succeeding(node, 1)
  yield* Scope.close(scope, Exit.void)
  const before = node.link.commands
  yield* TestClock.adjust("1 minute")
  assert.strictEqual(yield* node.protect(works), "worked")
  assert.strictEqual(yield* node.protectWith(works, { key: "new" }), "worked")
  yield* Effect.replicateEffect(Effect.exit(node.protect(fails)), 5)
  assert.strictEqual((yield* rejectionOf(node.protect(works))).state, "Open")
  assert.strictEqual(node.link.commands, before)
})

test("C6 a circuit whose entry has expired opens on every node when it fails again", function* () {
  const store = yield* makeStore()
  const old = yield* join(store, { tripPolicy: TripPolicy.consecutive(1) })
  for (let i = 0; i < 3; i++) {
    yield* failing(old, 1)
    yield* TestClock.adjust("10 seconds")
    yield* succeeding(old, 1)
  }
  yield* TestClock.adjust("3 days")
  assert.strictEqual((yield* entryOf(store)).state, "")
  const fresh = yield* join(store, { tripPolicy: TripPolicy.consecutive(1) })
  yield* failing(fresh, 1)
  yield* assertTags([old, fresh], "Open")
  yield* inStep
  yield* assertTags([old, fresh], "Open")
})

test("C8 an entry is kept for the length of its window, even if circuits are dropped sooner", function* () {
  const options = {
    tripPolicy: TripPolicy.failureCount({ failures: 5, within: "3 days" }),
    idleTimeToLive: "1 minute"
  } as const
  const store = yield* makeStore()
  const gone = yield* Scope.make()
  yield* failing(yield* Scope.extend(join(store, options), gone), 4)
  yield* Scope.close(gone, Exit.void)
  yield* TestClock.adjust("2 days")
  const node = yield* join(store, options)
  yield* failing(node, 1)
  assert.strictEqual(yield* tagOf(node), "Open")
})

test("R3.3 a trip that is interrupted has opened the circuit on every node", function* () {
  const store = yield* makeStore()
  const slow = {
    ...store,
    exchange: (requests: ReadonlyArray<CircuitStore.ExchangeRequest>) =>
      Effect.delay(store.exchange(requests), "50 millis")
  }
  const [a, b] = [yield* join(slow), yield* join(store)]
  yield* succeeding(b, 1)
  const first = yield* Effect.fork(a.protect(works))
  yield* TestClock.adjust("1 second")
  yield* Fiber.join(first)
  const trip = yield* Effect.fork(a.trip())
  yield* settled
  yield* Fiber.interrupt(trip)
  yield* TestClock.adjust("1 second")
  yield* assertTags([a, b], "Open")
  yield* inStep
  yield* assertTags([a, b], "Open")
})

test("R3.2.4 probes that gave their slots back leave nothing in the store", function* () {
  const [a] = yield* halfOpenFleet(2)
  const sizes: Array<number> = []
  for (let i = 0; i < 20; i++) {
    const probe = yield* startCall(a)
    yield* Effect.fork(probe.interrupt)
    yield* settled
    sizes.push((yield* entryOf(a.link.store)).state?.length ?? 0)
  }
  assert.isAtMost(sizes.at(-1)!, sizes[0]! + 10)
})

test("C7 a rate counts the calls of all nodes after an outage that delayed a report", function* () {
  const tripPolicy = TripPolicy.failureRate({ threshold: 0.5, within: "10 minutes", minimumCalls: 4 })
  const [a, b] = yield* fleet(2, { tripPolicy })
  yield* succeeding(a, 1)
  yield* succeeding(b, 100)
  a.link.cut()
  yield* failing(a, 1)
  yield* TestClock.adjust("1 minute")
  a.link.mend()
  yield* inStep
  yield* failing(a, 6)
  yield* assertTags([a, b], "Closed")
})

test("F10 R3.4 state, snapshot and awaitReady ask the store first, and create no circuit", function* () {
  const store = yield* makeStore()
  const a = yield* join(store)
  yield* a.trip("eu")
  const b = yield* join(store)
  assert.strictEqual(yield* tagOf(b, "eu"), "Open")
  const { state, totals } = yield* b.snapshot("eu")
  assert.deepStrictEqual(state, yield* a.state("eu"))
  assert.deepStrictEqual(totals, { succeeded: 0, failed: 0, ignored: 0, rejected: 0 })
  assert.strictEqual(yield* tagOf(b, "us"), "Closed")
  assert.deepStrictEqual(yield* b.circuits, [])

  const waiting = yield* Effect.fork(b.awaitReady("eu"))
  yield* TestClock.adjust("9 seconds")
  assert.isNull(waiting.unsafePoll())
  yield* TestClock.adjust("1 second")
  yield* Fiber.join(waiting)
})

for (const [what, hold, state] of [
  ["an isolation", (node: Node) => node.isolate("eu"), "Isolated"],
  ["a disable", (node: Node) => node.disable("eu"), "Disabled"]
] as const) {
  test(`F10 R3.4 a read of a circuit that this process has not called finds ${what} of a process that died for its lease only`, function* () {
    const store = yield* makeStore({ lease: "6 seconds" })
    const a = yield* join(store)
    yield* hold(a)
    a.link.freeze()
    yield* TestClock.adjust("3 seconds")
    const b = yield* join(store)
    assert.strictEqual(yield* tagOf(b, "eu"), state)
    yield* TestClock.adjust("6 seconds")
    assert.strictEqual(yield* tagOf(b, "eu"), "Closed")
    assert.deepStrictEqual(yield* b.circuits, [])
    assert.strictEqual(yield* b.protectWith(works, { key: "eu" }), "worked")
  })
}

test("F1 F10 reads of 1,000 circuits at once that this process has not called take at most 8 round trips", function* () {
  const store = yield* makeStore()
  const a = yield* join(store)
  yield* a.trip("key 700")
  const b = yield* join(store)
  const before = b.link.commands
  const keys = Array.from({ length: 1_000 }, (_, i) => `key ${i}`)
  const tags = yield* Effect.forEach(keys, (key) => tagOf(b, key), { concurrency: "unbounded" })
  assert.isAtMost(b.link.commands - before, 8)
  assert.deepStrictEqual(
    tags,
    keys.map((_, i) => (i === 700 ? "Open" : "Closed"))
  )
})

test("F10 F11 a scope that closes in the turn of a read ends it", function* () {
  const store = yield* makeStore()
  const read = yield* Effect.scoped(
    Effect.flatMap(join(store), (node) => Effect.zipLeft(Effect.fork(node.state()), Effect.yieldNow()))
  )
  yield* settled
  assert.isNotNull(read.unsafePoll())
})

test("F10 R3.4 a read waits no longer than the deadline, and then reads this process alone", function* () {
  const store = yield* makeStore()
  yield* Effect.flatMap(join(store), (a) => a.trip())
  const b = yield* join(store)
  b.link.freeze()
  const reading = yield* Effect.fork(b.state())
  yield* TestClock.adjust("99 millis")
  assert.isNull(reading.unsafePoll())
  yield* TestClock.adjust("1 millis")
  assert.deepStrictEqual(yield* Fiber.join(reading), { _tag: "Closed" })
  assert.strictEqual(yield* tagOf(b), "Closed")
})

test("E4 R3.1.7 none of 50 first calls runs when the store does not answer", function* () {
  const [a] = yield* fleet(2, {}, { onStoreError: "reject" })
  a.link.freeze()
  const call = counted(works)
  const calls = yield* Effect.replicateEffect(Effect.fork(Effect.flip(a.protect(call.effect))), 50)
  const admitted = yield* Effect.fork(Effect.flip(Effect.scoped(a.admit())))
  yield* TestClock.adjust("1 second")
  const errors = [...(yield* Effect.forEach(calls, Fiber.join)), yield* Fiber.join(admitted)]
  assert.strictEqual(call.runs, 0)
  assert.isTrue(errors.every((error) => isCircuitOpenError(error) && error.state === "Open"))
})

test('onStoreError "reject" makes awaitReady wait for the store', function* () {
  const [a] = yield* fleet(2, {}, { onStoreError: "reject" })
  yield* succeeding(a, 1)
  a.link.cut()
  yield* failing(a, 1)
  yield* inStep
  assert.strictEqual((yield* rejectionOf(a.protect(works))).state, "Open")
  const waiting = yield* Effect.fork(a.awaitReady())
  yield* TestClock.adjust("1 minute")
  assert.isNull(waiting.unsafePoll())
  a.link.mend()
  yield* TestClock.adjust("4 seconds")
  yield* Fiber.join(waiting)
  assert.strictEqual(yield* a.protect(works), "worked")
})

test('mode "observe" shares its circuits with dry runs only', function* () {
  const store = yield* makeStore()
  const tripPolicy = TripPolicy.consecutive(1)
  const observer = { tripPolicy, mode: "observe" } as const
  const [a, b] = [yield* join(store, observer), yield* join(store, observer)]
  const c = yield* join(store, { tripPolicy })
  yield* Effect.forEach([a, b, c], (node) => succeeding(node, 1))
  yield* failing(a, 1)
  yield* assertTags([a, b, c], "Open", "Open", "Closed")
})
