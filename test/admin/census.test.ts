/** That lists share a look at the circuits, and that none of them misses what has changed since. */
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import type * as CircuitAdmin from "effect-circuit-breaker/CircuitAdmin"
import { inspectedIn } from "../../src/internal/breaker/inspected.ts"
import { type Breaker, fails, settled, works } from "../kit/index.ts"
import { bodyOf, type Server, serve, test } from "./fixtures.ts"

const keys = ["a", "b", "c", "d"]

const setUp = Effect.gen(function* () {
  const breaker = yield* CircuitBreaker.make({
    name: "payments",
    tripPolicy: TripPolicy.failureCount({ failures: 10, within: "1 hour" })
  })
  for (const key of keys) yield* breaker.protectWith(works, { key })
  return { breaker, server: yield* serve() }
})

const keysOf = (server: Server, query = "") =>
  Effect.map(server.get(`/circuits/circuits${query}`), (answer) =>
    bodyOf<{ circuits: ReadonlyArray<CircuitAdmin.CircuitSummary> }>(answer).circuits.map(({ key }) => key)
  )

/** Counts how often all circuits of the breaker are looked at. */
const countLooks = (breaker: Breaker) => {
  const circuits = inspectedIn(breaker)!.circuits
  const all = circuits.all.bind(circuits)
  let looks = 0
  Object.assign(circuits, { all: (now: number) => (looks++, all(now)) })
  return () => looks
}

describe("lists of a second", () => {
  test("12.1 share one look at all circuits, and the next second has another", function* () {
    const { breaker, server } = yield* setUp
    const looks = countLooks(breaker)

    for (const query of ["", "", "?state=Closed", "?text=a", "?offset=2"]) yield* keysOf(server, query)
    const shared = looks()
    yield* TestClock.adjust("1 second")
    yield* keysOf(server)

    assert.deepStrictEqual([shared, looks()], [1, 2])
  })

  test("12.1 have every circuit that has changed its state since, and none twice", function* () {
    const { breaker, server } = yield* setUp
    yield* keysOf(server)

    yield* breaker.trip("c")
    yield* Effect.scoped(
      Effect.gen(function* () {
        yield* breaker.isolate("d")
        yield* settled
        assert.deepStrictEqual(yield* keysOf(server), ["d", "c", "a", "b"])
        assert.deepStrictEqual(yield* keysOf(server, "?state=Open"), ["c"])
        assert.deepStrictEqual(yield* keysOf(server, "?state=Closed"), ["a", "b"])
        assert.deepStrictEqual(yield* keysOf(server, "?state=Closed&text=b"), ["b"])
      })
    )
    yield* breaker.reset("c")
    yield* settled

    assert.deepStrictEqual(yield* keysOf(server), keys)
  })

  test("12.1 have a circuit that is new", function* () {
    const { breaker, server } = yield* setUp
    yield* keysOf(server)

    yield* breaker.protectWith(works, { key: "e" })

    assert.deepStrictEqual(yield* keysOf(server), [...keys, "e"])
  })

  test("12.1 have one that has failed in its place a second later at the latest", function* () {
    const { breaker, server } = yield* setUp
    yield* keysOf(server)

    yield* Effect.exit(breaker.protectWith(fails, { key: "d" }))
    yield* TestClock.adjust("1 second")

    assert.deepStrictEqual(yield* keysOf(server), ["d", "a", "b", "c"])
  })

  test("12.1 are of the breaker that has the name now", function* () {
    const { server } = yield* setUp
    yield* keysOf(server)

    const successor = yield* CircuitBreaker.make({ name: "payments" })
    for (const key of ["w", "x", "y", "z"]) yield* successor.protectWith(works, { key })

    assert.deepStrictEqual(yield* keysOf(server), ["w", "x", "y", "z"])
  })
})
