import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, CircuitOpenError, CircuitStore, TripPolicy } from "effect-circuit-breaker"
import * as Errors from "effect-circuit-breaker/CircuitOpenError"
import { beforeAll, vi } from "vitest"
import { make, makeOpen, recordLogs, rejectionOf, tagOf, withOwnRegistry, works } from "../kit/index.ts"

/** The package as another part of the program loads it: linked, bundled or reloaded. */
const loadCopy = async () => {
  vi.resetModules()
  return {
    ...(await import("effect-circuit-breaker")),
    ...(await import("effect-circuit-breaker/CircuitOpenErrorSchema")),
    Errors: await import("effect-circuit-breaker/CircuitOpenError")
  }
}

describe("R3.1.6 E8 two copies of the package in one program", () => {
  let copy: Awaited<ReturnType<typeof loadCopy>>

  beforeAll(async () => {
    copy = await loadCopy()
  })

  it("R3.1.6 E8 are different modules", () => {
    assert.notStrictEqual(copy.CircuitOpenError, CircuitOpenError)
  })

  it.scoped("R3.1.6 E8 each recognises the other's error", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flatMap(makeOpen(), (breaker) => rejectionOf(breaker.protect(works)))
      assert.isTrue(copy.Errors.isCircuitOpenError(error))
      const breaker = yield* copy.CircuitBreaker.make()
      yield* breaker.trip()
      const other = yield* Effect.flip(breaker.protect(works))

      assert.notInstanceOf(other, CircuitOpenError)
      assert.isTrue(Errors.isCircuitOpenError(other))
      assert.isFalse(Errors.isCircuitOpenError(Object.assign({}, other)))
    })
  )

  it.scoped("R3.1.6 E8 a retrySchedule waits for the other's error as for its own", () =>
    Effect.gen(function* () {
      const breaker = yield* makeOpen()
      const retried = breaker
        .protect(works)
        .pipe(Effect.retry({ schedule: copy.CircuitBreaker.retrySchedule(), times: 3 }), Effect.fork)
      const fiber = yield* retried
      yield* TestClock.adjust("9999 millis")
      assert.strictEqual(yield* Effect.map(Fiber.poll(fiber), ({ _tag }) => _tag), "None")

      yield* TestClock.adjust("1 millis")

      assert.strictEqual(yield* Fiber.join(fiber), "worked")
    })
  )

  it.scoped("R3.1.6 E8 the other's policies work, alone, combined with one's own and shared", () =>
    Effect.gen(function* () {
      const theirs = copy.TripPolicy.failureRate({ threshold: 0.5, calls: 4, minimumCalls: 2 })
      const policies = [
        theirs,
        TripPolicy.anyOf(TripPolicy.consecutive(5), theirs),
        copy.TripPolicy.allOf(TripPolicy.failureCount({ failures: 1, within: "1 minute" }), theirs)
      ]
      for (const tripPolicy of policies) {
        const store = yield* CircuitStore.makeMemory()
        for (const breaker of [
          yield* make({ tripPolicy }),
          yield* Effect.provideService(make({ tripPolicy }), CircuitStore.CircuitStore, store)
        ]) {
          yield* breaker.protect(works)
          assert.strictEqual(yield* tagOf(breaker), "Closed")
          yield* Effect.ignore(breaker.protect(Effect.fail("down")))
          assert.strictEqual(yield* tagOf(breaker), "Open")
        }
      }
    })
  )

  it.scoped("R3.1.6 E8 F20 a store that coordinates nothing, or one derived from it, does so for both", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const watching: CircuitStore.Store = {
        ...CircuitStore.alone,
        exchange: (requests) => {
          seen.push("exchange")
          return CircuitStore.alone.exchange(requests)
        }
      }
      for (const store of [CircuitStore.alone, copy.CircuitStore.alone, watching]) {
        for (const make of [CircuitBreaker.make, copy.CircuitBreaker.make]) {
          const breaker = yield* Effect.provideService(make(), CircuitStore.CircuitStore, store)
          yield* breaker.trip()
          yield* TestClock.adjust("30 seconds")
          yield* Effect.fork(breaker.protect(Effect.never))
          yield* Effect.yieldNow()
          assert.deepInclude(yield* breaker.state(), { _tag: "HalfOpen", probing: 1 })
        }
      }
      assert.deepStrictEqual(seen, [])
    })
  )

  it.scoped("R3.1.6 E8 a schema encodes the other's error", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flatMap(makeOpen(), (breaker) => rejectionOf(breaker.protect(works)))

      const encoded = Schema.encodeUnknownEither(copy.CircuitOpenErrorSchema)(error)

      assert.deepInclude(Either.getOrThrow(encoded), { _tag: "CircuitOpenError", state: "Open" })
    })
  )

  it.scoped("R3.1.6 E7 E8 a rejection by the other's breaker is a failure, whatever its names", () =>
    Effect.gen(function* () {
      const other = yield* copy.CircuitBreaker.make({ name: "default" })
      yield* other.trip()
      const breaker = yield* make({ name: "default" })

      const error = yield* Effect.flip(breaker.protect(other.protect(works)))

      assert.strictEqual(Duration.toSeconds((error as CircuitOpenError).retryAfter), 30)
      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  )

  it.scoped("R3.4 E8 E16 a span counts the rejections by breakers of both", () =>
    Effect.gen(function* () {
      const [own, other] = [yield* CircuitBreaker.make(), yield* copy.CircuitBreaker.make()]
      yield* Effect.zipRight(own.trip(), other.trip())
      const rejections = Effect.replicateEffect(
        Effect.zipRight(Effect.exit(own.protect(works)), Effect.exit(other.protect(works))),
        3
      )

      const span = yield* Effect.withSpan(Effect.zipRight(rejections, Effect.currentSpan), "request")

      assert.strictEqual(span.attributes.get("circuit_breaker.rejections"), 6)
    })
  )

  it.scoped(
    "R3.4 E8 E17 one line says that a breaker is built for each request, whichever copy builds it",
    () =>
      Effect.gen(function* () {
        const lines = yield* recordLogs
        for (let i = 0; i < 12; i++) {
          yield* Effect.provide(CircuitBreaker.protect(works), CircuitBreaker.layer({ name: "rebuilt" }))
          yield* Effect.provide(
            copy.CircuitBreaker.protect(works),
            copy.CircuitBreaker.layer({ name: "rebuilt" })
          )
        }

        assert.deepStrictEqual(
          lines.map(({ annotations, level }) => [level, annotations["breaker"]]),
          [["Warning", "rebuilt"]]
        )
      }).pipe(withOwnRegistry)
  )
})
