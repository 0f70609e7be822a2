import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { CircuitBreakerRegistry, TripPolicy } from "effect-circuit-breaker"
import { fails, make, recordLogs, settled, tagOf, watch, windowOf, withOwnRegistry } from "../kit/index.ts"

const names = Effect.map(CircuitBreakerRegistry.breakers, (breakers) => breakers.map(({ name }) => name))

describe("R3.4 the registry", () => {
  it.scoped("R3.4 lists every live breaker, oldest first", () =>
    Effect.gen(function* () {
      yield* make({ name: "payments" })
      yield* make({ name: "search" })
      yield* make()

      assert.deepStrictEqual(yield* names, ["payments", "search", "default"])
    }).pipe(withOwnRegistry)
  )

  it.scoped("R3.4 lists a breaker until its scope closes", () =>
    Effect.gen(function* () {
      yield* make({ name: "payments" })
      const scope = yield* Scope.make()
      yield* Scope.extend(make({ name: "search" }), scope)
      assert.deepStrictEqual(yield* names, ["payments", "search"])

      yield* Scope.close(scope, Exit.void)

      assert.deepStrictEqual(yield* names, ["payments"])
      assert.isTrue(Option.isNone(yield* CircuitBreakerRegistry.get("search")))
    }).pipe(withOwnRegistry)
  )

  it.scoped("R3.4 finds the live breaker of a name, and of several the latest one", () =>
    Effect.gen(function* () {
      yield* make({ name: "payments" })
      const last = yield* make({ name: "payments" })

      const found = yield* CircuitBreakerRegistry.get("payments")

      assert.strictEqual(Option.getOrUndefined(found), last)
      assert.isTrue(Option.isNone(yield* CircuitBreakerRegistry.get("search")))
    }).pipe(withOwnRegistry)
  )

  it.scoped("R3.4 breakers of one name share nothing but the name (pybreaker#88, pybreaker#26)", () =>
    Effect.gen(function* () {
      const options = { name: "payments", tripPolicy: TripPolicy.consecutive(2) }
      const first = yield* make(options)
      yield* Effect.flip(first.protect(fails))
      const second = yield* make(options)

      assert.strictEqual((yield* windowOf(first)).failures, 1)
      yield* Effect.flip(first.protect(fails))

      assert.deepStrictEqual([yield* tagOf(first), yield* tagOf(second)], ["Open", "Closed"])
      assert.deepStrictEqual(yield* CircuitBreakerRegistry.breakers, [first, second])
    }).pipe(withOwnRegistry)
  )

  it.scoped("R3.4 by default is one for the whole process", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ name: "found by name" })

      const found = Effect.runSync(CircuitBreakerRegistry.get("found by name"))

      assert.strictEqual(Option.getOrUndefined(found), breaker)
    })
  )

  it.scoped("R3.4 publishes the transitions of all breakers, including later ones", () =>
    Effect.gen(function* () {
      const payments = yield* make({ name: "payments" })
      yield* payments.reset()
      const seen = yield* watch(CircuitBreakerRegistry.transitions)

      yield* Effect.flip(payments.protect(fails))
      const search = yield* make({ name: "search" })
      yield* search.trip()
      yield* settled

      assert.deepStrictEqual(
        seen.map(({ breaker, from, generation, to }) => [breaker, from, to, generation]),
        [
          ["payments", "Closed", "Open", 2],
          ["search", "Closed", "Open", 1]
        ]
      )
    }).pipe(withOwnRegistry)
  )

  it.scoped("R3.4 outlives its breakers: its transitions do not end with theirs", () =>
    Effect.gen(function* () {
      const seen = yield* watch(CircuitBreakerRegistry.transitions)
      yield* Effect.scoped(Effect.flatMap(make({ name: "payments" }), (breaker) => breaker.trip()))

      yield* Effect.flatMap(make({ name: "search" }), (breaker) => breaker.trip())
      yield* settled

      assert.deepStrictEqual(
        seen.map(({ breaker }) => breaker),
        ["payments", "search"]
      )
    }).pipe(withOwnRegistry)
  )

  it.scoped("R3.4 a registry that throws does no harm, and is reported once", () =>
    Effect.gen(function* () {
      const lines = yield* recordLogs
      const breaker = yield* Effect.provideService(make(), CircuitBreakerRegistry.CircuitBreakerRegistry, {
        ...CircuitBreakerRegistry.unsafeMake(),
        unsafePublish: () => {
          throw new Error("a fault of its own")
        }
      })

      assert.strictEqual(yield* Effect.flip(breaker.protect(fails)), "unavailable")
      yield* breaker.reset()

      assert.strictEqual(yield* tagOf(breaker), "Closed")
      assert.strictEqual(lines.filter(({ level }) => level === "Error").length, 1)
    })
  )
})
