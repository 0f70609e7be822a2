/** Calls within calls: which call a fiber is part of, and whether it needs an admission of its own. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Outcome } from "effect-circuit-breaker"
import { RunningCall } from "../../src/internal/breaker/call.ts"
import * as Controls from "../../src/internal/breaker/controls.ts"
import { isWithinCall, runningCall } from "../../src/internal/breaker/nesting.ts"
import { works } from "../kit/index.ts"
import { entryOf, makeBreaker, protect, withCaller } from "./fixtures.ts"

describe("R3.1.6 whether a fiber is part of a call", () => {
  const makeRecovering = Effect.gen(function* () {
    const breaker = yield* makeBreaker({ recovery: { duration: "100 seconds", from: 0.5 } })
    const entry = yield* entryOf(breaker)
    const { generation } = entry.current
    entry.current = {
      _tag: "Recovering",
      generation,
      openings: 1,
      openMillis: 10,
      startedAt: 0,
      arrivals: 0,
      admitted: 0,
      window: breaker.policy.initial
    }
    const call = new RunningCall(breaker, entry, Outcome.fromExit, 0)
    const isWithin = (within: RunningCall) =>
      Effect.locally(
        withCaller((caller) => isWithinCall(entry, caller, 0)),
        runningCall,
        within
      )
    return { breaker, call, entry, isWithin }
  })

  it.effect("R3.1.6 it is while that call of the same circuit runs, also within another circuit's call", () =>
    Effect.gen(function* () {
      const { breaker, call, isWithin } = yield* makeRecovering
      assert.isTrue(yield* isWithin(call))
      const other = new RunningCall(breaker, yield* entryOf(breaker, "other"), Outcome.fromExit, 0)
      assert.isFalse(yield* isWithin(other))
      other.outer = call
      assert.isTrue(yield* isWithin(other))
      call.isRunning = false
      assert.isFalse(yield* isWithin(other))
      assert.isFalse(yield* isWithin(call))
    })
  )

  it.effect("R3.1.6 it is not if the circuit has changed since", () =>
    Effect.gen(function* () {
      const { call, entry, isWithin } = yield* makeRecovering
      call.generation = entry.current.generation - 1
      assert.isFalse(yield* isWithin(call))
    })
  )

  it.effect("R3.1.6 a nested call on a Disabled circuit is a call of its own, and counts", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker()
      yield* Effect.scoped(
        Effect.zipRight(Controls.disable(breaker, undefined), protect(breaker, protect(breaker, works)))
      )
      const { current, totals } = yield* entryOf(breaker)
      assert.strictEqual(totals.succeeded, 2)
      assert.strictEqual(current._tag, "Closed")
    })
  )

  it.effect("R3.1.6 a nested call on a recovering circuit does not count towards its share", () =>
    Effect.gen(function* () {
      const { breaker, entry } = yield* makeRecovering
      yield* Effect.exit(protect(breaker, works))
      assert.strictEqual(yield* protect(breaker, protect(breaker, works)), "worked")
      assert.deepStrictEqual(entry.totals, { succeeded: 1, failed: 0, ignored: 0, rejected: 1 })
    })
  )
})
