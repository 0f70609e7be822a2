/** A breaker that holds as many circuits as it may. */
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { CircuitBreaker, CircuitBreakerRegistry, TripPolicy } from "effect-circuit-breaker"
import type * as CircuitAdmin from "effect-circuit-breaker/CircuitAdmin"
import { pageOf } from "../../src/internal/admin/listing.ts"
import { breakersOf } from "../../src/internal/admin/live.ts"
import { Census } from "../../src/internal/admin/census.ts"
import { History } from "../../src/internal/admin/history.ts"
import { fails, works } from "../kit/index.ts"
import { bodyOf, serve, test } from "./fixtures.ts"

const circuits = 10_000

/** Ten thousand circuits, of which the last ones fail. */
const crowded = Effect.gen(function* () {
  const breaker = yield* CircuitBreaker.make({
    name: "payments",
    tripPolicy: TripPolicy.failureRate({ threshold: 0.5, within: "30 seconds" })
  })
  for (let i = 0; i < circuits; i++) yield* breaker.protectWith(works, { key: `tenant-${i}` })
  yield* Effect.repeatN(Effect.exit(breaker.protectWith(fails, { key: `tenant-${circuits - 2}` })), 19)
  yield* Effect.exit(breaker.protectWith(fails, { key: `tenant-${circuits - 1}` }))
  return breaker
})

describe("10,000 circuits", () => {
  test("12.1 are listed a page at a time, with the one that is open and the one that fails first", function* () {
    yield* crowded
    const server = yield* serve()

    const first = bodyOf<{ total: number; circuits: ReadonlyArray<CircuitAdmin.CircuitSummary> }>(
      yield* server.get("/circuits/circuits")
    )
    const last = bodyOf<{ circuits: ReadonlyArray<CircuitAdmin.CircuitSummary> }>(
      yield* server.get(`/circuits/circuits?offset=${circuits - 1}`)
    )

    assert.strictEqual(first.total, circuits)
    assert.strictEqual(first.circuits.length, 50)
    assert.deepStrictEqual(
      first.circuits.slice(0, 3).map(({ key, state }) => [key, state._tag]),
      [
        ["tenant-9998", "Open"],
        ["tenant-9999", "Closed"],
        ["tenant-0", "Closed"]
      ]
    )
    assert.deepStrictEqual(
      last.circuits.map(({ key }) => key),
      ["tenant-9997"]
    )
  })

  test("12.1 are read in full only where a page shows them", function* () {
    yield* crowded
    const breakers = yield* Effect.flatMap(CircuitBreakerRegistry.CircuitBreakerRegistry, breakersOf)
    let inFull = 0
    const ratesOf = () => {
      inFull++
      return null
    }

    const observed = { history: new History(), census: new Census(), ratesOf, lineOf: () => "" }

    yield* pageOf(breakers, { limit: 50 }, observed)

    assert.strictEqual(inFull, 50)
  })
})
