/** The internals of Effect on which the library relies, to be run with the oldest and the newest Effect. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { make, totalsOf, works } from "../kit/index.ts"

/** A frame as the library pushes one: it returns its input, with a mark. */
class Frame {
  declare readonly _op: string

  effect_instruction_i1(cause: Cause.Cause<unknown>): Exit.Exit<string, string> {
    return Exit.fail(`frame: ${Cause.squash(cause)}`)
  }

  effect_instruction_i2(value: unknown): Exit.Exit<string, string> {
    return Exit.succeed(`frame: ${value}`)
  }
}
Object.defineProperty(Frame.prototype, "_op", { value: "OnSuccessAndFailure" })

const framed = (effect: Effect.Effect<string, string>): Effect.Effect<string, string> =>
  Effect.withFiberRuntime((fiber) => {
    ;(fiber as unknown as { pushStack: (frame: object) => void }).pushStack(new Frame())
    return effect
  })

describe("R3.1.3 Effect's run loop", () => {
  it("R3.1.3 has frames of the form that a call of a Closed circuit has", () => {
    const frame = Effect.matchCauseEffect(Effect.void, {
      onFailure: () => Effect.void,
      onSuccess: () => Effect.void
    }) as unknown as Record<string, unknown>

    assert.strictEqual(frame["_op"], "OnSuccessAndFailure")
    assert.isFunction(frame["effect_instruction_i1"])
    assert.isFunction(frame["effect_instruction_i2"])
  })

  it.effect("R3.1.3 passes the value or the cause of the effect above it to such a frame", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* framed(works), "frame: worked")
      assert.strictEqual(yield* framed(Effect.yieldNow().pipe(Effect.zipRight(works))), "frame: worked")
      assert.deepStrictEqual(yield* Effect.exit(framed(Effect.fail("no"))), Exit.fail("frame: no"))
      assert.deepStrictEqual(yield* Effect.exit(framed(Effect.die("broken"))), Exit.fail("frame: broken"))
      assert.strictEqual(yield* framed(framed(works)), "frame: frame: worked")
    })
  )

  it.scoped("R3.1.3 a fiber has one observer, however many calls it makes", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const observers = Effect.withFiberRuntime<number>((fiber) =>
        Effect.succeed((fiber as unknown as { _observers: ReadonlyArray<unknown> })._observers.length)
      )
      const before = yield* observers

      const within = yield* breaker.protect(breaker.protect(breaker.protectWith(observers, { key: "eu" })))
      yield* Effect.replicateEffect(breaker.protect(works), 100)

      assert.strictEqual(within, before + 1)
      assert.isAtMost(yield* observers, before + 1)
      yield* Effect.flatMap(Effect.fork(breaker.protect(works)), (fiber) => fiber.await)
      assert.strictEqual(yield* observers, before)
      assert.strictEqual((yield* totalsOf(breaker)).succeeded, 103)
    })
  )

  it.scoped("R3.1.4 an interrupted call within an uninterruptible region is settled with its fiber", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const fiber = yield* Effect.fork(
        breaker
          .protectWith(Effect.interruptible(breaker.protectWith(Effect.never, { key: "inner" })), {
            key: "outer"
          })
          .pipe(
            Effect.uninterruptible,
            Effect.exit,
            Effect.zipRight(breaker.protectWith(works, { key: "next" }))
          )
      )
      yield* Effect.yieldNow()
      yield* fiber.interruptAsFork(fiber.id())
      yield* fiber.await

      assert.strictEqual((yield* totalsOf(breaker, "inner")).ignored, 1)
      assert.strictEqual((yield* totalsOf(breaker, "outer")).ignored, 1)
    })
  )
})
