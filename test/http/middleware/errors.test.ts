/** Errors that make their own response, without the middleware around them, or in unusual ways. */
import * as HttpServerRespondable from "@effect/platform/HttpServerRespondable"
import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import { make, totalsOf } from "../../kit/index.ts"
import { exitOf, serve, status } from "./fixtures.ts"

/** An error that counts how often its answer is requested. */
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

/** The verdict on an error for which no middleware has made the answer. */
const verdictOn = (error: unknown) => CircuitHttpMiddleware.classify(Exit.fail(error))._tag

describe("E12 an error that is judged without the middleware", () => {
  it("E12 is judged by its answer", () => {
    assert.strictEqual(verdictOn(new Answering(Effect.succeed(status(404)))), "Success")
    assert.strictEqual(verdictOn(new Answering(Effect.succeed(status(503)))), "Failure")
  })

  it("E12 is a failure if it has no answer, or an asynchronous one", () => {
    assert.strictEqual(verdictOn("unavailable"), "Failure")
    assert.strictEqual(
      verdictOn(new Answering(Effect.promise(() => Promise.resolve(status(404))))),
      "Failure"
    )
  })

  it("E12 is a failure if it throws when it makes its answer", () => {
    assert.strictEqual(verdictOn(broken()), "Failure")
  })
})

describe("E12 an error for which the middleware has made the answer", () => {
  const guarded = Effect.map(make(), (breaker) => ({
    breaker,
    guard: CircuitHttpMiddleware.make({ breaker })
  }))

  it.scoped("E12 makes its answer once, even if it throws", () =>
    Effect.gen(function* () {
      const { breaker, guard } = yield* guarded
      const error = broken()
      yield* exitOf(guard(Effect.fail(error)))
      assert.strictEqual(error.asked, 1)
      assert.deepStrictEqual(yield* totalsOf(breaker), { succeeded: 0, failed: 1, ignored: 0, rejected: 0 })
    })
  )

  it.scoped("E12 makes its answer once, even with an interruption beside it", () =>
    Effect.gen(function* () {
      const { guard } = yield* guarded
      const error = new Answering(Effect.succeed(status(404)))
      const cause = Cause.sequential(Cause.fail(error), Cause.interrupt(FiberId.none))
      const ask = yield* serve(guard(Effect.failCause(cause)))
      yield* ask()
      assert.strictEqual(error.asked, 1)
    })
  )

  it.scoped("E12 makes another answer without a request, and can be given another one", () =>
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
