/** A healthy call reads no clock unless its policy needs one, which must not make old failures count again. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import { clock, runNow } from "../interruption/Sweep.ts"

const failureCount = TripPolicy.failureCount({ failures: 4, within: "60 seconds" })

const policies: Record<string, TripPolicy.TripPolicy> = {
  failureCount,
  "failureCount, beside a streak": TripPolicy.anyOf(TripPolicy.consecutive(9), failureCount),
  "failureCount, beside the latest calls": TripPolicy.anyOf(
    failureCount,
    TripPolicy.failureRate({ threshold: 1, calls: 100 })
  )
}

describe("R3.2.1 a success never trips a count of failures", () => {
  for (const [name, tripPolicy] of Object.entries(policies)) {
    it(name, () => {
      const ended = Effect.gen(function* () {
        const breaker = yield* CircuitBreaker.make({ tripPolicy })
        // four in all, never four within a minute
        for (let failures = 0; failures < 4; failures++) {
          yield* Effect.ignore(breaker.protect(Effect.fail("unavailable")))
          clock.advance(30_000)
        }
        yield* breaker.protect(Effect.void)
        return yield* breaker.state()
      })
      assert.deepStrictEqual(runNow(Effect.scoped(ended)), { _tag: "Closed" })
    })
  }
})
