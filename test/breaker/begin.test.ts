/** The first step of a call: what it does before its decision, and the calls that need none. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { Outcome } from "effect-circuit-breaker"
import { admit } from "../../src/internal/breaker/admit.ts"
import type { Breaker } from "../../src/internal/breaker/breaker.ts"
import { snapshot } from "../../src/internal/breaker/reading.ts"
import { unsettledCallsOf } from "../../src/internal/breaker/unsettledCalls.ts"
import * as ManualControl from "../../src/internal/core/manualControl.ts"
import { fails, works } from "../kit/index.ts"
import { entryOf, makeBreaker, protect } from "./fixtures.ts"

const makeHalfOpen = Effect.gen(function* () {
  const breaker = yield* makeBreaker()
  yield* Effect.exit(protect(breaker, fails))
  yield* TestClock.adjust("10 seconds")
  return breaker
})

const admission = (breaker: Breaker) => admit({ breaker, key: undefined, classify: Outcome.fromExit })

/** Adds an unsettled call that resets its circuit when it is settled. */
const addResetting = (breaker: Breaker) =>
  Effect.map(entryOf(breaker), (entry) => {
    const { generation } = entry.current
    const call = {
      call: { generation, slot: 0, entry },
      settle: () => {
        entry.current = ManualControl.reset(entry.current, breaker.settings.rules, 0)
      }
    }
    unsettledCallsOf(breaker).add(call)
    return call
  })

describe("E1 the unsettled calls of a circuit", () => {
  for (const [name, call] of [
    ["a call", (breaker: Breaker) => protect(breaker, works)],
    ["an admission", (breaker: Breaker) => Effect.asVoid(admission(breaker))]
  ] as const) {
    it.scoped(`E1 are settled before it decides about ${name}, unless it admits every call`, () =>
      Effect.gen(function* () {
        const breaker = yield* makeBreaker()
        yield* Effect.exit(protect(breaker, fails))
        yield* addResetting(breaker)
        yield* call(breaker)
        assert.strictEqual((yield* entryOf(breaker)).current._tag, "Closed")
      })
    )
  }

  it.scoped("E1 stay unsettled when a Closed circuit admits a call", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker()
      const call = yield* addResetting(breaker)
      yield* admission(breaker)
      assert.isFalse(unsettledCallsOf(breaker).isEmpty)
      assert.strictEqual((yield* snapshot(breaker, "default")).totals.succeeded, 1)
      unsettledCallsOf(breaker).takeBack(call)
      assert.strictEqual((yield* snapshot(breaker, "default")).totals.succeeded, 0)
    })
  )
})

describe("R3.1.6 nested use of a circuit", () => {
  it.effect("R3.1.6 by an admission within a probe is part of the probe, and counts nothing", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen
      const nested = Effect.scoped(
        Effect.flatMap(admission(breaker), ({ settle }) => settle(Outcome.failure()))
      )
      yield* protect(breaker, nested)
      const { current, totals } = yield* entryOf(breaker)
      assert.strictEqual(current._tag, "Closed")
      assert.deepStrictEqual(totals, { succeeded: 1, failed: 1, ignored: 0, rejected: 0 })
    })
  )
})
