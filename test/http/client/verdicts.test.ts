import { assert, it } from "@effect/vitest"
import * as HttpClientError from "@effect/platform/HttpClientError"
import { CircuitBreaker, Outcome, TripPolicy } from "effect-circuit-breaker"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import { test } from "../../kit/test.ts"
import { make, recordLogs, tagOf } from "../../kit/index.ts"
import {
  type Backend,
  backend,
  counted,
  keysOf,
  makeHalfOpen,
  notRead,
  notSent,
  origin,
  respond,
  statuses,
  url
} from "./fixtures.ts"

const verdicts: ReadonlyArray<
  readonly [status: number, verdict: Outcome.Outcome, headers?: Record<string, string>]
> = [
  [200, Outcome.success],
  [204, Outcome.success],
  [301, Outcome.success],
  [400, Outcome.success],
  [403, Outcome.success],
  [403, Outcome.ignored, { "retry-after": "60" }],
  [403, Outcome.ignored, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1700000000" }],
  [403, Outcome.success, { "x-ratelimit-remaining": "12" }],
  [404, Outcome.success],
  [407, Outcome.success],
  [408, Outcome.failure()],
  [409, Outcome.success],
  [428, Outcome.success],
  [429, Outcome.ignored],
  [430, Outcome.success],
  [499, Outcome.success],
  [500, Outcome.failure()],
  [501, Outcome.failure()],
  [503, Outcome.failure()],
  [505, Outcome.failure()],
  [520, Outcome.failure()],
  [529, Outcome.failure()],
  [599, Outcome.failure()]
]

const totalOf = { Success: "succeeded", Failure: "failed", Ignored: "ignored" } as const

for (const [status, verdict, headers] of verdicts) {
  const what = headers === undefined ? `${status}` : `${status} with ${JSON.stringify(headers)}`
  test(`${status === 403 ? "E18" : "C3"} a ${what} is ${verdict._tag}`, function* () {
    const answer = headers === undefined ? {} : { headers }
    assert.deepStrictEqual(CircuitHttpClient.classify(Exit.succeed(respond(status, answer))), verdict)

    const breaker = yield* make()
    const { client } = backend((to) => Effect.succeed(respond(status, { ...answer, to })))
    const response = yield* CircuitHttpClient.protect(client, { breaker }).get(url)
    assert.strictEqual(response.status, status)
    yield* counted(breaker, { [totalOf[verdict._tag]]: 1 })
  })
}

const ignoring400 = (status: number) => (status === 400 ? Outcome.ignored : Outcome.success)
const probes: ReadonlyArray<readonly [title: string, Backend, CircuitHttpClient.Options, state: string]> = [
  ["C3 a 429 neither closes nor reopens a half-open circuit", statuses(429), {}, "HalfOpen"],
  ["C3 a 400 closes a half-open circuit", statuses(400), {}, "Closed"],
  [
    "statusOutcome that ignores a 400 keeps it from closing a half-open circuit",
    statuses(400),
    { statusOutcome: ignoring400 },
    "HalfOpen"
  ],
  [
    "R3.2.4 a request that could not be made gives the slot of its probe back",
    backend(() => Effect.fail(notSent("Encode"))),
    {},
    "HalfOpen"
  ]
]
for (const [title, { client }, options, expected] of probes) {
  test(title, function* () {
    const breaker = yield* makeHalfOpen()
    yield* Effect.exit(
      Effect.provideService(
        CircuitHttpClient.protect(client, options).get(url),
        CircuitBreaker.CircuitBreaker,
        breaker
      )
    )
    const state = yield* breaker.state(origin)
    assert.strictEqual(state._tag, expected)
    if (state._tag === "HalfOpen") assert.deepInclude(state, { probing: 0, succeeded: 0, openings: 1 })
    assert.deepStrictEqual(yield* keysOf(breaker), [origin])
  })
}

test("statusOutcome that makes a failure of a 429 opens the circuit", function* () {
  const breaker = yield* make()
  const client = CircuitHttpClient.protect(statuses(429).client, {
    breaker,
    statusOutcome: (status) => (status === 429 ? Outcome.failure() : Outcome.success)
  })
  assert.strictEqual((yield* client.get(url)).status, 429)
  assert.strictEqual(yield* tagOf(breaker, origin), "Open")
})

test("E18 a statusOutcome that throws leaves the response unchanged and the call Ignored, and is reported once", function* () {
  const log = yield* recordLogs
  const breaker = yield* make()
  const client = CircuitHttpClient.protect(statuses(200, 503).client, {
    breaker,
    statusOutcome: () => {
      throw new Error("a defect")
    }
  })
  const seen = [yield* client.get(url), yield* client.get(url)]
  assert.deepStrictEqual(
    seen.map(({ status }) => status),
    [200, 503]
  )
  yield* counted(breaker, { ignored: 2 })
  assert.lengthOf(log, 1)
})

test("E18 statusOutcome is called once for a response with a body, with the response itself", function* () {
  const breaker = yield* make({ tripPolicy: TripPolicy.consecutive(9) })
  const asked: Array<readonly [status: number, id: string | undefined]> = []
  const { client } = backend((to, nth) =>
    Effect.succeed(respond(nth === 1 ? 200 : 500, { body: "[]", headers: { "x-id": String(nth) }, to }))
  )
  const guarded = CircuitHttpClient.protect(client, {
    breaker,
    statusOutcome: (status, response) => {
      asked.push([status, response.headers["x-id"]])
      return status === 500 ? Outcome.failure() : Outcome.success
    }
  })
  for (const read of ["json", "text"] as const) yield* Effect.flatMap(guarded.get(url), (it) => it[read])
  assert.deepStrictEqual(asked, [
    [200, "1"],
    [500, "2"]
  ])
})

test("E18 statusOutcome may judge by the headers of the response", function* () {
  const breaker = yield* make()
  const { client } = backend((to) => Effect.succeed(respond(403, { headers: { "retry-after": "60" }, to })))
  const guarded = CircuitHttpClient.protect(client, {
    breaker,
    statusOutcome: (_, { headers }) =>
      headers["retry-after"] === undefined ? Outcome.success : Outcome.failure()
  })
  yield* guarded.get(url)
  const state = yield* breaker.state(origin)
  assert.deepStrictEqual(state._tag === "Open" && Duration.toSeconds(state.retryAfter), 60)
})

test("CircuitHttpClient.protect does not use the classify of its breaker", function* () {
  const breaker = yield* make({ classify: () => Outcome.failure() })
  yield* CircuitHttpClient.protect(statuses(200).client, { breaker }).get(url)
  yield* counted(breaker, { succeeded: 1 })
})

const unparsed = new SyntaxError("Unexpected token")
const interrupt = Cause.interrupt(FiberId.none)

const exits: ReadonlyArray<
  readonly [title: string, exit: Exit.Exit<unknown, unknown>, verdict: Outcome.Outcome["_tag"]]
> = [
  ["a transport error", Exit.fail(notSent("Transport")), "Failure"],
  ["a body that does not encode", Exit.fail(notSent("Encode")), "Ignored"],
  ["an invalid URL", Exit.fail(notSent("InvalidUrl")), "Ignored"],
  ["StatusCode of a 404", Exit.fail(notRead("StatusCode", 404)), "Success"],
  ["StatusCode of a 429", Exit.fail(notRead("StatusCode", 429)), "Ignored"],
  ["StatusCode of a 503", Exit.fail(notRead("StatusCode", 503)), "Failure"],
  ["a 200 whose body broke off", Exit.fail(notRead("Decode", 200)), "Failure"],
  ["a 404 whose body broke off", Exit.fail(notRead("Decode", 404)), "Failure"],
  ["a 200 that is no JSON", Exit.fail(notRead("Decode", 200, unparsed)), "Success"],
  ["a 502 that is no JSON", Exit.fail(notRead("Decode", 502, unparsed)), "Failure"],
  ["a 200 without the body wanted", Exit.fail(notRead("EmptyBody", 200)), "Success"],
  ["a 500 without the body wanted", Exit.fail(notRead("EmptyBody", 500)), "Failure"],
  ["a timeout", Exit.fail(new Cause.TimeoutException("too slow")), "Failure"],
  ["an error that is not HTTP's", Exit.fail("unavailable"), "Failure"],
  ["a defect", Exit.die(new Error("a defect")), "Failure"],
  [
    "a defect beside a 404",
    Exit.failCause(Cause.parallel(Cause.fail(notRead("StatusCode", 404)), Cause.die("a defect"))),
    "Failure"
  ],
  ["interruption", Exit.failCause(interrupt), "Ignored"],
  [
    "an interruption beside a transport error",
    Exit.failCause(Cause.parallel(Cause.fail(notSent("Transport")), interrupt)),
    "Failure"
  ],
  ["a value that is no response", Exit.succeed({ status: 500 }), "Success"]
]

for (const [title, exit, verdict] of exits) {
  it(`C3 ${title} is ${verdict}`, () => {
    assert.strictEqual(CircuitHttpClient.classify(exit)._tag, verdict)
  })
}

test("C3 R3.1.2 the original error reaches the caller", function* () {
  const breaker = yield* make()
  const error = notSent("Transport")
  const client = CircuitHttpClient.protect(backend(() => Effect.fail(error)).client, { breaker })
  const received = yield* Effect.flip(client.get(url))
  assert.instanceOf(received, HttpClientError.RequestError)
  // Within a span, Effect passes on its own view of an error.
  assert.strictEqual(received.cause, error.cause)
  yield* counted(breaker, { failed: 1 })
})

test("R3.1.2 a defect of the client reaches the caller, and counts", function* () {
  const breaker = yield* make()
  const client = CircuitHttpClient.protect(backend(() => Effect.die("a defect")).client, { breaker })
  assert.deepStrictEqual(yield* Effect.exit(client.get(url)), Exit.die("a defect"))
  yield* counted(breaker, { failed: 1 })
})

test("CircuitHttpClient.classify judges the effects of a breaker that make a request", function* () {
  const breaker = yield* make({ classify: CircuitHttpClient.classify })
  yield* breaker.protect(statuses(404).client.get(url))
  yield* counted(breaker, { succeeded: 1 }, "default")
  yield* breaker.protect(statuses(503).client.get(url))
  yield* counted(breaker, { succeeded: 1, failed: 1 }, "default")
})
