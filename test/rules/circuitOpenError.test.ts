import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { CircuitOpenError } from "effect-circuit-breaker"
import { CircuitOpenErrorSchema } from "effect-circuit-breaker/CircuitOpenErrorSchema"
import { rejecting, rejectionOf, works } from "../kit/index.ts"

const waits = {
  Open: Duration.seconds(20),
  HalfOpen: Duration.zero,
  Recovering: Duration.zero,
  Isolated: Duration.infinity
}

const errorIn = (state: CircuitOpenError["state"]) =>
  new CircuitOpenError({ breaker: "payments", key: "eu", state, retryAfter: waits[state] })

const states = ["Open", "HalfOpen", "Recovering", "Isolated"] as const

describe("CircuitOpenError", () => {
  for (const state of states) {
    it(`CircuitOpenError: has a one-line message that names the breaker, the key and the wait, ${state}`, () => {
      const { message } = errorIn(state)

      assert.notInclude(message, "\n")
      assert.include(message, "payments")
      assert.include(message, "eu")
      assert.match(message, { Open: /20s/, HalfOpen: /soon/, Recovering: /soon/, Isolated: /do not/ }[state])
    })

    it.scoped(`CircuitOpenError: carries no stack, ${state}`, () =>
      Effect.gen(function* () {
        const breaker = yield* rejecting[state]()

        const error = yield* rejectionOf(breaker.protect(works))

        assert.isFalse("stack" in error && Boolean(error.stack))
        assert.isFalse(Object.hasOwn(error, "stack"))
      })
    )

    it(`CircuitOpenError: survives a round trip as JSON, ${state}`, () => {
      const error = errorIn(state)

      const json = JSON.stringify(Schema.encodeSync(CircuitOpenErrorSchema)(error))
      const decoded = Schema.decodeUnknownSync(CircuitOpenErrorSchema)(JSON.parse(json))

      assert.instanceOf(decoded, CircuitOpenError)
      assert.deepStrictEqual(
        [decoded.breaker, decoded.key, decoded.state, Duration.toMillis(decoded.retryAfter)],
        [error.breaker, error.key, error.state, Duration.toMillis(error.retryAfter)]
      )
      assert.strictEqual(decoded.message, error.message)
    })
  }

  it("CircuitOpenError: is an Error with a tag", () => {
    const error = errorIn("Open")

    assert.instanceOf(error, Error)
    assert.strictEqual(error._tag, "CircuitOpenError")
    assert.strictEqual(error.name, "CircuitOpenError")
    assert.include(String(error), "CircuitOpenError")
    assert.include(String(error), error.message)
  })

  it.effect("CircuitOpenError: can be yielded, and caught by its tag", () =>
    Effect.gen(function* () {
      const error = errorIn("Open")
      const failing = Effect.gen(function* () {
        return yield* error
      })

      assert.strictEqual(yield* Effect.flip(failing), error)
      assert.strictEqual(
        yield* failing.pipe(Effect.catchTag("CircuitOpenError", ({ key }) => Effect.succeed(key))),
        "eu"
      )
    })
  )

  it("CircuitOpenError: can be printed as the cause of an exit", () => {
    const error = errorIn("Open")

    assert.include(Cause.pretty(Cause.fail(error)), error.message)
    assert.include(JSON.stringify(Exit.fail(error)), "payments")
  })

  it("CircuitOpenError: can be thrown out of a runtime", async () => {
    const thrown = await Effect.runPromise(Effect.fail(errorIn("Open"))).catch((error: unknown) => error)

    assert.include(String(thrown), "payments")
  })

  it("CircuitOpenError: its schema refuses a value that is no rejection", () => {
    const decode = Schema.decodeUnknownEither(CircuitOpenErrorSchema)
    const encoded = Schema.encodeSync(CircuitOpenErrorSchema)(errorIn("Open"))

    assert.strictEqual(decode({ ...encoded, state: "Closed" })._tag, "Left")
    assert.strictEqual(decode({ ...encoded, _tag: "AnotherError" })._tag, "Left")
    assert.strictEqual(decode({ ...encoded, retryAfter: "soon" })._tag, "Left")
  })
})
