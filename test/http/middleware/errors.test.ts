/** Errors that say themselves what their client gets, where the middleware is not round them, or they are odd. */
import * as HttpServerRespondable from "@effect/platform/HttpServerRespondable"
import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import { make, totalsOf } from "../../rules/fixtures.ts"
import { exitOf, serve, status, totals } from "./fixtures.ts"

/** An error that counts how often it is asked for its answer. */
class Answering {
  asked = 0
  readonly answer: Effect.Effect<HttpServerResponse.HttpServerResponse>

  constructor(answer: Effect.Effect<HttpServerResponse.HttpServerResponse>) {
    this.answer = answer
  }

  [HttpServerRespondable.symbol]() {
    this.asked++
    return this.answer
  }
}

const broken = (): Answering =>
  Object.assign(new Answering(Effect.never), {
    [HttpServerRespondable.symbol](this: Answering) {
      this.asked++
      throw new Error("broken")
    }
  })

/** The verdict on an error that no middleware has made the answer to. */
const verdictOn = (error: unknown) => CircuitHttpMiddleware.classify(Exit.fail(error))._tag

describe("E12 an error that is judged without the middleware", () => {
  it("E12 is judged by its answer", () => {
    assert.strictEqual(verdictOn(new Answering(Effect.succeed(status(404)))), "Success")
    assert.strictEqual(verdictOn(new Answering(Effect.succeed(status(503)))), "Failure")
  })

  it("E12 is a failure where it has none, or one that has to be waited for", () => {
    assert.strictEqual(verdictOn("unavailable"), "Failure")
    assert.strictEqual(
      verdictOn(new Answering(Effect.promise(() => Promise.resolve(status(404))))),
      "Failure"
    )
  })

  it("E12 is a failure where it throws when it is asked", () => {
    assert.strictEqual(verdictOn(broken()), "Failure")
  })
})

describe("E12 an error that the middleware has made an answer to", () => {
  const guarded = Effect.map(make(), (breaker) => ({
    breaker,
    guard: CircuitHttpMiddleware.make({ breaker })
  }))

  it.scoped("E12 is asked once, though it throws", () =>
    Effect.gen(function* () {
      const { breaker, guard } = yield* guarded
      const error = broken()
      yield* exitOf(guard(Effect.fail(error)))
      assert.strictEqual(error.asked, 1)
      assert.deepStrictEqual(yield* totalsOf(breaker), totals({ failed: 1 }))
    })
  )

  it.scoped("E12 is asked once, though an interruption came with it", () =>
    Effect.gen(function* () {
      const { guard } = yield* guarded
      const error = new Answering(Effect.succeed(status(404)))
      const cause = Cause.sequential(Cause.fail(error), Cause.interrupt(FiberId.none))
      const ask = yield* serve(guard(Effect.failCause(cause)))
      yield* ask()
      assert.strictEqual(error.asked, 1)
    })
  )

  it.scoped("E12 answers anew where no request asks, and can be given another answer", () =>
    Effect.gen(function* () {
      const { guard } = yield* guarded
      const error = new Answering(Effect.succeed(status(404)))
      yield* exitOf(guard(Effect.fail(error)))
      assert.strictEqual((yield* HttpServerRespondable.toResponse(error)).status, 404)
      assert.strictEqual(error.asked, 2)
      error[HttpServerRespondable.symbol] = () => Effect.succeed(status(410))
      assert.strictEqual((yield* HttpServerRespondable.toResponse(error)).status, 410)
      Reflect.deleteProperty(error, HttpServerRespondable.symbol)
      assert.strictEqual((yield* HttpServerRespondable.toResponse(error)).status, 404)
    })
  )
})
