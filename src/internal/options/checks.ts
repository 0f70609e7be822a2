import * as Duration from "effect/Duration"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Record from "effect/Record"
import * as Schedule from "effect/Schedule"
import { printable } from "../core/printable.ts"

/**
 * Throws a `RangeError` that names the option, the allowed range and the received value, in one line.
 *
 * @internal
 */
export const refuse = (what: string, allowed: string, received: string): never => {
  throw new RangeError(printable(`${what} must be ${allowed}, received ${received}`))
}

/** @internal */
export const refuseValue = (what: string, allowed: string, value: unknown): never =>
  refuse(what, allowed, textOf(value))

const textOf = (value: unknown): string => {
  try {
    if (Duration.isDuration(value)) return durationText(value)
    return typeof value === "string" ? JSON.stringify(value) : Inspectable.toStringUnknown(value, 0)
  } catch {
    return "a value that cannot be printed"
  }
}

/**
 * The text of a duration. `Duration.format` throws for a finite duration whose nanoseconds exceed the largest number.
 *
 * @internal
 */
export const durationText = (duration: Duration.Duration): string => {
  const millis = Duration.toMillis(duration)
  return millis < 1e300 || millis === Infinity ? Duration.format(duration) : `${millis}ms`
}

/**
 * The options that are not `undefined`, so that a spread of the result does not override other options with
 * `undefined`.
 *
 * @internal
 */
export const given = <A extends object>(of: string, options: A): A => {
  const all: object = isOptions(options) ? options : refuseValue(of, "given options", options)
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as A
}

// Without this check an array, a `Map` or a `Date` would be options without any property.
const isOptions = (value: unknown): value is object =>
  Object.prototype.toString.call(value) === "[object Object]"

/**
 * The value of an option, or the default if it was left out. The default does not replace `null`, which is refused like
 * any other invalid value.
 *
 * @internal
 */
export const or = <A>(value: A | undefined, otherwise: A): A => (value === undefined ? otherwise : value)

/**
 * Checks that options are an object without unknown properties, and returns them.
 *
 * @internal
 */
export const optionsOf = <A extends object>(
  of: string,
  options: unknown,
  known: ReadonlyArray<string>
): A => {
  const names = known.join(", ")
  if (!isOptions(options)) return refuseValue(of, `given options (${names})`, options)
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw new RangeError(printable(`${of}: unknown option "${key}", the options are ${names}`))
    }
  }
  // The cast only names the properties, because the caller checks the value of each.
  return options as A
}

/**
 * The check of each option, which returns the value in the form that the library uses, and its default.
 *
 * @internal
 */
export type Checks<Options> = {
  readonly [Name in keyof Options]-?: readonly [
    check: (what: string, value: never) => unknown,
    otherwise?: unknown
  ]
}

/**
 * Checks options, and fills in the defaults.
 *
 * @internal
 */
export const decodeOptions = <All extends Checks<Record<string, unknown>>>(
  of: string,
  input: unknown,
  checks: All,
  separator = "."
): { readonly [Name in keyof All]: ReturnType<All[Name][0]> } => {
  const options = optionsOf<Readonly<Record<string, unknown>>>(of, input, Object.keys(checks))
  // The check of a value accepts anything, whatever its type says. The result has the names of the checks.
  return Record.map(checks, ([check, otherwise], name) =>
    check(`${of}${separator}${name}`, or(options[name], otherwise) as never)
  ) as never
}

/** @internal */
export const optional =
  <Value, A>(check: (what: string, value: Value) => A) =>
  (what: string, value: Value | undefined): A | undefined =>
    value === undefined ? undefined : check(what, value)

/** @internal */
export const nonEmptyString = (what: string, value: unknown): string =>
  typeof value === "string" && value !== "" ? value : refuseValue(what, "a string that is not empty", value)

/** @internal */
export const callable = <F>(what: string, value: F): F =>
  typeof value === "function" ? value : refuseValue(what, "a function", value)

/** @internal */
export const schedule = <A>(what: string, value: A): A =>
  Schedule.isSchedule(value) ? value : refuseValue(what, "a Schedule", value)

/** @internal */
export const bool = (what: string, value: unknown): boolean =>
  typeof value === "boolean" ? value : refuseValue(what, "true or false", value)

/** @internal */
export const count = (what: string, value: unknown): number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 1
    ? value
    : refuseValue(what, "an integer of at least 1", value)

/** @internal */
export const ratio = (what: string, value: unknown): number =>
  typeof value === "number" && value > 0 && value <= 1
    ? value
    : refuseValue(what, "a number above 0 and at most 1", value)

/** @internal */
export const oneOf = <A extends string>(what: string, allowed: ReadonlyArray<A>, value: A): A =>
  allowed.includes(value)
    ? value
    : refuseValue(what, allowed.map((it) => JSON.stringify(it)).join(" or "), value)

/** @internal */
export const positiveMillis = (what: string, value: unknown): number => {
  const millis = toMillis(value)
  return millis > 0 ? millis : refuseValue(what, "a duration above 0", value)
}

/** @internal */
export const finiteMillis = (what: string, value: unknown): number => {
  const millis = toMillis(value)
  return millis > 0 && millis < Infinity ? millis : refuseValue(what, "a finite duration above 0", value)
}

/** @internal */
export const duration = (what: string, value: unknown): Duration.Duration =>
  Option.getOrElse(Duration.decodeUnknown(value), () => refuseValue(what, "a duration", value))

/** @internal */
export const finiteDuration = (what: string, value: unknown): Duration.Duration =>
  Duration.millis(finiteMillis(what, value))

// NaN if the value is not a duration. `Duration.decode` would take NaN and negative numbers for zero, and throw an
// error that does not name the option for any other value.
const toMillis = (value: unknown): number =>
  typeof value === "number" && !(value >= 0)
    ? NaN
    : Option.match(Duration.decodeUnknown(value), { onNone: () => NaN, onSome: Duration.toMillis })
