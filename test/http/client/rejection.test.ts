import { assert, it } from "@effect/vitest"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as TestClock from "effect/TestClock"
import { test } from "../../kit/test.ts"
import { make, makeOpen, rejecting, rejectionOf } from "../../kit/index.ts"
import { backend, counted, refused, statuses, url } from "./fixtures.ts"

type Options = CircuitHttpClient.Options

// The kit's breakers reject calls without a key.
const key = () => "default"

const answerTo = (breaker: NonNullable<Options["breaker"]>, respond: true | { readonly status?: number }) =>
  CircuitHttpClient.protect(statuses(200).client, { breaker, key, respondWhenRejected: respond }).get(url)

test("C4 a rejected request fails, and is not sent", function* () {
  for (const respond of [undefined, false]) {
    const breaker = yield* makeOpen()
    const { client, sent } = statuses(200)
    const guarded = CircuitHttpClient.protect(client, { breaker, key, respondWhenRejected: respond })
    const { message } = yield* rejectionOf(guarded.get(url))
    assert.strictEqual(message, 'Circuit "default" of breaker "default" is open, retry after 10s')
    assert.strictEqual(sent.length, 0)
  }
})

test("C4 respondWhenRejected answers with 503, headers and a JSON body, and sends nothing", function* () {
  const breaker = yield* makeOpen({ name: "payments" })
  const { client, sent } = statuses(200)
  const guarded = CircuitHttpClient.protect(client, { breaker, key, respondWhenRejected: true })
  const response = yield* guarded.get(url)
  assert.strictEqual(response.status, 503)
  assert.deepStrictEqual(
    { ...response.headers },
    {
      "content-type": "application/json",
      "retry-after": "10",
      "x-circuit-breaker": "breaker tripped"
    }
  )
  assert.deepStrictEqual(yield* response.json, {
    error: 'Circuit "default" of breaker "payments" is open, retry after 10s',
    breaker: "payments",
    key: "default",
    state: "Open"
  })
  assert.strictEqual(response.request.url, url)
  assert.strictEqual(sent.length, 0)
  // The one failure is the one that opened the circuit.
  yield* counted(breaker, { failed: 1, rejected: 1 }, "default")
})

test("C4 respondWhenRejected may have another status", function* () {
  const breaker = yield* makeOpen()
  assert.strictEqual((yield* answerTo(breaker, { status: 500 })).status, 500)
  assert.strictEqual((yield* answerTo(breaker, { status: 400 })).status, 400)
  assert.strictEqual((yield* answerTo(breaker, { status: 599 })).status, 599)
  assert.strictEqual((yield* answerTo(breaker, {})).status, 503)
})

test("C4 Retry-After is in whole seconds, rounded up", function* () {
  const breaker = yield* makeOpen()
  const retryAfter = Effect.map(answerTo(breaker, true), ({ headers }) => headers["retry-after"])
  const seen: Array<string | undefined> = []
  for (const millis of [0, 1, 999, 1_000, 1_001, 9_000, 9_001, 9_999]) {
    yield* TestClock.setTime(millis)
    seen.push(yield* retryAfter)
  }
  assert.deepStrictEqual(seen, ["10", "10", "10", "9", "9", "1", "1", "1"])
})

const expected = { Open: "10", HalfOpen: "1", Recovering: "1", Isolated: undefined } as const
for (const state of ["Open", "HalfOpen", "Recovering", "Isolated"] as const) {
  test(`C4 Retry-After is ${expected[state] ?? "left out"} while ${state}`, function* () {
    const breaker = yield* rejecting[state]()
    const { headers, json } = yield* answerTo(breaker, true)
    assert.strictEqual(headers["retry-after"], expected[state])
    assert.strictEqual(headers["x-circuit-breaker"], "breaker tripped")
    assert.deepInclude(yield* json, { state })
  })
}

test("R3.1.2 respondWhenRejected leaves the error of a request that was sent as it is", function* () {
  const breaker = yield* make()
  const { client, sent } = backend((request) => Effect.fail(refused(request)))
  const guarded = CircuitHttpClient.protect(client, { breaker, respondWhenRejected: true })
  assert.strictEqual((yield* Effect.flip(guarded.get(url)))._tag, "RequestError")
  assert.strictEqual((yield* guarded.get(url)).status, 503)
  assert.strictEqual(sent.length, 1)
})

test("R3.1.6 the rejection of a breaker inside is not answered by the outer one", function* () {
  const inner = yield* makeOpen({ name: "inner" })
  const outer = yield* make({ name: "outer" })
  const { client, sent } = statuses(200)
  const guarded = client.pipe(
    CircuitHttpClient.protect({ breaker: inner, key }),
    CircuitHttpClient.protect({ breaker: outer, key, respondWhenRejected: true })
  )
  const rejection = yield* rejectionOf(guarded.get(url))
  assert.strictEqual(rejection.breaker, "inner")
  // The outer one has counted it as a failure, and now answers with its own rejection.
  assert.deepInclude(yield* (yield* guarded.get(url)).json, { breaker: "outer" })
  assert.strictEqual(sent.length, 0)
})

test("C4 each run of one request is rejected or sent separately", function* () {
  const breaker = yield* make()
  const { client, sent } = statuses(500, 200)
  const guarded = CircuitHttpClient.protect(client, { breaker, respondWhenRejected: true })
  const one = guarded.get(url)
  const statusesSeen = [(yield* one).status, (yield* one).status]
  yield* TestClock.adjust("10 seconds")
  statusesSeen.push((yield* one).status, (yield* one).status)
  assert.deepStrictEqual(statusesSeen, [500, 503, 200, 200])
  assert.strictEqual(sent.length, 3)
})

test("C4 the answer to a rejected HEAD request has headers and no body", function* () {
  const breaker = yield* makeOpen()
  const options = { breaker, key, respondWhenRejected: true } as const
  const response = yield* CircuitHttpClient.protect(statuses(200).client, options).head(url)
  assert.deepStrictEqual([response.status, response.headers["retry-after"]], [503, "10"])
  assert.strictEqual(yield* response.text, "")
})

const of = "CircuitHttpClient.protect"
const status = `${of}: respondWhenRejected.status must be an HTTP error status from 400 to 599, received`
const respond = `${of}: respondWhenRejected must be true, false or given options (status), received`
const breaker = `${of}: breaker must be a breaker, as CircuitBreaker.make gives it, received`
const known = "breaker, key, statusOutcome, respondWhenRejected"

const refusals: ReadonlyArray<readonly [id: string, options: unknown, message: string]> = [
  ...[200, 399, 600, 503.5, NaN, Infinity, -503, "503", null].map(
    (value) => ["R3.5", { respondWhenRejected: { status: value } }, `${status} ${String(value)}`] as const
  ),
  ["R3.5", { key: "eu" }, `${of}: key must be a function, received "eu"`],
  ["R3.5", { respondWhenRejected: 503 }, `${respond} 503`],
  ["R3.5", { respondWhenRejected: "true" }, `${respond} "true"`],
  ["R3.5", { statusOutcome: 500 }, `${of}: statusOutcome must be a function, received 500`],
  ["R3.5", { breaker: {} }, `${breaker} {}`],
  ["R3.5", { keys: () => "eu" }, `${of}: unknown option "keys", the options are ${known}`],
  [
    "R3.5",
    { respondWhenRejected: { code: 500 } },
    `${of}: respondWhenRejected: unknown option "code", the options are status`
  ],
  ["E6", { breaker: null }, `${breaker} null`],
  ["E6", { key: null }, `${of}: key must be a function, received null`],
  ["E6", { statusOutcome: null }, `${of}: statusOutcome must be a function, received null`],
  ["E6", { respondWhenRejected: null }, `${respond} null`],
  ["E6", null, `${of} must be given options (${known}), received null`]
]
for (const [id, options, message] of refusals) {
  it(`${id} ${message}`, () => {
    const { client } = statuses(200)
    assert.throws(() => CircuitHttpClient.protect(client, options as Options), RangeError, message)
    assert.throws(() => client.pipe(CircuitHttpClient.protect(options as Options)), RangeError, message)
  })
}

it("E6 byPrefix refuses null in place of prefixes, or of one of them", () => {
  const none: unknown = null
  assert.throws(
    () => CircuitHttpClient.byPrefix(none as ReadonlyArray<string>),
    RangeError,
    "CircuitHttpClient.byPrefix must be given an array of prefixes, received null"
  )
  assert.throws(
    () => CircuitHttpClient.byPrefix([none as string]),
    RangeError,
    "CircuitHttpClient.byPrefix: a prefix must be an absolute URL without query, fragment and user, received null"
  )
})

test("E6 a key that is null is a defect, and not a circuit", function* () {
  const breaker = yield* make()
  const none: unknown = null
  const { client, sent } = statuses(200)
  const guarded = CircuitHttpClient.protect(client, { breaker, key: () => none as string })
  const exit = yield* Effect.exit(guarded.get(url))
  assert.include(
    Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "",
    "CircuitBreaker: key must be a string, or left out, received null"
  )
  assert.deepStrictEqual([sent.length, yield* breaker.circuits], [0, []])
})
