import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import type { CircuitStore } from "effect-circuit-breaker"
import { test } from "../kit/test.ts"
import { recordLogs, rejectionOf, tagOf, works } from "../kit/index.ts"
import {
  assertTags,
  failing,
  fleet,
  historyOf,
  inStep,
  join,
  makeStore,
  openFleet,
  settled,
  startCall,
  succeeding
} from "./fixtures.ts"
import type { Node } from "./fixtures.ts"

/** A store whose answers to exchanges can be delayed. */
const keepingBack = (store: CircuitStore.Store) => {
  const gate = Effect.unsafeMakeLatch(true)
  return {
    gate,
    store: {
      ...store,
      exchange: (requests: ReadonlyArray<CircuitStore.ExchangeRequest>) =>
        Effect.zipLeft(store.exchange(requests), gate.await)
    }
  }
}

test("R3.4 the origin of a transition is Local on the process that decided it, and Fleet on the others", function* () {
  const [a, b] = yield* openFleet(2)
  const origins = ({ seen }: Node) => seen.map(({ origin, to }) => `${to} ${origin}`)
  assert.deepStrictEqual(origins(a), ["Open Local"])
  assert.deepStrictEqual(origins(b), ["Open Fleet"])
})

test("R3.4 the line of an opening says that another process decided it", function* () {
  const lines = yield* recordLogs
  yield* openFleet(2)
  assert.deepStrictEqual(
    lines.map(({ message }) => message),
    [
      "Circuit opened for 10s (consecutive: 1 failure in a row, opening 1)",
      "Circuit opened for 10s (tripped by its policy, opening 1, decided by another process)"
    ]
  )
})

test("R3.3 trip opens the circuit on every node, and it heals as after any trip", function* () {
  const [a, b] = yield* fleet(2)
  yield* succeeding(b, 1)
  yield* a.trip()
  yield* settled
  yield* assertTags([a, b], "Open")
  assert.deepStrictEqual(
    b.seen.map((transition) => (transition.to === "Open" ? transition.reason : transition.to)),
    ["Manual"]
  )
  yield* TestClock.adjust("10 seconds")
  yield* succeeding(b, 1)
  yield* assertTags([a, b], "Closed")
  assert.deepStrictEqual(historyOf(a), historyOf(b))
})

test("R3.3 trip of an Open circuit restarts its open time on every node, without a backoff step", function* () {
  const [a, b] = yield* openFleet(2, { openDuration: Schedule.exponential("10 seconds") })
  yield* TestClock.adjust("6 seconds")
  yield* b.trip()
  yield* settled
  yield* TestClock.adjust("9999 millis")
  for (const node of [a, b]) {
    const state = yield* node.state()
    assert.deepInclude(state, { _tag: "Open", openings: 1 })
  }
  yield* TestClock.adjust("1 millis")
  yield* assertTags([a, b], "HalfOpen")
})

test("R3.3 reset closes the circuit on every node and starts the backoff over", function* () {
  const [a, b] = yield* openFleet(2, { openDuration: Schedule.exponential("10 seconds") })
  yield* b.reset()
  yield* settled
  yield* assertTags([a, b], "Closed")
  yield* failing(a, 1)
  yield* settled
  for (const node of [a, b]) assert.deepInclude(yield* node.state(), { _tag: "Open", openings: 1 })
})

test("R3.3 reset empties the window of every node", function* () {
  const [a, b] = yield* fleet(2)
  yield* failing(a, 1)
  yield* failing(b, 3)
  yield* inStep
  yield* a.reset()
  yield* settled
  yield* failing(a, 2)
  yield* inStep
  yield* assertTags([a, b], "Closed")
  yield* failing(b, 2)
  yield* inStep
  yield* assertTags([a, b], "Closed")
  yield* failing(a, 1)
  yield* inStep
  yield* assertTags([a, b], "Open")
})

test("R3.3 reset fences out the calls in flight on every node", function* () {
  const [a, b] = yield* fleet(2)
  const calls = yield* Effect.replicateEffect(startCall(b), 5)
  yield* a.reset()
  yield* settled
  yield* Effect.forEach(calls, ({ end }) => end(Exit.fail("late")))
  yield* inStep
  yield* assertTags([a, b], "Closed")
  const { window } = yield* b.snapshot()
  assert.strictEqual(window.failures, 0)
})

test("R3.3 a control has reached the store when it returns", function* () {
  const store = yield* makeStore()
  const a = yield* join(store)
  yield* a.trip("eu")
  const b = yield* join(store)
  assert.strictEqual((yield* rejectionOf(b.protectWith(works, { key: "eu" }))).state, "Open")
})

test("awaitReady on one node ends when another node closes the circuit", function* () {
  const [a, b] = yield* openFleet(2)
  const waiting = yield* Effect.fork(b.awaitReady())
  const done = yield* Deferred.make<void>()
  yield* Effect.fork(Effect.zipRight(Fiber.join(waiting), Deferred.succeed(done, undefined)))
  yield* settled
  assert.strictEqual(yield* Deferred.isDone(done), false)
  yield* a.reset()
  yield* settled
  assert.strictEqual(yield* Deferred.isDone(done), true)
  assert.strictEqual(yield* tagOf(b), "Closed")
})

test("C6 an answer of the store from before a reset does not undo the reset", function* () {
  const store = yield* makeStore({ deadline: "1 minute" })
  const slow = keepingBack(store)
  const [a, b] = [yield* join(store), yield* join(slow.store)]
  for (const node of [a, b]) yield* succeeding(node, 1)
  yield* a.trip()
  yield* settled
  yield* assertTags([a, b], "Open")

  slow.gate.unsafeClose()
  yield* TestClock.adjust("3 seconds")
  yield* a.reset()
  yield* settled
  yield* assertTags([a, b], "Closed")
  slow.gate.unsafeOpen()
  yield* settled
  yield* assertTags([a, b], "Closed")
  assert.deepStrictEqual(historyOf(b), ["Closed > Open 1", "Open > Closed 2"])
})
