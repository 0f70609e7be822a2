/** Routes that answer with a stream, which goes on after its headers have been sent, on real servers. */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import { once } from "node:events"
import { test } from "../../kit/test.ts"
import { type Breaker, make, makeHalfOpen, tagOf, totalsOf } from "../../kit/index.ts"
import { slowPolicy } from "../client/fixtures.ts"
import { askAt, begin, eventually, listen, servers } from "./fixtures.ts"

/** A stream that sends a word and goes on until the gate opens. */
const stream = (gate: Deferred.Deferred<void>) =>
  HttpServerResponse.stream(
    Stream.encodeText(
      Stream.concat(Stream.make("word"), Stream.fromEffect(Effect.as(Deferred.await(gate), "end")))
    )
  )

const { "round a mounted app": _, ...streaming } = servers

for (const [place, server] of Object.entries(streaming)) {
  describe(`a route that answers with a stream, with the middleware ${place}`, () => {
    const serve = (breaker: Breaker, app: HttpApp.Default<unknown>) =>
      listen(server(app, CircuitHttpMiddleware.make({ breaker })))

    test("E13 the headers of a stream close the circuit, and the next requests are admitted", function* () {
      const breaker = yield* makeHalfOpen()
      const gate = yield* Deferred.make<void>()
      const port = yield* serve(breaker, Effect.succeed(stream(gate)))
      const response = yield* begin(port)
      yield* breaker.awaitReady()
      assert.strictEqual(yield* tagOf(breaker), "Closed")
      yield* begin(port)
      assert.isFalse(response.complete)
      yield* Deferred.succeed(gate, undefined)
    })

    test("E13 a stream with status 500 reopens the circuit at its headers", function* () {
      const breaker = yield* makeHalfOpen()
      const gate = yield* Deferred.make<void>()
      const port = yield* serve(breaker, Effect.succeed(HttpServerResponse.setStatus(stream(gate), 500)))
      yield* begin(port)
      yield* eventually(tagOf(breaker), (tag) => tag !== "HalfOpen")
      assert.strictEqual(yield* tagOf(breaker), "Open")
      assert.strictEqual((yield* askAt(port)()).status, 503)
      yield* Deferred.succeed(gate, undefined)
    })

    test("E13 a stream is as slow as its headers", function* () {
      const breaker = yield* make({ tripPolicy: slowPolicy(1) })
      const gate = yield* Deferred.make<void>()
      const port = yield* serve(breaker, Effect.succeed(stream(gate)))
      const response = yield* begin(port)
      yield* TestClock.adjust("1 hour")
      yield* Deferred.succeed(gate, undefined)
      yield* Effect.promise(() => once(response.resume(), "end"))
      yield* eventually(totalsOf(breaker), ({ succeeded }) => succeeded > 0)
      assert.strictEqual(yield* tagOf(breaker), "Closed")
    })
  })
}
