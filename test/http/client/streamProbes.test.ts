/** Probes whose bodies are read as streams, and responses whose outcome is written to a store first. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import { stepsKey, stepsOf } from "../../../src/internal/circuitBreaker/steps.ts"
import { entryOf, makeCoordinated } from "../../breaker/fixtures.ts"
import { make, settled } from "../../kit/index.ts"
import { counted, makeBody, origin, statuses, streaming, url } from "./fixtures.ts"

describe("R3.1.8 a body that is read as a stream", () => {
  it.scoped("R3.1.8 is a success even if it is empty", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const { stream } = yield* CircuitHttpClient.protect(streaming("").client, { breaker }).get(url)
      assert.strictEqual(yield* Stream.runCount(stream), 0)
      yield* counted(breaker, { succeeded: 1 })
    })
  )

  it.scoped("R3.1.8 is a success for a consumer that is interrupted after the first bytes", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const body = yield* makeBody
      const { stream } = yield* CircuitHttpClient.protect(streaming(body.stream).client, { breaker }).get(url)
      const got = yield* Deferred.make<void>()
      const fiber = yield* Effect.fork(Stream.runForEach(stream, () => Deferred.succeed(got, undefined)))
      yield* body.wanted
      yield* body.send("first")
      yield* Deferred.await(got)
      yield* Fiber.interrupt(fiber)
      yield* counted(breaker, { succeeded: 1 })
    })
  )

  it.scoped("R3.1.8 is Ignored for a consumer that is interrupted before them", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const body = yield* makeBody
      const { stream } = yield* CircuitHttpClient.protect(streaming(body.stream).client, { breaker }).get(url)
      const fiber = yield* Effect.fork(Stream.runDrain(stream))
      yield* body.wanted
      yield* Fiber.interrupt(fiber)
      yield* counted(breaker, { ignored: 1 })
    })
  )
})

describe("a response whose outcome is written to the store before its caller receives it", () => {
  it.scoped("is settled by its headers, and waits until that is written", () =>
    Effect.gen(function* () {
      const written = yield* Deferred.make<void>()
      const inside = yield* makeCoordinated({ writesThrough: true, after: () => Deferred.await(written) })
      const breaker = { ...(yield* make()), [stepsKey]: stepsOf(inside) }
      const client = CircuitHttpClient.protect(statuses(200).client, { breaker })
      const fiber = yield* Effect.fork(client.get(url))
      yield* settled
      assert.isNull(fiber.unsafePoll())
      assert.strictEqual((yield* entryOf(inside, origin)).totals.succeeded, 1)
      yield* Deferred.succeed(written, undefined)
      assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
    })
  )

  it.scoped("is settled by its body without write-through", () =>
    Effect.gen(function* () {
      const inside = yield* makeCoordinated({})
      const breaker = { ...(yield* make()), [stepsKey]: stepsOf(inside) }
      const response = yield* CircuitHttpClient.protect(streaming("all").client, { breaker }).get(url)
      const entry = yield* entryOf(inside, origin)
      assert.strictEqual(entry.totals.succeeded, 0)
      assert.strictEqual(yield* response.text, "all")
      assert.strictEqual(entry.totals.succeeded, 1)
    })
  )
})
