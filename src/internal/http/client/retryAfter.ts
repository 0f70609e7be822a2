import type * as Headers from "@effect/platform/Headers"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { clockOf } from "../../fiber/caller.ts"
import { yearMillis } from "../../core/millis.ts"
import { parseHttpDate } from "./httpDate.ts"

/**
 * The delay that a response asks for before the next request: `retry-after-ms`, or `Retry-After` as seconds or as an
 * HTTP date (RFC 9110, 10.2.3). A date is taken relative to the response's own `Date`, because clocks disagree. The
 * `Age` of a cached response is subtracted. The result is at most a year, and `undefined` if the headers are invalid.
 *
 * @internal
 */
export const retryAfterOf = (headers: Headers.Headers): Duration.Duration | undefined => {
  const millis = delayMillis(headers) ?? millisUntil(headers)
  return millis === undefined ? undefined : Duration.millis(Math.min(Math.max(0, millis), yearMillis))
}

const delayMillis = (headers: Headers.Headers): number | undefined => {
  const millis = numberOf(headers["retry-after-ms"])
  const seconds = numberOf(headers["retry-after"])
  if (millis === undefined && seconds === undefined) return undefined
  return (millis ?? Number(seconds) * 1000) - ageMillis(headers)
}

const millisUntil = (headers: Headers.Headers): number | undefined => {
  const retryAfter = headers["retry-after"]
  if (retryAfter === undefined) return undefined
  const now = currentMillis()
  const date = dateOf(headers["date"], now)
  const until = dateOf(retryAfter, date ?? now)
  if (until === undefined) return undefined
  return date === undefined ? until - now : until - date - ageMillis(headers)
}

const ageMillis = (headers: Headers.Headers): number =>
  (numberIn(headers["age"], /^[ \t]*(\d+)[ \t]*$/) ?? 0) * 1000

// The grammar has no fractions, but some servers send them, and their meaning is clear.
const numberOf = (text: string | undefined): number | undefined =>
  numberIn(text, /^[ \t]*(\d+(?:\.\d+)?)[ \t]*$/)

const numberIn = (text: string | undefined, grammar: RegExp): number | undefined => {
  const digits = text === undefined ? undefined : grammar.exec(text)?.[1]
  // Very many digits would be read as infinity, from which nothing can be subtracted.
  return digits === undefined ? undefined : Math.min(Number(digits), Number.MAX_SAFE_INTEGER)
}

const dateOf = (text: string | undefined, now: number): number | undefined =>
  text === undefined ? undefined : parseHttpDate(text, now)

// A classifier runs in the fiber whose call it classifies, so the current fiber has the right clock.
const currentMillis = (): number =>
  Option.match(Fiber.getCurrentFiber(), {
    onNone: () => Clock.make(),
    onSome: clockOf
  }).unsafeCurrentTimeMillis()
