import { afterEach, assert, it } from "@effect/vitest"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { CircuitBreaker, Outcome } from "effect-circuit-breaker"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "fast-check"
import * as TestClock from "effect/TestClock"
import { test } from "../../kit/test.ts"
import { anyText } from "../../kit/text.ts"
import { type Breaker, make } from "../../kit/index.ts"
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
  ["absurd milliseconds", { "retry-after-ms": "9".repeat(30) }, year],

  ["E10 a date with a zone", { date, "retry-after": "Wed, 07 Oct 2015 07:28:30 +0000" }, undefined],
  ["E10 the date of the report", { date, "retry-after": "Wed, 21 Oct 2026 09:29:00 +0200" }, undefined],
  ["E10 words with a year", { date, "retry-after": "Try again in 2027" }, undefined],
  ["E10 a date in UTC", { date, "retry-after": "Wed, 07 Oct 2015 07:28:30 UTC" }, undefined],
  ["E10 a date without a zone", { date, "retry-after": "Wed, 07 Oct 2015 07:28:30" }, undefined],
  ["E10 a date in small letters", { date, "retry-after": "wed, 07 oct 2015 07:28:30 gmt" }, undefined],
  ["E10 a date without its day of the week", { date, "retry-after": "07 Oct 2015 07:28:30 GMT" }, undefined],
  ["E10 no day of the week", { date, "retry-after": "Web, 07 Oct 2015 07:28:30 GMT" }, undefined],
  // It is valid by the grammar, and the rest of the date says the same more reliably.
  ["E10 the wrong day of the week", { date, "retry-after": "Fri, 07 Oct 2015 07:28:30 GMT" }, 30_000],
  ["E10 the 31st of February", { date, "retry-after": "Tue, 31 Feb 2017 00:00:00 GMT" }, undefined],
  ["E10 the 29th of February", { date, "retry-after": "Mon, 29 Feb 2016 00:00:00 GMT" }, 12_501_120_000],
  ["E10 the 29th of no February", { date, "retry-after": "Tue, 29 Feb 2017 00:00:00 GMT" }, undefined],
  ["E10 no day", { date, "retry-after": "Sun, 00 Nov 2015 00:00:00 GMT" }, undefined],
  ["E10 a day of one digit", { date, "retry-after": "Wed, 7 Oct 2015 07:28:30 GMT" }, undefined],
  ["E10 25 o'clock", { date, "retry-after": "Wed, 07 Oct 2015 25:28:30 GMT" }, undefined],
  ["E10 minute 60", { date, "retry-after": "Wed, 07 Oct 2015 07:60:30 GMT" }, undefined],
  ["E10 a leap second", { date, "retry-after": "Wed, 07 Oct 2015 07:28:60 GMT" }, 60_000],
  ["E10 second 61", { date, "retry-after": "Wed, 07 Oct 2015 07:28:61 GMT" }, undefined],
  ["E10 a year of two digits", { date, "retry-after": "Wed, 07 Oct 15 07:28:30 GMT" }, undefined],
  ["E10 two dates", { date, "retry-after": `${date}, ${date}` }, undefined],
  ["E10 two numbers", { "retry-after": "20, 20" }, undefined],
  ["E10 spaces and tabs around", { "retry-after": " \t20\t " }, 20_000],
  ["E10 a date with spaces around", { date, "retry-after": " Wed, 07 Oct 2015 07:28:30 GMT\t" }, 30_000],
  ["E10 a space of another kind", { "retry-after": "\u00a020" }, undefined],
  ["E10 RFC 850 with dashes only", { date, "retry-after": "Wed, 07-Oct-15 07:28:30 GMT" }, undefined],
  ["E10 RFC 850 with a full year", { date, "retry-after": "Wednesday, 07-Oct-2015 07:28:30 GMT" }, undefined],
  ["E10 asctime with a zone", { date, "retry-after": "Wed Oct  7 07:28:30 2015 GMT" }, undefined],
  ["E10 asctime with one space", { date, "retry-after": "Wed Oct 7 07:28:30 2015" }, undefined],
  ["E10 asctime with two digits", { date, "retry-after": "Sat Oct 10 07:28:00 2015" }, 259_200_000],
  ["E10 RFC 850, 50 years ahead", { date, "retry-after": "Wednesday, 07-Oct-65 07:28:00 GMT" }, year],
  ["E10 RFC 850, more than 50 years ahead", { date, "retry-after": "Wednesday, 07-Oct-65 07:28:01 GMT" }, 0],
  [
    "E10 RFC 850, over the turn of a century",
    {
      date: "Thu, 31 Dec 2099 23:59:00 GMT",
      "retry-after": "Friday, 01-Jan-00 00:00:00 GMT"
    },
    60_000
  ],
  ["E10 a Date with a zone", { date: "Wed, 07 Oct 2015 07:28:00 +0200", "retry-after": date }, 60_000],

  ["E10 the Age of a cached response", { age: "5", "retry-after": "20" }, 15_000],
  ["E10 an Age beyond it", { age: "25", "retry-after": "20" }, 0],
  ["E10 an Age beside a date", { age: "5", date, "retry-after": "Wed, 07 Oct 2015 07:28:30 GMT" }, 25_000],
  ["E10 an Age beyond a date", { age: "50", date, "retry-after": "Wed, 07 Oct 2015 07:28:30 GMT" }, 0],
  [
    "E10 an Age beside a date alone, which the clock is asked about",
    { age: "5", "retry-after": date },
    60_000
  ],
  ["E10 an Age beside milliseconds", { age: "1", "retry-after-ms": "1500" }, 500],
  ["E10 an Age that is none", { age: "old", "retry-after": "20" }, 20_000],
  ["E10 an Age below nothing", { age: "-5", "retry-after": "20" }, 20_000],
  ["E10 an absurd Age", { age: "9".repeat(400), "retry-after": "20" }, 0],
  ["E10 an absurd Age beside an absurd number", { age: "9".repeat(400), "retry-after": "9".repeat(400) }, 0],
  ["E10 an Age alone", { age: "5" }, undefined]
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

for (const [name, headers, millis] of hints) {
  const [id, title] = name.startsWith("E10 ") ? ["E10", name.slice(4)] : ["R3.2.8", name]
  test(`${id} ${title} hints ${millis === undefined ? "nothing" : `${millis} ms`}`, function* () {
    yield* setClock
    const verdict = yield* Effect.sync(() =>
      CircuitHttpClient.classify(Exit.succeed(respond(503, { headers })))
    )
    assert.deepStrictEqual(
      verdict,
      millis === undefined ? Outcome.failure() : Outcome.failure({ retryAfter: millis })
    )
  })
}

const days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
const longDays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
const two = (value: number) => String(value).padStart(2, "0")

const hintOf = (retryAfter: string): number | undefined => {
  // As a client would hand it on: `Headers` refuses what no header can hold.
  const response: HttpClientResponse.HttpClientResponse = Object.create(respond(503), {
    headers: { value: { date, "retry-after": retryAfter } }
  })
  const outcome = CircuitHttpClient.classify(Exit.succeed(response))
  return outcome._tag === "Failure" && outcome.retryAfter !== undefined
    ? Duration.toMillis(outcome.retryAfter)
    : undefined
}

const moments = FastCheck.date({
  min: new Date("2015-10-07T07:28:00Z"),
  max: new Date("2016-10-05T00:00:00Z"),
  noInvalidDate: true
}).map((moment) => new Date(Math.floor(moment.getTime() / 1000) * 1000))

it("E10 a date in each of the three forms is the moment that it names", () => {
  FastCheck.assert(
    FastCheck.property(moments, (moment) => {
      const day = moment.getUTCDay() === 0 ? 6 : moment.getUTCDay() - 1
      const month = months[moment.getUTCMonth()]!
      const dayOfMonth = moment.getUTCDate()
      const year = moment.getUTCFullYear()
      const time = moment.toISOString().slice(11, 19)
      const millis = moment.getTime() - Date.parse(date)
      assert.strictEqual(hintOf(moment.toUTCString()), millis)
      assert.strictEqual(
        hintOf(`${longDays[day]}, ${two(dayOfMonth)}-${month}-${two(year % 100)} ${time} GMT`),
        millis
      )
      assert.strictEqual(
        hintOf(`${days[day]} ${month} ${String(dayOfMonth).padStart(2)} ${time} ${year}`),
        millis
      )
    })
  )
})

/** The grammar once more, as RFC 9110 has it, beside fractions and the spaces round a value. */
const isOfTheGrammar = (text: string): boolean => {
  const value = text.replace(/^[ \t]*/, "").replace(/[ \t]*$/, "")
  const time = "([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)"
  const month = `(${months.join("|")})`
  const forms = [
    "[0-9]+([.][0-9]+)?",
    `(${days.join("|")}), [0-9]{2} ${month} [0-9]{4} ${time} GMT`,
    `(${longDays.join("|")}), [0-9]{2}-${month}-[0-9]{2} ${time} GMT`,
    `(${days.join("|")}) ${month} ([0-9]{2}| [0-9]) ${time} [0-9]{4}`
  ]
  return forms.some((form) => new RegExp(`^${form}$`).test(value))
}

const nearDates = FastCheck.tuple(
  FastCheck.constantFrom(...days, ...longDays, "day", ""),
  FastCheck.constantFrom(", ", " ", ",", ""),
  FastCheck.constantFrom("07", "7", " 7", "31", "00", "32"),
  FastCheck.constantFrom(" ", "-", ""),
  FastCheck.constantFrom(...months, "Foo", "oct", "10"),
  FastCheck.constantFrom(" ", "-", ""),
  FastCheck.constantFrom("2015", "15", "9999", "0000", "115"),
  FastCheck.constantFrom(" 07:28:30", " 24:00:00", " 7:28:30", " 07:28:61", "T07:28:30", ""),
  FastCheck.constantFrom(" GMT", "", " UTC", " +0200", " Z", " GMT+1", " PST")
).map((parts) => parts.join(""))

it("E10 no text throws, and only a text of the grammar hints", () => {
  FastCheck.assert(
    FastCheck.property(
      FastCheck.oneof(
        anyText(),
        FastCheck.stringMatching(/^[ \t0-9.,:+-]{0,40}$/),
        nearDates,
        FastCheck.tuple(moments, FastCheck.string(), FastCheck.boolean()).map(([moment, text, before]) =>
          before ? text + moment.toUTCString() : moment.toUTCString() + text
        ),
        FastCheck.oneof(
          moments.map((it) => it.toISOString()),
          moments.map(String)
        )
      ),
      (text) => {
        const hint = hintOf(text)
        assert.isTrue(hint === undefined || (hint >= 0 && hint <= year), text)
        assert.isTrue(hint === undefined || isOfTheGrammar(text), text)
      }
    ),
    { numRuns: 2_000 }
  )
})

it("E10 a long text is read in linear time", () => {
  // Each would take minutes if it were read again for each of its characters.
  for (const text of [" ".repeat(1e6), "1".repeat(1e6), `1${" ".repeat(1e6)}x`, `${"1.".repeat(5e5)}`]) {
    assert.isTrue([undefined, year].includes(hintOf(text)))
  }
})

const { TZ } = process.env
afterEach(() => {
  if (TZ === undefined) delete process.env["TZ"]
  else process.env["TZ"] = TZ
})

it.effect("E10 a date of asctime is in GMT in every time zone", () =>
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

test("R3.2.8 a longer hint lengthens the opening, and a shorter one does not shorten it", function* () {
  assert.strictEqual(yield* openedBy(503, { "retry-after": "60" }), 60)
  assert.strictEqual(yield* openedBy(503, { "retry-after": "5" }), 10)
  assert.strictEqual(yield* openedBy(503, { "retry-after-ms": "10500" }), 10.5)
  assert.strictEqual(yield* openedBy(408, { "retry-after": "60" }), 60)
})

test("R3.2.8 an excessive hint is limited to maxOpenDuration", function* () {
  const absurd = { "retry-after": "99999999999999999999" }
  assert.strictEqual(yield* openedBy(503, absurd), 3_600)
  assert.strictEqual(yield* openedBy(503, absurd, {}, { maxOpenDuration: "2 minutes" }), 120)
  assert.strictEqual(yield* openedBy(503, absurd, {}, { maxOpenDuration: "1000 days" }), year / 1_000)
})

test("R3.2.8 the hint of a failed probe counts too", function* () {
  const breaker = yield* makeHalfOpen()
  yield* CircuitHttpClient.protect(answering(503, { "retry-after": "60" }), { breaker }).get(url)
  assert.strictEqual(yield* secondsOpen(breaker), 60)
})

test("R3.2.8 an error about a status has the hint of its response", function* () {
  const breaker = yield* make()
  const client = answering(503, { "retry-after": "60" }).pipe(
    HttpClient.filterStatusOk,
    CircuitHttpClient.protect({ breaker })
  )
  yield* Effect.flip(client.get(url))
  assert.strictEqual(yield* secondsOpen(breaker), 60)
})

test("R3.2.8 a failure by statusOutcome has the hint of the response, unless it has its own", function* () {
  const asked = { "retry-after": "60" }
  assert.strictEqual(yield* openedBy(429, asked, { statusOutcome: () => Outcome.failure() }), 60)
  const own = Outcome.failure({ retryAfter: "20 seconds" })
  assert.strictEqual(yield* openedBy(429, asked, { statusOutcome: () => own }), 20)
  assert.strictEqual(yield* openedBy(503, asked, { statusOutcome: () => Outcome.success }), "Closed")
})
