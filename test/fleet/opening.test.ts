import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { type CircuitStore, Outcome, TripPolicy } from "effect-circuit-breaker"
import { test } from "../kit/test.ts"
import { counted, fails, rejectionOf, tagOf, works } from "../kit/index.ts"
import {
  assertTags,
  failing,
  fleet,
  halfOpenFleet,
  historyOf,
  inStep,
  join,
  makeStore,
  openFleet,
  settled,
  startCall,
  succeeding,
  tagsOf
} from "./fixtures.ts"

const doubling = Schedule.exponential("10 seconds")

test("C6 three failures in one node and two in another open both, in the same generation", function* () {
  const [a, b] = yield* fleet(2)
  yield* failing(a, 3)
  yield* failing(b, 1)
  yield* assertTags([a, b], "Closed")
  yield* failing(b, 1)

  yield* assertTags([a, b], "Open")
  assert.deepStrictEqual([historyOf(a), historyOf(b)], [["Closed > Open 1"], ["Closed > Open 1"]])
})

test("C6 R3.2.1 50 failures at once on 5 nodes are one transition and one backoff step", function* () {
  const nodes = yield* fleet(5, { openDuration: doubling })
  const gate = yield* Deferred.make<never, string>()
  const call = counted(Deferred.await(gate))
  for (const node of nodes) {
    yield* Effect.forEach(Array.from({ length: 10 }), () => Effect.fork(node.protect(call.effect)))
  }
  yield* settled
  assert.strictEqual(call.runs, 50)
  yield* Deferred.fail(gate, "unavailable")
  yield* settled
  yield* inStep

  for (const { seen } of nodes) {
    assert.deepStrictEqual(
      seen.map((transition) =>
        transition.to === "Open" ? [transition.generation, transition.openings] : transition
      ),
      [[1, 1]]
    )
  }
})

for (const [title, options, millis] of [
  ["R3.2.2 an opening ends on every node at the same moment", {}, 10_000],
  [
    "R3.2.8 a retryAfter hint lengthens the opening on every node",
    {
      classify: Exit.match({
        onFailure: () => Outcome.failure({ retryAfter: "60 seconds" }),
        onSuccess: () => Outcome.success
      })
    },
    60_000
  ]
] as const) {
  test(title, function* () {
    const [a, b] = yield* openFleet(2, options)
    yield* TestClock.adjust(millis - 1)
    yield* assertTags([a, b], "Open")
    yield* TestClock.adjust(1)
    yield* assertTags([a, b], "HalfOpen")
  })
}

test("R3.5 an opening of more than a year has its length on every node", function* () {
  const nodes = yield* openFleet(2, { openDuration: "400 days" })
  yield* inStep
  const states = yield* Effect.forEach(nodes, ({ state }) => state())
  for (const state of states) {
    assert.isTrue(state._tag === "Open" && Duration.greaterThan(state.retryAfter, "399 days"))
  }
})

test("R3.2.2 an opening ends at its time also on a node that learned of it late", function* () {
  const [a, b] = yield* fleet(2)
  yield* succeeding(b, 1)
  b.link.freeze()
  yield* failing(a, 5)
  yield* TestClock.adjust("5 seconds")
  assert.strictEqual(yield* tagOf(b), "Closed")
  b.link.mend()
  yield* TestClock.adjust("4 seconds")
  yield* rejectionOf(b.protect(works))
  assert.strictEqual(yield* tagOf(b), "Open")
  yield* TestClock.adjust("1 second")
  yield* assertTags([a, b], "HalfOpen")
})

test("S12 R3.2.2 a node makes one transition of an opening that ended early by a wrong clock offset", function* () {
  const store = yield* makeStore({ deadline: "1 second", syncInterval: "3300 millis" })
  let questionTakes = Duration.millis(400)
  const link: CircuitStore.Store = {
    ...store,
    exchange: (requests) => Effect.delay(store.exchange(requests), questionTakes)
  }
  const options = { tripPolicy: TripPolicy.consecutive(1) }
  const a = yield* join(store, options)
  const b = yield* join(link, options)
  // The answer takes no time, so the offset is 200 ms too large, which is half of the round trip.
  const first = yield* Effect.fork(succeeding(b, 1))
  yield* TestClock.adjust("400 millis")
  yield* first
  yield* failing(a, 1)
  assert.deepStrictEqual(historyOf(b), ["Closed > Open 1"])

  yield* TestClock.adjust("9850 millis")
  assert.deepStrictEqual(yield* tagsOf([a, b]), ["Open", "HalfOpen"])
  questionTakes = Duration.zero
  yield* TestClock.adjust("50 millis")
  yield* settled
  assert.deepStrictEqual(yield* tagsOf([a, b]), ["Open", "HalfOpen"])
  // The store grants no slot before the opening has ended.
  yield* rejectionOf(b.protect(works))
  yield* TestClock.adjust("100 millis")
  yield* succeeding(b, 1)

  const healed = ["Closed > Open 1", "Open > HalfOpen 2", "HalfOpen > Closed 3"]
  assert.deepStrictEqual([historyOf(a), historyOf(b)], [healed, healed])
})

for (const [when, endsAfter] of [
  ["before", "1 second"],
  ["after", "6 seconds"]
] as const) {
  test(`S12 an opening is published once if a probe that began without the store ends ${when} the circuit is read again`, function* () {
    const [a, b] = yield* openFleet(2)
    a.link.cut()
    yield* TestClock.adjust("10 seconds")
    const probe = yield* startCall(a)
    a.link.mend()
    yield* TestClock.adjust(endsAfter)
    yield* probe.end(Exit.succeed("done"))
    yield* inStep
    yield* succeeding(a, 1)
    yield* succeeding(b, 1)

    yield* assertTags([a, b], "Closed")
    for (const { seen } of [a, b]) {
      assert.strictEqual(seen.filter(({ to }) => to === "Open").length, 1)
    }
  })
}

test("C6 a node that joins while the circuit is open rejects its first call", function* () {
  const store = yield* makeStore()
  const a = yield* join(store)
  yield* failing(a, 5)
  const late = yield* join(store)
  const call = counted(works)
  const { retryAfter, state } = yield* rejectionOf(late.protect(call.effect))

  assert.deepStrictEqual([call.runs, state, Duration.toMillis(retryAfter)], [0, "Open", 10_000 - 137])
})

test("R3.4 a node that joins after the circuit has healed publishes no transition", function* () {
  const store = yield* makeStore()
  const a = yield* join(store)
  yield* failing(a, 5)
  yield* TestClock.adjust("10 seconds")
  yield* succeeding(a, 1)
  const late = yield* join(store)
  yield* succeeding(late, 1)

  assert.deepStrictEqual(historyOf(late), [])
})

test("R3.2.7 a node that joins after the circuit has healed continues its backoff", function* () {
  const store = yield* makeStore()
  const options = { openDuration: doubling }
  const a = yield* join(store, options)
  yield* failing(a, 5)
  yield* TestClock.adjust("10 seconds")
  yield* failing(a, 1)
  yield* TestClock.adjust("20 seconds")
  yield* succeeding(a, 1)
  const late = yield* join(store, options)
  yield* succeeding(late, 1)
  yield* TestClock.adjust("10 seconds")
  yield* failing(late, 5)

  for (const node of [a, late]) {
    const state = yield* node.state()
    assert.deepStrictEqual(state._tag === "Open" && Duration.toMillis(state.retryAfter), 40_000)
    assert.deepInclude(state, { openings: 3 })
  }
})

test("R3.2.7 all nodes share one backoff, whichever of them probes", function* () {
  const [a, b] = yield* halfOpenFleet(2, { openDuration: doubling })
  const openings = Effect.forEach([a, b], (node) =>
    Effect.map(node.state(), (state) =>
      state._tag === "Open" ? [state.openings, Duration.toMillis(state.retryAfter)] : state._tag
    )
  )
  yield* failing(b, 1)
  assert.deepStrictEqual(yield* openings, [
    [2, 20_000],
    [2, 20_000]
  ])
  yield* TestClock.adjust("20 seconds")
  yield* failing(a, 1)
  assert.deepStrictEqual(yield* openings, [
    [3, 40_000],
    [3, 40_000]
  ])
  yield* TestClock.adjust("40 seconds")
  yield* succeeding(b, 1)
  // The circuit was closed for a shorter time than it was open.
  yield* TestClock.adjust("39 seconds")
  yield* failing(a, 1)
  assert.deepStrictEqual(yield* openings, [
    [4, 80_000],
    [4, 80_000]
  ])
  yield* TestClock.adjust("80 seconds")
  yield* succeeding(a, 1)
  yield* TestClock.adjust("80 seconds")
  yield* failing(b, 1)
  assert.deepStrictEqual(yield* openings, [
    [1, 10_000],
    [1, 10_000]
  ])
})

for (const [ending, exit] of [
  ["a late success of another node does not close it", Exit.succeed("late")],
  ["a late failure of another node does not prolong it", Exit.fail("late")]
] as const) {
  test(`C6 R3.2.6 ${ending}`, function* () {
    const [a, b] = yield* fleet(2)
    const late = yield* startCall(b)
    yield* failing(a, 5)
    yield* TestClock.adjust("5 seconds")
    yield* late.end(exit)
    yield* inStep
    yield* assertTags([a, b], "Open")
    yield* TestClock.adjust("1 second")
    yield* assertTags([a, b], "HalfOpen")
    assert.deepStrictEqual(historyOf(b), ["Closed > Open 1"])
  })
}

test("R3.2.7 every close starts an empty window on every node, also after a short opening", function* () {
  const [a, b] = yield* fleet(2, { openDuration: "100 millis" })
  yield* succeeding(b, 1)
  yield* failing(a, 4)
  yield* failing(b, 1)
  yield* assertTags([a, b], "Open")
  yield* TestClock.adjust("100 millis")
  yield* succeeding(b, 1)
  yield* assertTags([a, b], "Closed")
  yield* failing(a, 2)
  yield* failing(b, 2)
  yield* inStep

  yield* assertTags([a, b], "Closed")
})

test("C6 circuits of other keys and of other breakers are not touched", function* () {
  const store = yield* makeStore()
  const a = yield* join(store, { name: "payments" })
  const b = yield* join(store, { name: "payments" })
  const other = yield* join(store, { name: "stock" })
  for (const node of [a, b, other]) {
    yield* node.protectWith(works, { key: "eu" })
    yield* node.protectWith(works, { key: "us" })
  }
  yield* failing(a, 5, "eu")

  assert.deepStrictEqual(yield* tagsOf([a, b, other], "eu"), ["Open", "Open", "Closed"])
  assert.deepStrictEqual(yield* tagsOf([a, b, other], "us"), ["Closed", "Closed", "Closed"])
})

const policy = { tripPolicy: TripPolicy.failureCount({ failures: 3, within: "60 seconds" }) }

/** Three nodes on a store with a quorum of two, which have all used their circuit. */
const quorate = Effect.tap(fleet(3, policy, { quorum: 2 }), ([, b, c]) =>
  Effect.forEach([b, c!], (node) => succeeding(node, 1))
)

test("quorum: the only node that sees failures opens its own circuit only, and heals by itself", function* () {
  const [a, b, c] = yield* quorate
  yield* failing(a, 3)
  yield* inStep
  yield* assertTags([a, b, c!], "Open", "Closed", "Closed")
  assert.strictEqual((yield* rejectionOf(a.protect(fails))).state, "Open")
  assert.strictEqual(yield* b.protect(works), "worked")
  yield* TestClock.adjust("6 seconds")
  assert.strictEqual(yield* tagOf(a), "HalfOpen")
  yield* succeeding(a, 1)
  yield* inStep
  yield* assertTags([a, b, c!], "Closed")
  assert.deepStrictEqual([historyOf(b), historyOf(c!)], [[], []])
})

for (const [what, failures] of [
  ["although one has opened for itself before", 3],
  ["however few each of them sees", 2]
] as const) {
  test(`quorum: the circuit opens on every node when that many nodes see failures, ${what}`, function* () {
    const [a, b, c] = yield* quorate
    yield* failing(a, failures)
    yield* inStep
    yield* failing(b, 1)
    yield* inStep
    yield* assertTags([a, b, c!], "Open")
    assert.deepStrictEqual(historyOf(c!), ["Closed > Open 1"])
  })
}
