/** Requests that are sent without being a call of their own: in a dry run, and as part of a call. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import { make, tagOf } from "../../kit/index.ts"
import { backend, counted, makeHalfOpen, origin, refused, respond, statuses, url } from "./fixtures.ts"

describe("R3.1.1 a request of a dry run that would have been rejected", () => {
  it.scoped("R3.1.1 is sent, and counts as rejected only", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ mode: "observe" })
      yield* breaker.trip(origin)
      const { client, sent } = statuses(200)
      const response = yield* CircuitHttpClient.protect(client, { breaker }).get(url)
      assert.strictEqual(response.status, 200)
      assert.strictEqual(yield* response.text, "")
      assert.strictEqual(sent.length, 1)
      yield* counted(breaker, { rejected: 1 })
    })
  )

  it.scoped("R3.1.1 fails as it does", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ mode: "observe" })
      yield* breaker.trip(origin)
      const { client } = backend((to) => Effect.fail(refused(to)))
      const error = yield* Effect.flip(CircuitHttpClient.protect(client, { breaker }).get(url))
      assert.strictEqual(error._tag, "RequestError")
      yield* counted(breaker, { rejected: 1 })
    })
  )
})

describe("R3.1.6 a request through a client that is guarded twice", () => {
  it.scoped("R3.1.6 is one probe", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()
      const { client } = backend((to) => Effect.succeed(respond(204, { to })))
      const once = CircuitHttpClient.protect(client, { breaker })
      yield* CircuitHttpClient.protect(once, { breaker }).get(url)
      assert.strictEqual(yield* tagOf(breaker, origin), "Closed")
      yield* counted(breaker, { succeeded: 1 })
    })
  )
})
