/** The data of a circuit beside its state. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { CircuitEntry } from "../../src/internal/breaker/circuitEntry.ts"
import { entryOf, makeBreaker, protect } from "./fixtures.ts"

const backoffMillis = ({ backoff }: CircuitEntry): number | undefined => backoff?.millis

describe("an entry", () => {
  it.effect("keeps its own totals, last failure and backoff", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker()
      const [eu, us] = [yield* entryOf(breaker, "eu"), yield* entryOf(breaker, "us")]
      const nothing = { succeeded: 0, failed: 0, ignored: 0, rejected: 0 }
      assert.deepStrictEqual(eu.totals, nothing)
      assert.deepStrictEqual([eu.lastFailure, eu.backoff], [undefined, undefined])
      yield* protect(breaker, Effect.void, "eu")
      yield* Effect.exit(protect(breaker, Effect.interrupt, "eu"))
      yield* Effect.exit(protect(breaker, Effect.fail("unavailable"), "eu"))
      yield* Effect.exit(protect(breaker, Effect.void, "eu"))
      assert.deepStrictEqual(eu.totals, { succeeded: 1, failed: 1, ignored: 1, rejected: 1 })
      assert.deepStrictEqual(eu.lastFailure, {
        at: 0,
        exit: Exit.fail("unavailable"),
        description: undefined
      })
      assert.strictEqual(backoffMillis(eu), 10_000)
      assert.deepStrictEqual(us.totals, nothing)
      assert.isUndefined(us.lastFailure)
    })
  )
})
