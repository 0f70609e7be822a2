import { afterEach, assert, describe, it } from "@effect/vitest"
import * as HttpClient from "@effect/platform/HttpClient"
import { CircuitBreaker, Outcome } from "effect-circuit-breaker"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as TestClock from "effect/TestClock"
import { type Breaker, make } from "../../rules/fixtures.ts"
import { backend, makeHalfOpen, origin, respond, url } from "./fixtures.ts"

type Headers = Record<string, string>

const date = "Wed, 07 Oct 2015 07:28:00 GMT"
const year = 365 * 86_400_000

/** Milliseconds that the headers ask for. The clock of the test stands a minute before the date of the responses. */
const hints: ReadonlyArray<readonly [title: string, headers: Headers, millis: number | undefined]> = [
  ["nothing", {}, undefined],
  ["seconds", { "retry-after": "20" }, 20_000],
  ["zero", { "retry-after": "0" }, 0],
  ["a fraction", { "retry-after": "1.5" }, 1_500],
  ["a date beside the response's own", { date, "retry-after": "Wed, 07 Oct 2015 07:28:30 GMT" }, 30_000],
  ["a date alone, by the clock", { "retry-after": date }, 60_000],
  ["a date beside a Date that is none", { date: "today", "retry-after": date }, 60_000],
  ["a date of RFC 850", { date, "retry-after": "Wednesday, 07-Oct-15 07:28:30 GMT" }, 30_000],
  ["a date of asctime", { date, "retry-after": "Wed Oct  7 07:28:30 2015" }, 30_000],
  ["a Date of asctime", { date: "Wed Oct  7 07:27:00 2015", "retry-after": date }, 60_000],
  ["a past date", { date, "retry-after": "Wed, 07 Oct 2015 07:27:59 GMT" }, 0],
  ["words", { "retry-after": "soon" }, undefined],
  ["words like a date", { "retry-after": "Wed, 99 Foo 2015 07:28:30 GMT" }, undefined],
  ["an ISO date", { "retry-after": "2015-10-07T07:28:30Z" }, undefined],
  ["nothing at all", { "retry-after": "" }, undefined],
  ["a negative number", { "retry-after": "-5" }, undefined],
  ["an exponent", { "retry-after": "1e3" }, undefined],
  ["a number with a unit", { "retry-after": "20s" }, undefined],
  ["hexadecimal", { "retry-after": "0x10" }, undefined],
  ["Infinity", { "retry-after": "Infinity" }, undefined],
  ["a year", { "retry-after": "31536000" }, year],
  ["an absurd number", { "retry-after": "99999999999999999999" }, year],
  ["a number beyond all numbers", { "retry-after": "9".repeat(400) }, year],
  ["a date at the end of time", { date, "retry-after": "Fri, 31 Dec 9999 23:59:59 GMT" }, year],
  ["milliseconds", { "retry-after-ms": "1500" }, 1_500],
  ["milliseconds before seconds", { "retry-after": "20", "retry-after-ms": "1500" }, 1_500],
  ["zero milliseconds before seconds", { "retry-after": "20", "retry-after-ms": "0" }, 0],
  ["milliseconds that make no sense", { "retry-after": "20", "retry-after-ms": "soon" }, 20_000],
  ["absurd milliseconds", { "retry-after-ms": "9".repeat(30) }, year]
]

const setClock = TestClock.setTime(Date.parse(date) - 60_000)

/** The seconds for which one request opens the circuit, whose opening lasts ten without a hint. */
const openedBy = (
  status: number,
  headers: Headers,
  options: CircuitHttpClient.Options = {},
  breakerOptions: CircuitBreaker.Options = {}
) =>
  Effect.gen(function* () {
    const breaker = yield* make(breakerOptions)
    const client = CircuitHttpClient.protect(answering(status, headers), options)
    yield* Effect.provideService(client.get(url), CircuitBreaker.CircuitBreaker, breaker)
    return yield* secondsOpen(breaker)
  })

const answering = (status: number, headers: Headers) =>
  backend((to) => Effect.succeed(respond(status, { headers, to }))).client

const secondsOpen = (breaker: Breaker) =>
  Effect.map(breaker.state(origin), (state) =>
    state._tag === "Open" ? Duration.toSeconds(state.retryAfter) : state._tag
  )

describe("the hint of a failure", () => {
  for (const [title, headers, millis] of hints) {
    it.effect(`${title}: ${millis === undefined ? "none" : `${millis} ms`}`, () =>
      Effect.gen(function* () {
        yield* setClock
        const verdict = yield* Effect.sync(() =>
          CircuitHttpClient.classify(Exit.succeed(respond(503, { headers })))
        )
        assert.deepStrictEqual(
          verdict,
          millis === undefined ? Outcome.failure() : Outcome.failure({ retryAfter: millis })
        )
      })
    )
  }
})

describe("a date without a zone", () => {
  const { TZ } = process.env
  afterEach(() => {
    if (TZ === undefined) delete process.env["TZ"]
    else process.env["TZ"] = TZ
  })

  it.effect("is in GMT wherever it is read", () =>
    Effect.sync(() => {
      process.env["TZ"] = "America/New_York"
      assert.notStrictEqual(new Date(0).getTimezoneOffset(), 0)
      const headers = { date, "retry-after": "Wed Oct  7 07:28:30 2015" }
      assert.deepStrictEqual(
        CircuitHttpClient.classify(Exit.succeed(respond(503, { headers }))),
        Outcome.failure({ retryAfter: "30 seconds" })
      )
    })
  )
})

describe("the hint and the opening of the circuit", () => {
  it.scoped("a longer hint lengthens it, a shorter one does not cut it", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* openedBy(503, { "retry-after": "60" }), 60)
      assert.strictEqual(yield* openedBy(503, { "retry-after": "5" }), 10)
      assert.strictEqual(yield* openedBy(503, { "retry-after-ms": "10500" }), 10.5)
      assert.strictEqual(yield* openedBy(408, { "retry-after": "60" }), 60)
    })
  )

  it.scoped("an absurd hint is cut to maxOpenDuration", () =>
    Effect.gen(function* () {
      const absurd = { "retry-after": "99999999999999999999" }
      assert.strictEqual(yield* openedBy(503, absurd), 3_600)
      assert.strictEqual(yield* openedBy(503, absurd, {}, { maxOpenDuration: "2 minutes" }), 120)
      assert.strictEqual(yield* openedBy(503, absurd, {}, { maxOpenDuration: "1000 days" }), year / 1_000)
    })
  )

  it.scoped("a failed probe's hint counts too", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()
      yield* CircuitHttpClient.protect(answering(503, { "retry-after": "60" }), { breaker }).get(url)
      assert.strictEqual(yield* secondsOpen(breaker), 60)
    })
  )

  it.scoped("an error about a status has the hint of its response", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const client = answering(503, { "retry-after": "60" }).pipe(
        HttpClient.filterStatusOk,
        CircuitHttpClient.protect({ breaker })
      )
      yield* Effect.flip(client.get(url))
      assert.strictEqual(yield* secondsOpen(breaker), 60)
    })
  )

  it.scoped("a failure of statusOutcome has the response's hint unless it has its own", () =>
    Effect.gen(function* () {
      const asked = { "retry-after": "60" }
      assert.strictEqual(yield* openedBy(429, asked, { statusOutcome: () => Outcome.failure() }), 60)
      const own = Outcome.failure({ retryAfter: "20 seconds" })
      assert.strictEqual(yield* openedBy(429, asked, { statusOutcome: () => own }), 20)
      assert.strictEqual(yield* openedBy(503, asked, { statusOutcome: () => Outcome.success }), "Closed")
    })
  )
})
