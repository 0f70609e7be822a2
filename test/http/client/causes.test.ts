/** The verdict on a cause with several failures, such as a race or a retry produces. */
import { assert, it } from "@effect/vitest"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import { Outcome } from "effect-circuit-breaker"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import { test } from "../../kit/test.ts"
import { make } from "../../kit/index.ts"
import { backend, counted, notRead, notSent, request, respond, statuses, url } from "./fixtures.ts"

const interrupt = Cause.interrupt(FiberId.none)

const fail = (...errors: ReadonlyArray<unknown>) => errors.map((error) => Cause.fail(error))

const e404 = notRead("StatusCode", 404)
const e429 = notRead("StatusCode", 429)
const e503 = notRead("StatusCode", 503)

/** Both orders of the failures, which must not change the verdict. */
const mixtures: ReadonlyArray<
  readonly [title: string, parts: ReadonlyArray<Cause.Cause<unknown>>, verdict: Outcome.Outcome["_tag"]]
> = [
  ["a 404 and a 503", fail(e404, e503), "Failure"],
  ["a 429 and a 503", fail(e429, e503), "Failure"],
  ["a 429 and a 404", fail(e429, e404), "Success"],
  ["a 404 and what could not be sent", fail(e404, notSent("Encode")), "Success"],
  ["a 404 and a transport error", fail(e404, notSent("Transport")), "Failure"],
  ["a 404 and an error that is not HTTP's", fail(e404, "unavailable"), "Failure"],
  ["a 404 and a defect", [...fail(e404), Cause.die("a defect")], "Failure"],
  ["a 404 and an interruption", [...fail(e404), interrupt], "Success"],
  ["a 429 and an interruption", [...fail(e429), interrupt], "Ignored"],
  ["a 503 and an interruption", [...fail(e503), interrupt], "Failure"],
  ["a 429, a 404, a 503 and an interruption", [...fail(e429, e404, e503), interrupt], "Failure"]
]

const joins = { parallel: Cause.parallel, sequential: Cause.sequential }

for (const [title, parts, verdict] of mixtures) {
  for (const [how, join] of Object.entries(joins)) {
    it(`E5 R3.1.9 ${title}, ${how}, is ${verdict}`, () => {
      for (const order of [parts, parts.toReversed()]) {
        for (const cause of [order.reduce(join), order.reduceRight((right, left) => join(left, right))])
          assert.strictEqual(CircuitHttpClient.classify(Exit.failCause(cause))._tag, verdict)
      }
    })
  }
}

it.effect("E5 R3.1.9 of several failures, the longest hint counts", () =>
  Effect.sync(() => {
    const asking = (seconds: string) =>
      Cause.fail(
        new HttpClientError.ResponseError({
          request,
          response: respond(503, { headers: { "retry-after": seconds } }),
          reason: "StatusCode"
        })
      )
    const parts: ReadonlyArray<Cause.Cause<unknown>> = [
      asking("20"),
      Cause.fail(notSent("Transport")),
      asking("60"),
      asking("5")
    ]
    for (const join of Object.values(joins)) {
      for (const order of [parts, parts.toReversed()]) {
        assert.deepStrictEqual(
          CircuitHttpClient.classify(Exit.failCause(order.reduce(join))),
          Outcome.failure({ retryAfter: "60 seconds" })
        )
      }
    }
  })
)

for (const [how, join] of Object.entries(joins)) {
  test(`E5 R3.1.9 each of 10,000 failures, ${how}, is judged once`, function* () {
    let asked = 0
    const parts = Array.from({ length: 10_000 }, (_, index) => Cause.fail(index === 9_999 ? e503 : e404))
    for (const cause of [parts.reduce(join), parts.reduceRight((right, left) => join(left, right))]) {
      const breaker = yield* make()
      const { client } = backend(() => Effect.failCause(cause))
      const guarded = CircuitHttpClient.protect(client, {
        breaker,
        statusOutcome: (status) => {
          asked++
          return status === 503 ? Outcome.failure() : Outcome.ignored
        }
      })
      assert.isTrue(Exit.isFailure(yield* Effect.exit(guarded.get(url))))
      yield* counted(breaker, { failed: 1 })
    }
    assert.strictEqual(asked, 20_000)
  })
}

test("E5 a race that a 404 and a 503 lose is a failure", function* () {
  const breaker = yield* make({ classify: CircuitHttpClient.classify })
  const get = (status: number) => HttpClient.filterStatusOk(statuses(status).client).get(url)
  yield* Effect.exit(breaker.protect(Effect.race(get(404), get(503))))
  yield* counted(breaker, { failed: 1 }, "default")
})
