import type * as Headers from "@effect/platform/Headers"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { clockOf } from "../caller.ts"
import { yearMillis } from "../millis.ts"

/**
 * How long a response asks to be left alone: `retry-after-ms`, or `Retry-After` as seconds or as an HTTP date (RFC 9110,
 * 10.2.3). A date is taken relative to the response's own `Date`, because clocks disagree. Nothing if it makes no
 * sense; at most a year.
 *
 * @internal
 */
export const retryAfterOf = (headers: Headers.Headers): Duration.Duration | undefined => {
  const millis = nonNegative(headers["retry-after-ms"]) ?? millisOf(headers["retry-after"], headers["date"])
  return millis === undefined ? undefined : Duration.millis(Math.min(millis, yearMillis))
}

const millisOf = (retryAfter: string | undefined, date: string | undefined): number | undefined => {
  const seconds = nonNegative(retryAfter)
  if (seconds !== undefined) return seconds * 1000
  const until = dateMillis(retryAfter)
  return until === undefined ? undefined : Math.max(0, until - (dateMillis(date) ?? now()))
}

const nonNegative = (text: string | undefined): number | undefined =>
  text !== undefined && /^\s*\d+(\.\d+)?\s*$/.test(text) ? Number(text) : undefined

// As HTTP writes dates, today and in its two older forms: each begins with the day of the week and is in GMT.
const dateMillis = (text: string | undefined): number | undefined => {
  if (text === undefined || !/^[A-Z][a-z]{2}/.test(text)) return undefined
  const millis = Date.parse(text.endsWith("GMT") ? text : `${text} GMT`)
  return Number.isNaN(millis) ? undefined : millis
}

// A classifier is asked by the fiber whose call it judges.
const now = (): number =>
  Option.match(Fiber.getCurrentFiber(), {
    onNone: () => Clock.make(),
    onSome: clockOf
  }).unsafeCurrentTimeMillis()
