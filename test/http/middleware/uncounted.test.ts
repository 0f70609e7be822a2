/** Requests that are answered without being a call of their own: in a dry run, and as part of another call. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import { make, makeHalfOpen, tagOf, totalsOf } from "../../kit/index.ts"
import { places, status } from "./fixtures.ts"

for (const [place, serveIn] of Object.entries(places)) {
  describe(`R3.1.1 a request of a dry run that would have been rejected, with the middleware ${place}`, () => {
    for (const code of [204, 503]) {
      it.scoped(`R3.1.1 is answered, and counts as rejected only: ${code}`, () =>
        Effect.gen(function* () {
          const breaker = yield* make({ mode: "observe" })
          yield* breaker.trip()
          const ask = yield* serveIn(status(code), CircuitHttpMiddleware.make({ breaker }))
          assert.strictEqual((yield* ask()).status, code)
          assert.deepStrictEqual(yield* totalsOf(breaker), {
            succeeded: 0,
            failed: 0,
            ignored: 0,
            rejected: 1
          })
        })
      )
    }
  })

  describe(`R3.1.6 a request to an app that is guarded twice, the second time ${place}`, () => {
    it.scoped("R3.1.6 is one probe", () =>
      Effect.gen(function* () {
        const breaker = yield* makeHalfOpen()
        const middleware = CircuitHttpMiddleware.make({ breaker })
        const ask = yield* serveIn(middleware(status(204)), middleware)
        assert.strictEqual((yield* ask()).status, 204)
        assert.strictEqual(yield* tagOf(breaker), "Closed")
        assert.strictEqual((yield* totalsOf(breaker)).succeeded, 1)
      })
    )
  })
}
