/** The description of a failed request in a log and in a snapshot: one line, without anything that may be secret. */
import { assert, it } from "@effect/vitest"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { Outcome, TripPolicy } from "effect-circuit-breaker"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { test } from "../../kit/test.ts"
import { type Breaker, make, recordLogs } from "../../kit/index.ts"
import { backend, notRead, notSent, origin, respond, statuses, url } from "./fixtures.ts"

const secret = "s3cret"
const withSecrets = `https://${secret}:${secret}@api.example/rates?token=${secret}#${secret}`

/** Makes a request that opens a circuit, and returns the line of the opening and the cause in the snapshot. */
const opening = (client: HttpClient.HttpClient, to = url, key = origin) =>
  Effect.gen(function* () {
    const lines = yield* recordLogs
    const breaker = yield* make()
    yield* Effect.exit(
      CircuitHttpClient.protect(client, { breaker, key: () => key }).get(to, {
        headers: { authorization: secret }
      })
    )
    const line = lines.find(({ level }) => level === "Warning")
    const { lastFailure } = yield* breaker.snapshot(key)
    return {
      message: line?.message ?? "",
      logged: Cause.pretty(line?.cause ?? Cause.empty),
      isLoggedWithCause: line !== undefined && !Cause.isEmpty(line.cause),
      cause: Option.getOrUndefined(Option.map(lastFailure, ({ cause }) => cause))
    }
  })

test("E19 the line of an opening by five 503 has the request and its status", function* () {
  const lines = yield* recordLogs
  const breaker = yield* make({ tripPolicy: TripPolicy.consecutive(5) })
  const client = CircuitHttpClient.protect(statuses(503).client, { breaker })

  yield* Effect.replicateEffect(client.get(url, { headers: { authorization: secret } }), 5)

  const [line] = lines
  assert.match(
    line?.message ?? "",
    /^Circuit opened for 10s \(.*\): GET https:\/\/api\.example\/rates answered 503$/
  )
  assert.isTrue(Cause.isEmpty(line?.cause ?? Cause.empty))
  const { lastFailure } = yield* breaker.snapshot(origin)
  assert.deepStrictEqual(
    Option.map(lastFailure, ({ cause }) => cause),
    Option.some(Cause.fail("GET https://api.example/rates answered 503"))
  )
})

const failure = Object.freeze(Outcome.failure({ retryAfter: "20 seconds" }))
const judging = { classify: CircuitHttpClient.classify }

for (const [title, options, request, line] of [
  [
    "without the user, the query and the fragment of its URL",
    {},
    (breaker: Breaker) => CircuitHttpClient.protect(statuses(500).client, { breaker }).get(withSecrets),
    / for 10s .*: GET https:\/\/api\.example\/rates answered 500$/
  ],
  [
    "that statusOutcome judges",
    {},
    (breaker: Breaker) =>
      CircuitHttpClient.protect(statuses(404).client, { breaker, statusOutcome: () => failure }).del(url),
    / for 20s .*: DELETE https:\/\/api\.example\/rates answered 404$/
  ],
  [
    "that the classify of a breaker judges",
    judging,
    (breaker: Breaker) => breaker.protect(statuses(503).client.post(withSecrets)),
    / for 10s .*: POST https:\/\/api\.example\/rates answered 503$/
  ]
] as const) {
  test(`E19 the line of an opening describes a response ${title}`, function* () {
    const lines = yield* recordLogs
    const breaker = yield* make(options)
    yield* request(breaker)
    const message = lines[0]?.message ?? ""
    assert.match(message, line)
    const [circuit] = yield* breaker.circuits
    const cause = Option.map(circuit!.lastFailure, ({ cause }) => cause)
    assert.deepStrictEqual(Option.getOrThrow(cause), Cause.fail(message.slice(message.indexOf("): ") + 3)))
  })
}

it("E19 the verdict has no property but those of an Outcome", () => {
  assert.deepStrictEqual(CircuitHttpClient.classify(Exit.succeed(respond(503))), Outcome.failure())
  assert.deepStrictEqual(Object.keys(CircuitHttpClient.classify(Exit.succeed(respond(503)))), ["_tag"])
})

const lines503: Readonly<Record<string, string>> = {
  "HTTPS://API.Example:443/Rates": "GET https://api.example/Rates answered 503",
  "http://[::1]:3000/?q=1": "GET http://[::1]:3000/ answered 503",
  [`/rates?token=${secret}`]: "GET /rates answered 503",
  [`//${secret}@api.example/`]: "GET answered 503",
  [`${secret}@api.example/rates`]: "GET answered 503",
  [`data:text/plain,${secret}`]: "GET data: answered 503",
  [`https://${secret}`.replace("/", "%")]: "GET answered 503",
  "": "GET answered 503"
}
for (const [to, line] of Object.entries(lines503)) {
  test(`E19 a request to ${JSON.stringify(to)} is described as ${line}`, function* () {
    const breaker = yield* make(judging)
    // No client would send this request.
    yield* breaker.protect(Effect.succeed(respond(503, { to: HttpClientRequest.get(to) })))
    const { lastFailure } = yield* breaker.snapshot()
    assert.deepStrictEqual(
      Option.map(lastFailure, ({ cause }) => cause),
      Option.some(Cause.fail(line))
    )
  })
}

test("E19 a request that throws when it is described has no description, and counts", function* () {
  const lines = yield* recordLogs
  const breaker = yield* make(judging)
  const broken: unknown = Object.create(respond(503), {
    request: {
      get: () => {
        throw new Error("no request")
      }
    }
  })
  yield* breaker.protect(Effect.succeed(broken))
  assert.match(
    lines[0]?.message ?? "",
    /^Circuit opened for 10s \([^:]*: [^:]*\)$|^Circuit opened for 10s \([^)]*\)$/
  )
  assert.strictEqual((yield* breaker.snapshot()).totals.failed, 1)
})

test("E19 an error about a status is logged, with method, URL and status", function* () {
  const { cause, logged } = yield* opening(HttpClient.filterStatusOk(statuses(503).client))
  assert.include(logged, "503 GET https://api.example/rates")
  assert.notInclude(logged, secret)
  const error = Option.getOrThrow(Cause.failureOption(cause ?? Cause.empty))
  assert.instanceOf(error, HttpClientError.ResponseError)
})

type Failing = (to: HttpClientRequest.HttpClientRequest) => HttpClientError.HttpClientError

const unread = (to: HttpClientRequest.HttpClientRequest, reason: "StatusCode" | "Decode", status: number) =>
  new HttpClientError.ResponseError({ request: to, response: respond(status, { to }), reason })

const unsent = (to: HttpClientRequest.HttpClientRequest, cause: Error) =>
  new HttpClientError.RequestError({ request: to, reason: "Transport", cause })

const refusal = new TypeError("fetch failed", {
  cause: Object.assign(new Error(`connect ${secret}`), { code: "ECONNREFUSED" })
})

const described: ReadonlyArray<readonly [what: string, error: Failing, line: string]> = [
  ["a status", (to) => unread(to, "StatusCode", 503), "answered 503"],
  ["a body that breaks off", (to) => unread(to, "Decode", 200), "answered 200 and broke off"],
  ["a refused connection", (to) => unsent(to, refusal), "was not answered (ECONNREFUSED)"],
  ["an unnamed fault", (to) => unsent(to, new Error(withSecrets)), "was not answered"]
]
for (const [what, errorOf, line] of described) {
  test(`E19 an error about ${what} whose URL has secrets is described without them`, function* () {
    const { client } = backend((to) => Effect.fail(errorOf(to)))
    const { cause, isLoggedWithCause, message } = yield* opening(client, withSecrets)
    assert.isTrue(message.endsWith(`: GET https://api.example/rates ${line}`), message)
    assert.isFalse(isLoggedWithCause)
    // The error itself is there for the program.
    const error = Option.getOrThrow(Cause.failureOption(cause ?? Cause.empty))
    assert.isTrue(HttpClientError.isHttpClientError(error))
  })
}

test("E19 an error without secrets is logged as it is", function* () {
  for (const error of [notSent("Transport"), notRead("Decode", 200)]) {
    const { logged, message } = yield* opening(backend(() => Effect.fail(error)).client)
    assert.include(logged, "GET https://api.example/rates")
    assert.isTrue(message.endsWith(")"), message)
  }
})
