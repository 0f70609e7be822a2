import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import { test } from "../kit/test.ts"
import { runFor } from "../kit/index.ts"
import * as Exit from "effect/Exit"
import type { Node } from "./fixtures.ts"
import { assertTags, failing, fleet, inStep, join, makeStore, settled, succeeding } from "./fixtures.ts"

/** Lets the nodes exchange their counts. */
const exchanged = Effect.zipRight(TestClock.adjust("20 millis"), settled)

const slow = (node: Node): Effect.Effect<void> =>
  Effect.zipRight(runFor(node, "2 seconds", Exit.succeed("late")), settled)

const minute = "60 seconds"

// Each node counts less than the policy needs, and all of them together reach it.
const policies: ReadonlyArray<
  readonly [name: string, TripPolicy.TripPolicy, bad: (node: Node) => Effect.Effect<void>]
> = [
  ["consecutive", TripPolicy.consecutive(5), (node) => failing(node, 1)],
  ["failureCount", TripPolicy.failureCount({ failures: 5, within: minute }), (node) => failing(node, 1)],
  [
    "failureCount without end",
    TripPolicy.failureCount({ failures: 5, within: Infinity }),
    (node) => failing(node, 1)
  ],
  [
    "failureRate over time",
    TripPolicy.failureRate({ threshold: 0.5, within: minute, minimumCalls: 7 }),
    (node) => failing(node, 1)
  ],
  [
    "failureRate over calls",
    TripPolicy.failureRate({ threshold: 0.5, calls: 20, minimumCalls: 7 }),
    (node) => failing(node, 1)
  ],
  [
    "slowCallRate over time",
    TripPolicy.slowCallRate({ slowerThan: "2 seconds", threshold: 0.5, within: minute, minimumCalls: 7 }),
    slow
  ],
  [
    "slowCallRate over calls",
    TripPolicy.slowCallRate({ slowerThan: "2 seconds", threshold: 0.5, calls: 20, minimumCalls: 7 }),
    slow
  ],
  [
    "anyOf",
    TripPolicy.anyOf(TripPolicy.consecutive(100), TripPolicy.failureCount({ failures: 5, within: minute })),
    (node) => failing(node, 1)
  ]
]

for (const [name, tripPolicy, bad] of policies) {
  test(`C6 failures of three nodes count together: ${name}`, function* () {
    const [a, b, c] = yield* fleet(3, { tripPolicy })
    yield* Effect.forEach([b, c!], (node) => succeeding(node, 1))
    for (const node of [a, a, b]) yield* Effect.zipRight(bad(node), exchanged)
    yield* assertTags([a, b, c!], "Closed")
    yield* Effect.zipRight(bad(b), exchanged)
    yield* assertTags([a, b, c!], "Closed")
    yield* bad(c!)
    yield* assertTags([a, b, c!], "Open")
  })
}

for (const [name, options, meanwhile] of [
  ["over time", { within: minute }, inStep],
  ["over time, at once", { within: minute }, exchanged],
  ["over calls", { calls: 40 }, inStep]
] as const) {
  test(`C6 a rate ${name} counts the successes of other nodes from before the first failure`, function* () {
    const tripPolicy = TripPolicy.failureRate({ threshold: 0.5, minimumCalls: 7, ...options })
    const [a, b] = yield* fleet(2, { tripPolicy })
    yield* succeeding(b, 20)
    yield* failing(a, 1)
    yield* meanwhile
    yield* failing(a, 18)
    yield* meanwhile
    yield* assertTags([a, b], "Closed")
    yield* failing(a, 1)
    yield* assertTags([a, b], "Open")
  })
}

test("C6 a success on any node ends a streak", function* () {
  const [a, b] = yield* fleet(2)
  yield* succeeding(b, 1)
  yield* failing(a, 4)
  yield* exchanged
  yield* succeeding(b, 1)
  yield* inStep
  yield* failing(a, 1)
  yield* failing(b, 3)
  yield* inStep
  yield* assertTags([a, b], "Closed")
  yield* failing(b, 1)
  yield* assertTags([a, b], "Open")
})

test("C6 a failure on any node leaves the window at its age, not sooner", function* () {
  const tripPolicy = TripPolicy.failureCount({ failures: 3, within: minute })
  const [a, b] = yield* fleet(2, { tripPolicy })
  yield* failing(a, 2)
  yield* TestClock.adjust(minute)
  yield* failing(b, 1)
  yield* assertTags([a, b], "Closed")
  yield* TestClock.adjust("20 seconds")
  yield* failing(a, 1)
  yield* TestClock.adjust("39999 millis")
  yield* failing(a, 1)
  yield* assertTags([a, b], "Open")
})

test("C6 a rate over time counts nothing older than its span, of any node", function* () {
  const tripPolicy = TripPolicy.failureRate({ threshold: 0.5, within: minute, minimumCalls: 4 })
  const [a, b] = yield* fleet(2, { tripPolicy })
  yield* failing(a, 2)
  yield* TestClock.adjust(minute)
  yield* failing(b, 2)
  yield* inStep
  yield* assertTags([a, b], "Closed")
  yield* failing(a, 2)
  yield* assertTags([a, b], "Open")
})

test("C6 the failures of a node whose scope has closed stay in the window", function* () {
  const tripPolicy = TripPolicy.failureCount({ failures: 4, within: minute })
  const store = yield* makeStore()
  const a = yield* join(store, { tripPolicy })
  yield* Effect.scoped(
    Effect.gen(function* () {
      const gone = yield* join(store, { tripPolicy })
      yield* failing(gone, 3)
    })
  )
  yield* failing(a, 1)
  yield* assertTags([a], "Open")
})

test("C6 a node that joins does not empty the window", function* () {
  const store = yield* makeStore()
  const a = yield* join(store)
  yield* failing(a, 4)
  const b = yield* join(store)
  yield* failing(b, 1)
  yield* assertTags([a, b], "Open")
})

test("R3.5 a breaker that shares refuses a policy of TripPolicy.make", function* () {
  const counting = TripPolicy.make({ initial: 0, record: (n: number) => n + 1, trips: (n) => n > 5 })
  const store = yield* makeStore()
  for (const tripPolicy of [counting, TripPolicy.anyOf(TripPolicy.consecutive(5), counting)]) {
    const defect = yield* Effect.flip(Effect.sandbox(join(store, { name: "payments", tripPolicy })))
    assert.match(
      String(defect),
      /CircuitBreaker "payments": tripPolicy must be a policy that can be shared through a store, received one made by TripPolicy\.make/
    )
  }
  // Without a store it is a policy like any other.
  yield* CircuitBreaker.make({ tripPolicy: counting })
})
