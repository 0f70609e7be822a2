import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { Outcome, TripPolicy } from "effect-circuit-breaker"
import {
  emptyWindow,
  fails,
  make,
  makeHalfOpen,
  recordLogs,
  startCall,
  tagOf,
  totals,
  totalsOf,
  windowOf,
  works
} from "../kit/index.ts"
import { everyWay } from "../kit/ports.ts"
import { playAll } from "../kit/script.ts"

const slowPolicy = (minimumCalls: number) =>
  TripPolicy.slowCallRate({ slowerThan: "2 seconds", threshold: 1, within: "1 minute", minimumCalls })

describe("R3.1.4 interruption", () => {
  const policies: Record<string, TripPolicy.TripPolicy> = {
    consecutive: TripPolicy.consecutive(1),
    failureCount: TripPolicy.failureCount({ failures: 1, within: "1 minute" }),
    "failureRate over calls": TripPolicy.failureRate({ threshold: 0.1, calls: 1 }),
    "failureRate over time": TripPolicy.failureRate({ threshold: 0.1, within: "1 minute", minimumCalls: 1 }),
    slowCallRate: TripPolicy.slowCallRate({ slowerThan: "1 minute", threshold: 0.1, calls: 1 })
  }

  for (const [policy, tripPolicy] of Object.entries(policies)) {
    it.scoped(`R3.1.4 is Ignored: callers who give up open nothing, ${policy} (cockatiel 4)`, () =>
      Effect.gen(function* () {
        const breaker = yield* make({ tripPolicy })
        const impatient = Effect.timeoutOption(breaker.protect(Effect.never), "1 second")
        const fibers = yield* Effect.replicateEffect(Effect.fork(impatient), 3)
        yield* TestClock.adjust("1 second")
        assert.isTrue((yield* Effect.forEach(fibers, Fiber.join)).every(Option.isNone))
        yield* Effect.flatMap(startCall(breaker.protect), (call) => call.interrupt)
        yield* Effect.exit(breaker.protect(Effect.interrupt))

        assert.strictEqual(yield* tagOf(breaker), "Closed")
        assert.deepStrictEqual(yield* windowOf(breaker), emptyWindow)
        assert.deepStrictEqual(yield* totalsOf(breaker), totals({ ignored: 5 }))
      })
    )
  }

  it.scoped("R3.1.4 is Ignored without asking the classifier", () =>
    Effect.gen(function* () {
      let asked = 0
      const classify = () => {
        asked++
        return Outcome.failure()
      }
      const breaker = yield* make({ classify })
      yield* Effect.flatMap(startCall(breaker.protect), (call) => call.interrupt)
      yield* Effect.flatMap(
        startCall((effect) => breaker.protectWith(effect, { classify })),
        (call) => call.interrupt
      )

      assert.strictEqual(asked, 0)
      assert.strictEqual(yield* tagOf(breaker), "Closed")
    })
  )

  for (const [state, breakerThatAdmits] of Object.entries({ Closed: make(), HalfOpen: makeHalfOpen() })) {
    it.scoped(`R3.1.4 that comes with a defect is a Failure, ${state}`, () =>
      Effect.gen(function* () {
        const breaker = yield* breakerThatAdmits
        const before = (yield* totalsOf(breaker)).failed
        const call = yield* startCall((effect) =>
          breaker.protect(Effect.onInterrupt(effect, () => Effect.die("the clean-up died")))
        )

        yield* call.interrupt

        assert.strictEqual((yield* totalsOf(breaker)).failed, before + 1)
        assert.strictEqual(yield* tagOf(breaker), "Open")
      })
    )
  }

  playAll(everyWay, { tripPolicy: slowPolicy(1), openDuration: "10 seconds" }, [
    [
      "R3.1.4 after slowerThan counts as slow, one millisecond earlier does not",
      "( +1.999 )x =Closed ( +2 )x =Open"
    ],
    ["R3.1.4 a call that took long and did well is slow, and runs to its end", "( +2 )s =Open"],
    ["R3.2.11 a probe that took long and did well has failed", "trip +10 ( +1.999 )x ?0 ( +2 )s =Open /2"]
  ])

  it.scoped(
    "R3.1.4 a dependency that hangs behind an outer timeout trips a slow-call policy (Effect 4.1)",
    () =>
      Effect.gen(function* () {
        const breaker = yield* make({ tripPolicy: slowPolicy(1) })

        const caller = yield* breaker.protect(Effect.never).pipe(Effect.timeout("2 seconds"), Effect.fork)
        yield* TestClock.adjust("2 seconds")
        const error = yield* Effect.flip(Fiber.join(caller))

        assert.strictEqual(error._tag, "TimeoutException")
        assert.strictEqual(yield* tagOf(breaker), "Open")
      })
  )

  it.scoped(
    "R3.1.4 what the program ignores: a limiter (opossum, resilience4j#2013), a bad request (sglang#25811)",
    () =>
      Effect.gen(function* () {
        const breaker = yield* make({
          classify: Outcome.ignoreWhen((error) => error === "too many" || error === "bad request")
        })
        const bulkhead = yield* Effect.makeSemaphore(0)
        const limited = bulkhead
          .withPermitsIfAvailable(1)(works)
          .pipe(
            Effect.flatMap(Option.match({ onNone: () => Effect.fail("too many"), onSome: Effect.succeed })),
            breaker.protect
          )

        assert.strictEqual(yield* Effect.flip(limited), "too many")
        assert.strictEqual(yield* Effect.flip(breaker.protect(Effect.fail("bad request"))), "bad request")
        assert.strictEqual(yield* tagOf(breaker), "Closed")
        yield* Effect.flip(breaker.protect(fails))

        assert.strictEqual(yield* tagOf(breaker), "Open")
      })
  )
})

describe("R3.1.5 a classifier that throws", () => {
  const classify = () => {
    throw new Error("the classifier's own fault")
  }

  for (const [state, classifier] of [
    ["Closed", { classify }],
    ["HalfOpen", { classify }],
    ["Closed", {}],
    ["HalfOpen", {}]
  ] as const) {
    const whose = "classify" in classifier ? "the breaker's" : "the call's"
    it.scoped(
      `R3.1.5 leaves the caller's exit alone and the outcome is Ignored, ${state}, ${whose} (Effect 4.1)`,
      () =>
        Effect.gen(function* () {
          const breaker = yield* make(classifier)
          if (state === "HalfOpen") yield* breaker.trip()
          yield* TestClock.adjust("10 seconds")

          for (const exit of [Exit.succeed("worked"), Exit.fail("unavailable"), Exit.die("a defect")]) {
            const call =
              "classify" in classifier ? breaker.protect(exit) : breaker.protectWith(exit, { classify })
            assert.deepStrictEqual(yield* Effect.exit(call), exit)
          }

          assert.strictEqual(yield* tagOf(breaker), state)
          assert.deepStrictEqual(yield* totalsOf(breaker), totals({ ignored: 3 }))
        })
    )
  }

  it.scoped("R3.1.5 is logged once per breaker, with the defect", () =>
    Effect.gen(function* () {
      const lines = yield* recordLogs
      const payments = yield* make({ name: "payments", classify })
      const search = yield* make({ name: "search", classify })

      yield* payments.protect(works)
      yield* payments.protectWith(works, { key: "another circuit" })
      yield* search.protect(works)

      assert.deepStrictEqual(
        lines.map(({ annotations, level }) => [level, annotations["breaker"]]),
        [
          ["Error", "payments"],
          ["Error", "search"]
        ]
      )
      assert.include(Cause.pretty(lines[0]!.cause), "the classifier's own fault")
    })
  )

  it.scoped("R3.1.5 is treated the same if it returns no outcome", () =>
    Effect.gen(function* () {
      const lines = yield* recordLogs
      const breaker = yield* make({ classify: () => undefined as never })

      assert.strictEqual(yield* Effect.flip(breaker.protect(fails)), "unavailable")

      assert.strictEqual((yield* totalsOf(breaker)).ignored, 1)
      assert.strictEqual(lines.length, 1)
    })
  )

  for (const [what, outcome] of Object.entries<() => unknown>({
    "whose tag throws": () => ({
      get _tag(): never {
        throw new Error("a fault of the outcome")
      }
    }),
    "whose hint throws": () => ({
      _tag: "Failure",
      get retryAfter(): never {
        throw new Error("a fault of the outcome")
      }
    }),
    "that throws at every read": () =>
      new Proxy(Outcome.failure(), {
        get: () => {
          throw new Error("a fault of the outcome")
        }
      })
  })) {
    it.scoped(`R3.1.5 is treated the same if it returns an outcome ${what}`, () =>
      Effect.gen(function* () {
        const lines = yield* recordLogs
        const breaker = yield* make({ classify: outcome as () => Outcome.Outcome })

        assert.strictEqual(yield* breaker.protect(works), "worked")

        assert.deepStrictEqual(yield* breaker.snapshot(), {
          ...(yield* (yield* make()).snapshot()),
          totals: totals({ ignored: 1 })
        })
        assert.strictEqual(lines.length, 1)
      })
    )
  }

  it.scoped("R3.1.5 its outcome is read once: an object that changes afterwards changes nothing", () =>
    Effect.gen(function* () {
      const given = { _tag: "Failure", retryAfter: 20_000 }
      const changing = new Proxy(given, {
        get: (target, property) => {
          const value: unknown = Reflect.get(target, property)
          if (property === "retryAfter") target.retryAfter = NaN
          return value
        }
      })
      const breaker = yield* make({ classify: () => changing as unknown as Outcome.Outcome })

      yield* breaker.protect(works)

      assert.deepInclude(yield* breaker.state(), { retryAfter: Duration.seconds(20) })
    })
  )
})
