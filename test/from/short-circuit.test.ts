/** A short_circuit, formerly PyCircuitBreaker: consecutive(3), open 3 s. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, CircuitBreakerRegistry, TripPolicy } from "effect-circuit-breaker"
import { rejectionOf, tagOf, works } from "../kit/index.ts"
import { byProtect } from "../kit/ports.ts"
import { play, playAll } from "../kit/script.ts"

const options = { tripPolicy: TripPolicy.consecutive(3), openDuration: "3 seconds" } as const

describe("A short_circuit: consecutive(3), open 3 s", () => {
  playAll({ "in process": byProtect }, options, [
    ["A1 1,000 successes all run", "1000s =Closed #0"],
    ["A2 three failures in a row open it, a fourth call is rejected", "2f =Closed f =Open -"],
    [
      "A3 fail, fail, ok, fail, fail: Closed with a count of 2, and one more opens",
      "2f s 2f =Closed #2 f =Open"
    ],
    ["A4 rejected at 2.999 s, admitted at 3.0 s", "3f @2.999 -0.001 @3 s"],
    [
      "A4 with no call made at all, the state read after 3 s is HalfOpen",
      "3f @2.999 =Open @3 =HalfOpen ?0 /1"
    ],
    ["A5 the probe succeeds: Closed, count 0, three new failures", "3f @3 s =Closed #0 2f =Closed f =Open"],
    ["A5 the probe fails: Open for a full 3 s after that", "3f @3.5 ( @4.25 )f =Open @7.249 - @7.25 s"],
    [
      "A7 100 rejections move neither the count nor the moment of re-admission",
      "3f @0.7 25- @1.4 25- @2.1 25- @2.8 25- @2.999 -0.001 @3 s #0"
    ],
    ["A8 HalfOpen, 10 calls at once: 1 runs, 9 are rejected", "3f @3 ( 9- )s =Closed"],
    ["A9 a call begun while Closed that succeeds after the trip does not close it", "( 3f )s =Open"],
    ["A9 one that fails after the trip does not prolong it", "( 3f @2 )f @3 =HalfOpen s"]
  ])

  it.scoped(
    "A6 one breaker round two effects: one opens it for both, the other's success closes it for both",
    () =>
      Effect.gen(function* () {
        const breaker = yield* CircuitBreaker.make(options)
        let isDown = true
        const first = breaker.protect(
          Effect.suspend(() => (isDown ? Effect.fail("down") : Effect.succeed(1)))
        )
        const second = breaker.protect(Effect.sync(() => "two"))
        yield* Effect.replicateEffect(Effect.exit(first), 3)
        yield* rejectionOf(first)
        yield* rejectionOf(second)
        isDown = false
        yield* TestClock.setTime(3_000)
        assert.strictEqual(yield* second, "two")
        assert.strictEqual(yield* first, 1)
        assert.strictEqual(yield* tagOf(breaker), "Closed")
      })
  )

  it.scoped("A10 breakers are registered, found by name and listed until their scope closes", () =>
    Effect.gen(function* () {
      const listed = Effect.map(CircuitBreakerRegistry.breakers, (breakers) =>
        breakers.map(({ name }) => name).filter((name) => name.startsWith("A10 "))
      )
      yield* Effect.scoped(
        Effect.gen(function* () {
          const mail = yield* CircuitBreaker.make({ ...options, name: "A10 mail" })
          yield* CircuitBreaker.make({ ...options, name: "A10 payments" })
          assert.deepStrictEqual(yield* listed, ["A10 mail", "A10 payments"])
          assert.strictEqual(Option.getOrThrow(yield* CircuitBreakerRegistry.get("A10 mail")), mail)
        })
      )
      assert.deepStrictEqual(yield* listed, [])
      assert.isTrue(Option.isNone(yield* CircuitBreakerRegistry.get("A10 mail")))
    })
  )

  it.scoped("A10 statistics are readable", () =>
    Effect.gen(function* () {
      const port = yield* byProtect(options)
      assert.strictEqual(yield* play(port, "s @1 3f -"), 4)
      const { lastFailure, state, totals } = yield* port.breaker.snapshot()
      assert.strictEqual(state._tag, "Open")
      assert.deepStrictEqual(totals, { succeeded: 1, failed: 3, ignored: 0, rejected: 1 })
      assert.strictEqual(Option.getOrThrow(lastFailure).at, 1_000)
    })
  )

  it.scoped("A10 trip, reset and isolate by hand", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make(options)
      const call = breaker.protect(works)
      yield* breaker.trip()
      assert.strictEqual((yield* rejectionOf(call)).state, "Open")
      yield* breaker.reset()
      yield* call
      yield* breaker.isolate().pipe(
        Effect.zipRight(TestClock.adjust("1 hour")),
        Effect.zipRight(rejectionOf(call)),
        Effect.tap(({ state }) => assert.strictEqual(state, "Isolated")),
        Effect.scoped
      )
      assert.strictEqual(yield* call, "worked")
    })
  )

  it.effect("A10 one shared breaker serves a whole program", () =>
    Effect.gen(function* () {
      const charge = CircuitBreaker.protect(Effect.fail("down"))
      const refund = Effect.succeed("refunded").pipe(CircuitBreaker.protect)
      assert.strictEqual(yield* refund, "refunded")
      yield* Effect.replicateEffect(Effect.exit(charge), 3)
      yield* rejectionOf(refund)
    }).pipe(Effect.provide(CircuitBreaker.layer(options)))
  )
})
