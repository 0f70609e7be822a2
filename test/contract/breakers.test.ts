import { assert, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, CircuitStore, Outcome, TripPolicy } from "effect-circuit-breaker"
import * as testing from "effect-circuit-breaker/testing"
import { liveTest, test } from "../kit/test.ts"
import { counted, fails, recordLogs, rejectionOf, settled, tagOf, works } from "../kit/index.ts"

test("testing.breaker Open rejects until its retryAfter has passed, then probes", function* () {
  const breaker = yield* testing.breaker({ state: "Open", retryAfter: "10 seconds" })
  const call = counted(works)
  const { retryAfter, state } = yield* rejectionOf(breaker.protect(call.effect))
  assert.deepStrictEqual([state, Duration.toMillis(retryAfter), call.runs], ["Open", 10_000, 0])
  yield* TestClock.adjust("9999 millis")
  assert.strictEqual(yield* tagOf(breaker), "Open")
  yield* TestClock.adjust("1 millis")
  assert.strictEqual(yield* breaker.protect(works), "worked")
  assert.strictEqual(yield* tagOf(breaker), "Closed")
})

test("testing.breaker Open is at the start of its first opening, unless retryAfter says how long", function* () {
  const openDuration = Schedule.exponential("7 seconds")
  for (const [retryAfter, left] of [
    [undefined, 7_000],
    ["2 seconds", 2_000],
    ["20 seconds", 20_000]
  ] as const) {
    const breaker = yield* testing.breaker({ state: "Open", retryAfter }, { openDuration })
    const state = yield* breaker.state()
    assert.deepStrictEqual(state._tag === "Open" && [Duration.toMillis(state.retryAfter), state.openings], [
      left,
      1
    ])
  }
})

test("testing.breaker HalfOpen makes a probe of the next call", function* () {
  const breaker = yield* testing.breaker({ state: "HalfOpen" })
  assert.deepInclude(yield* breaker.state(), { _tag: "HalfOpen", probing: 0, succeeded: 0, openings: 1 })
  yield* Effect.exit(breaker.protect(fails))
  assert.deepInclude(yield* breaker.state(), { _tag: "Open", openings: 2 })
})

test("testing.breaker HalfOpen has as many running probes as `probing` says", function* () {
  const options = { halfOpen: { probes: 2 } }
  const breaker = yield* testing.breaker({ state: "HalfOpen", probing: 2 }, options)
  assert.strictEqual((yield* rejectionOf(breaker.protect(works))).state, "HalfOpen")
  const one = yield* testing.breaker({ state: "HalfOpen", probing: 1 }, options)
  assert.strictEqual(yield* one.protect(works), "worked")
})

const classifiers: Record<string, () => Outcome.Outcome> = {
  "ignores everything": () => Outcome.ignored,
  "takes everything for a failure": () => Outcome.failure(),
  throws: () => {
    throw new Error("a fault of its own")
  }
}

for (const [what, classify] of Object.entries(classifiers)) {
  test(`testing.breaker Recovering is made also with a classifier that ${what}`, function* () {
    const making = yield* Effect.fork(testing.breaker({ state: "Recovering" }, { classify }))
    yield* settled

    const breaker = yield* making.unsafePoll() ?? Effect.dieMessage("it is not made")

    assert.strictEqual(yield* tagOf(breaker), "Recovering")
  })
}

test("testing.breaker Recovering admits a share that continues to grow", function* () {
  const options = { recovery: { duration: "100 seconds", from: 0.2 }, halfOpen: { probes: 3 } } as const
  const begun = yield* testing.breaker({ state: "Recovering" }, options)
  assert.deepInclude(yield* begun.state(), { _tag: "Recovering", admitting: 0.2 })
  const half = yield* testing.breaker({ state: "Recovering", admitting: 0.6 }, options)
  const state = yield* half.state()
  assert.approximately(state._tag === "Recovering" ? state.admitting : 0, 0.6, 1e-6)
  const exits = yield* Effect.replicateEffect(Effect.exit(half.protect(works)), 10)
  assert.strictEqual(exits.filter(Exit.isSuccess).length, 6)
  yield* TestClock.adjust("51 seconds")
  assert.strictEqual(yield* tagOf(half), "Closed")
  const byItself = yield* testing.breaker({ state: "Recovering" })
  assert.strictEqual(yield* tagOf(byItself), "Recovering")
})

liveTest("testing.breaker is in its state in real time, too", function* () {
  const options = { recovery: { duration: "1 hour" } } as const
  const tags = yield* Effect.forEach(["Open", "HalfOpen", "Recovering", "Isolated"] as const, (state) =>
    Effect.flatMap(testing.breaker({ state }, options), (breaker) => tagOf(breaker))
  )
  assert.deepStrictEqual(tags, ["Open", "HalfOpen", "Recovering", "Isolated"])
  const probing = yield* testing.breaker({ state: "HalfOpen", probing: 1 })
  assert.strictEqual((yield* rejectionOf(probing.protect(works))).state, "HalfOpen")
})

test("testing.breaker Isolated is Closed after its scope", function* () {
  const breaker = yield* Effect.scoped(
    Effect.tap(testing.breaker({ state: "Isolated" }), (breaker) =>
      Effect.map(rejectionOf(breaker.protect(works)), ({ state }) => assert.strictEqual(state, "Isolated"))
    )
  )
  assert.strictEqual(yield* tagOf(breaker), "Closed")
})

for (const chosen of [
  { state: "Open", key: "eu" },
  { state: "HalfOpen", probing: 1, key: "eu" },
  { state: "Recovering", key: "eu" },
  { state: "Isolated", key: "eu" }
] as const) {
  test(`testing.breaker ${chosen.state} changes the circuit of its key only`, function* () {
    const breaker = yield* testing.breaker(chosen)
    assert.deepStrictEqual([yield* tagOf(breaker, "eu"), yield* tagOf(breaker)], [chosen.state, "Closed"])
    assert.strictEqual((yield* rejectionOf(breaker.protectWith(works, { key: "eu" }))).state, chosen.state)
  })
}

test("testing.breaker logs nothing on the way to its state, and asks no store", function* () {
  const logs = yield* recordLogs
  const asked = yield* Deferred.make<void>()
  const store = yield* CircuitStore.makeMemory()
  const breaker = yield* Effect.provideService(
    testing.breaker({ state: "Open" }),
    CircuitStore.CircuitStore,
    { ...store, exchange: () => Effect.zipRight(Deferred.succeed(asked, undefined), Effect.never) }
  )
  yield* rejectionOf(breaker.protect(works))
  assert.deepStrictEqual(logs, [])
  assert.isFalse(yield* Deferred.isDone(asked))
})

it.effect("testing.layerOf has the options of the service's class", () => {
  class Payments extends CircuitBreaker.Service<Payments>()("Payments", {
    tripPolicy: TripPolicy.consecutive(2),
    openDuration: "3 seconds"
  }) {}
  return Effect.gen(function* () {
    const { breaker, retryAfter } = yield* rejectionOf(Payments.protect(works))
    assert.deepStrictEqual([breaker, Duration.toMillis(retryAfter)], ["Payments", 3_000])
    yield* Payments.reset()
    yield* Effect.replicateEffect(Effect.exit(Payments.protect(fails)), 2)
    assert.strictEqual((yield* Payments.state())._tag, "Open")
  }).pipe(Effect.provide(testing.layerOf(Payments, { state: "Open" })))
})

it.effect("testing.layer is the breaker of the environment", () =>
  Effect.gen(function* () {
    assert.strictEqual((yield* rejectionOf(CircuitBreaker.protect(works))).breaker, "stock")
  }).pipe(Effect.provide(testing.layer({ state: "Isolated" }, { name: "stock" })))
)

class Plain extends CircuitBreaker.Service<Plain>()("Plain") {}

const refused: ReadonlyArray<
  readonly [what: string, program: Effect.Effect<unknown, never, Scope.Scope>, message: RegExp]
> = [
  [
    "more probes than there are slots",
    testing.breaker({ state: "HalfOpen", probing: 4 }, { halfOpen: { probes: 3 } }),
    /RangeError: testing: probing must be at most halfOpen\.probes, received 4/
  ],
  [
    "a share that a recovery does not have",
    testing.breaker({ state: "Recovering", admitting: 0.05 }),
    /admitting must be from 0\.1 and below 1, received 0\.05/
  ],
  [
    "a recovery that there is not",
    Layer.build(testing.layerOf(Plain, { state: "Recovering" })),
    /needs the option `recovery`/
  ]
]
for (const [what, program, message] of refused) {
  test(`R3.5 testing.breaker refuses ${what}`, function* () {
    const cause = yield* Effect.flip(Effect.sandbox(program))
    assert.match(String(cause), message)
  })
}
