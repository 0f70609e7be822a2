/** Details of a failed request: the code of its error, the numbers in its headers, and the meaning of its status. */
import * as Headers from "@effect/platform/Headers"
import * as HttpClientError from "@effect/platform/HttpClientError"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import type { Outcome } from "effect-circuit-breaker"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import { parseHttpDate } from "../../../src/internal/http/client/httpDate.ts"
import { retryAfterOf } from "../../../src/internal/http/client/retryAfter.ts"
import { hasSecretParts } from "../../../src/internal/http/requestLine.ts"
import { descriptionOf } from "../../../src/internal/observe/description.ts"
import { request, respond, url } from "./fixtures.ts"

/** The log line of a request without a response whose URL contains a secret. */
const lineOf = (cause: unknown): string | undefined =>
  descriptionOf(
    CircuitHttpClient.classify(
      Exit.fail(
        new HttpClientError.RequestError({
          request: { ...request, url: `${url}?secret` },
          reason: "Transport",
          cause
        })
      )
    ) as Outcome.Failure
  )

/** An error whose cause has a cause, and so on. */
const nested = (error: unknown, levels: number): unknown =>
  levels === 0 ? error : { cause: nested(error, levels - 1) }

const circular: { cause?: unknown } = {}
circular.cause = circular

const refused = { code: "ECONNREFUSED" }
const silent = "GET https://api.example/rates was not answered"
const named = `${silent} (ECONNREFUSED)`

const lines: Record<string, readonly [cause: unknown, line: string]> = {
  "its own": [refused, named],
  "eight causes deep": [nested(refused, 8), named],
  "nine causes deep": [nested(refused, 9), silent],
  "of a cause that is its own cause": [circular, silent],
  "a number": [{ code: 7 }, silent],
  "a number, and that of its cause": [{ code: 7, cause: refused }, named],
  "a text that begins as one": [{ code: "ECONNREFUSED by s3cret" }, silent],
  "a text that ends as one": [{ code: "s3cret: ECONNREFUSED" }, silent],
  "a text that is too long": [{ code: "E".repeat(65) }, silent],
  "none, because there is no cause": [undefined, silent],
  "none, because the cause is a text": ["ECONNREFUSED", silent],
  "none, because the cause is null": [null, silent]
}

describe("E19 the code of a request that was not answered", () => {
  for (const [what, [cause, line]] of Object.entries(lines)) {
    it(`E19 ${what}`, () => {
      assert.strictEqual(lineOf(cause), line)
    })
  }
})

describe("E19 whether a URL contains more than its target", () => {
  for (const [url, shows] of [
    ["https://api.example/rates", false],
    ["https://api.example/rates?a", true],
    ["https://api.example/rates#a", true],
    ["https://user@api.example/rates", true],
    ["https://user:password@api.example/rates", true],
    ["//user@api.example/rates", true],
    ["https://api.example/user@home", false],
    ["https://api.example/a//user@home", false],
    ["/a//user@home", false],
    ["/rates", false]
  ] as const) {
    it(`E19 ${url}: ${shows}`, () => {
      assert.strictEqual(hasSecretParts(url), shows)
    })
  }
})

describe("E10 a number in a header", () => {
  const millisOf = (headers: Record<string, string>): number | undefined => {
    const delay = retryAfterOf(Headers.fromInput(headers))
    return delay && Duration.toMillis(delay)
  }

  for (const [seconds, millis] of [
    ["1.5", 1_500],
    ["1.25", 1_250],
    [" \t12.345\t ", 12_345],
    ["1.", undefined],
    [".5", undefined],
    ["1.5s", undefined]
  ] as const) {
    it(`E10 may have a fraction, but nothing else: ${JSON.stringify(seconds)}`, () => {
      assert.strictEqual(millisOf({ "retry-after": seconds }), millis)
    })
  }

  for (const [age, millis] of [
    ["20", 10_000],
    ["\t 20 \t", 10_000],
    ["20 seconds", 30_000],
    ["20seconds", 30_000],
    ["about 20", 30_000],
    ["2.0", 30_000],
    ["-20", 30_000]
  ] as const) {
    it(`E10 is an Age only if it is whole and alone: ${JSON.stringify(age)}`, () => {
      assert.strictEqual(millisOf({ "retry-after": "30", age }), millis)
    })
  }
})

describe("E10 a year of two digits", () => {
  for (const [now, date, expected] of [
    // The years before these have fewer days than the calendar's average: the turn of the year is exact anyway.
    ["2000-01-01T00:00:00.000Z", "Saturday, 01-Jan-50 00:00:00 GMT", "2050-01-01T00:00:00.000Z"],
    ["2000-01-01T00:00:00.000Z", "Saturday, 01-Jan-50 00:00:01 GMT", "1950-01-01T00:00:01.000Z"],
    ["1999-12-31T23:59:59.999Z", "Saturday, 01-Jan-50 00:00:00 GMT", "1950-01-01T00:00:00.000Z"],
    ["1999-12-31T23:59:59.999Z", "Friday, 31-Dec-49 23:59:59 GMT", "2049-12-31T23:59:59.000Z"],
    // That of a leap year has more.
    ["2028-12-31T12:00:00.000Z", "Saturday, 31-Dec-78 12:00:00 GMT", "2078-12-31T12:00:00.000Z"],
    ["2028-12-31T12:00:00.000Z", "Saturday, 31-Dec-78 12:00:01 GMT", "1978-12-31T12:00:01.000Z"],
    ["2028-12-31T12:00:00.000Z", "Sunday, 01-Jan-79 00:00:00 GMT", "1979-01-01T00:00:00.000Z"]
  ] as const) {
    it(`E10 is the latest that is at most 50 years after now: ${date} at ${now}`, () => {
      assert.strictEqual(parseHttpDate(date, Date.parse(now)), Date.parse(expected))
    })
  }
})

describe("E18 a response that asks to be left alone", () => {
  for (const [status, verdict] of [
    [200, "Success"],
    [301, "Success"],
    [402, "Success"],
    [403, "Ignored"],
    [404, "Success"],
    [429, "Ignored"]
  ] as const) {
    it(`E18 with ${status} is ${verdict}`, () => {
      const response = respond(status, { headers: { "retry-after": "30" } })
      assert.strictEqual(CircuitHttpClient.classify(Exit.succeed(response))._tag, verdict)
    })
  }
})
