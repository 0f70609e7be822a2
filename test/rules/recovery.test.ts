import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as TestClock from "effect/TestClock"
import { CircuitOpenError, Transition, TripPolicy } from "effect-circuit-breaker"
import {
  type Breaker,
  fails,
  makeHalfOpen,
  makeRecovering,
  rejectionOf,
  settled,
  startCall,
  tagOf,
  totalsOf,
  transitionsOf,
  watch,
  windowOf,
  works
} from "../kit/index.ts"

/** Makes calls one after the other: "a" was admitted, "-" was rejected. */
const admissions = (breaker: Breaker, howMany: number) =>
  Effect.map(Effect.replicateEffect(Effect.exit(breaker.protect(works)), howMany), (exits) =>
    exits.map((exit) => (Exit.isSuccess(exit) ? "a" : "-")).join("")
  )

describe("R3.2.9 Recovering", () => {
  it.scoped("R3.2.9 admits the k-th call when floor(k * share) grows", () =>
    Effect.gen(function* () {
      const breaker = yield* makeRecovering()

      assert.strictEqual(yield* admissions(breaker, 12), "---a---a---a")
    })
  )

  it.scoped("R3.2.9 admits a share that grows from `from` to 1 over the duration", () =>
    Effect.gen(function* () {
      const breaker = yield* makeRecovering()
      const admitting = Effect.map(breaker.state(), (state) =>
        state._tag === "Recovering" ? state.admitting : state._tag
      )
      assert.strictEqual(yield* admitting, 0.25)
      assert.strictEqual(yield* admissions(breaker, 8), "---a---a")

      yield* TestClock.adjust("50 seconds")
      assert.strictEqual(yield* admitting, 0.625)
      assert.strictEqual(yield* admissions(breaker, 8), "aa-aa-aa")

      yield* TestClock.adjust("49 seconds")
      assert.approximately(Number(yield* admitting), 0.9925, 1e-9)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* admitting, "Closed")
      assert.strictEqual(yield* admissions(breaker, 20), "a".repeat(20))
    })
  )

  it.scoped("R3.2.9 begins with a tenth by default", () =>
    Effect.gen(function* () {
      const breaker = yield* makeRecovering({ recovery: { duration: "100 seconds" } })

      assert.deepStrictEqual(yield* breaker.state(), { _tag: "Recovering", admitting: 0.1, openings: 1 })
      assert.strictEqual(yield* admissions(breaker, 20), "---------a---------a")
    })
  )

  it.scoped("R3.2.9 leaves nothing to chance: two circuits admit the same calls", () =>
    Effect.gen(function* () {
      const steps = (breaker: Breaker) =>
        Effect.flatMap(breaker.protect(works).pipe(Effect.exit), () => admissions(breaker, 7))
      const one = yield* makeRecovering({ recovery: { duration: "100 seconds", from: 0.3 } })
      const other = yield* makeRecovering({ recovery: { duration: "100 seconds", from: 0.3 } })
      yield* one.reset()
      yield* one.trip()
      yield* other.reset()
      yield* other.trip()
      yield* TestClock.adjust("10 seconds")

      const runs: Array<readonly [string, string]> = []
      for (let i = 0; i < 5; i++) {
        runs.push([yield* steps(one), yield* steps(other)])
        yield* TestClock.adjust("13 seconds")
      }

      runs.forEach(([left, right]) => assert.strictEqual(left, right))
      assert.include(runs.map(([left]) => left).join(""), "-")
    })
  )

  it.scoped("R3.2.9 rejects the others with a CircuitOpenError that asks for no wait", () =>
    Effect.gen(function* () {
      const breaker = yield* makeRecovering()

      const error = yield* rejectionOf(breaker.protect(works))

      assert.instanceOf(error, CircuitOpenError)
      assert.strictEqual(error.state, "Recovering")
      assert.strictEqual((yield* totalsOf(breaker)).rejected, 1)
    })
  )

  it.scoped("R3.2.9 counts outcomes under the trip policy", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen({
        tripPolicy: TripPolicy.failureRate({ threshold: 0.5, calls: 4 }),
        recovery: { duration: "100 seconds", from: 1 }
      })
      yield* breaker.trip()
      yield* TestClock.adjust("10 seconds")
      yield* breaker.protect(works)
      assert.strictEqual(yield* tagOf(breaker), "Recovering")

      yield* breaker.protect(works)
      yield* Effect.flip(breaker.protect(fails))
      yield* breaker.protect(works)
      assert.deepStrictEqual(yield* windowOf(breaker), { calls: 3, failures: 1, slow: 0 })
      assert.strictEqual(yield* tagOf(breaker), "Recovering")
      yield* Effect.flip(breaker.protect(fails))

      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  )

  it.scoped("R3.2.9 a trip from there is an ordinary opening", () =>
    Effect.gen(function* () {
      const breaker = yield* makeRecovering({ recovery: { duration: "100 seconds", from: 1 } })
      const seen = yield* watch(breaker.transitions)

      yield* Effect.flip(breaker.protect(fails))
      yield* settled

      const opened = seen.find(Transition.isOpened)!
      assert.deepStrictEqual(
        [opened.from, opened.to, opened.reason, opened.openings],
        ["Recovering", "Open", "Tripped", 2]
      )
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* tagOf(breaker), "HalfOpen")
    })
  )

  it.scoped("R3.2.9 is over at exactly its duration; the next call announces it, with an empty window", () =>
    Effect.gen(function* () {
      const breaker = yield* makeRecovering({
        tripPolicy: TripPolicy.consecutive(2),
        recovery: { duration: "100 seconds", from: 1 }
      })
      yield* breaker.trip()
      yield* TestClock.adjust("10 seconds")
      yield* breaker.protect(works)
      yield* Effect.flip(breaker.protect(fails))
      yield* TestClock.adjust("99999 millis")
      assert.strictEqual(yield* tagOf(breaker), "Recovering")
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* tagOf(breaker), "Closed")
      assert.deepStrictEqual(yield* windowOf(breaker), { calls: 0, failures: 0, slow: 0 })

      const transitions = yield* transitionsOf(breaker, Effect.flip(breaker.protect(fails)))

      assert.deepStrictEqual(transitions, ["Recovering > Closed"])
      assert.deepStrictEqual(yield* windowOf(breaker), { calls: 1, failures: 1, slow: 0 })
    })
  )

  it.scoped("R3.2.9 an outcome that comes after the recovery is over counts nowhere", () =>
    Effect.gen(function* () {
      const breaker = yield* makeRecovering({ recovery: { duration: "100 seconds", from: 1 } })
      const late = yield* startCall(breaker.protect)
      yield* TestClock.adjust("100 seconds")
      const before = yield* breaker.snapshot()

      yield* late.end(Exit.fail("late"))

      assert.deepStrictEqual(yield* breaker.snapshot(), before)
      assert.strictEqual(yield* tagOf(breaker), "Closed")
    })
  )
})
