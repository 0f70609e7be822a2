/** The outcome of exits that contain rejections by the call's own circuit. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import { Outcome } from "effect-circuit-breaker"
import { classifyExit } from "../../src/internal/breaker/classify.ts"
import { entryOf, makeBreaker, protect } from "./fixtures.ts"

/** A circuit, one of its own rejections, and one of another circuit of the same names. */
const makeRejected = Effect.gen(function* () {
  const rejectionBy = (breaker: Effect.Effect.Success<ReturnType<typeof makeBreaker>>) =>
    Effect.gen(function* () {
      yield* Effect.exit(protect(breaker, Effect.fail("unavailable")))
      return yield* Effect.flip(protect(breaker, Effect.void))
    })
  const breaker = yield* makeBreaker()
  const own = yield* rejectionBy(breaker)
  const others = yield* Effect.flatMap(makeBreaker(), rejectionBy)
  const entry = yield* entryOf(breaker)
  const asked: Array<Exit.Exit<unknown, unknown>> = []
  const defects: Array<unknown> = []
  const classified = (cause: Cause.Cause<unknown>, outcome: Outcome.Outcome = Outcome.failure()) =>
    classifyExit(
      entry,
      (exit) => {
        asked.push(exit)
        return outcome
      },
      Exit.failCause(cause),
      (defect) => defects.push(defect)
    )
  return { asked, defects, classified, others, own }
})

describe("R3.1.6 E7 the circuit's own rejection", () => {
  it.effect("R3.1.6 E7 is Ignored without asking the classifier", () =>
    Effect.gen(function* () {
      const { asked, defects, classified, own } = yield* makeRejected
      assert.strictEqual(classified(Cause.fail(own)), Outcome.ignored)
      assert.strictEqual(
        classified(Cause.parallel(Cause.fail(own), Cause.interrupt(FiberId.none))),
        Outcome.ignored
      )
      assert.deepStrictEqual(asked, [])
      assert.deepStrictEqual(defects, [])
    })
  )

  it.effect("R3.1.9 E7 beside another failure is left out of what the classifier sees", () =>
    Effect.gen(function* () {
      const { asked, classified, own } = yield* makeRejected
      const cause = Cause.parallel(Cause.fail(own), Cause.fail("unavailable"))
      assert.strictEqual(classified(cause)._tag, "Failure")
      const [exit] = asked
      assert.isTrue(exit !== undefined && Exit.isFailure(exit))
      assert.deepStrictEqual(Array.from(Cause.failures((exit as Exit.Failure<unknown, unknown>).cause)), [
        "unavailable"
      ])
    })
  )

  it.effect("R3.1.6 E7 of another circuit is classified like any failure", () =>
    Effect.gen(function* () {
      const { asked, classified, others } = yield* makeRejected
      assert.strictEqual(classified(Cause.fail(others))._tag, "Failure")
      assert.deepStrictEqual(asked, [Exit.fail(others)])
    })
  )
})

describe("R3.1.5 a classifier's result", () => {
  for (const outcome of [Outcome.success, Outcome.failure(), Outcome.ignored]) {
    it.effect(`R3.1.5 is the verdict: ${outcome._tag}`, () =>
      Effect.gen(function* () {
        const { defects, classified } = yield* makeRejected
        assert.strictEqual(classified(Cause.fail("unavailable"), outcome), outcome)
        assert.deepStrictEqual(defects, [])
      })
    )
  }

  for (const [name, wrong] of [
    ["of an unknown tag", { _tag: "Broken" }],
    ["nothing", null]
  ] as const) {
    it.effect(`R3.1.5 that is no outcome is Ignored, and reported: ${name}`, () =>
      Effect.gen(function* () {
        const { defects, classified } = yield* makeRejected
        assert.strictEqual(
          classified(Cause.fail("unavailable"), wrong as unknown as Outcome.Outcome),
          Outcome.ignored
        )
        assert.instanceOf(defects[0], TypeError)
        assert.strictEqual(defects.length, 1)
      })
    )
  }
})
