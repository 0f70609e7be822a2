import * as Duration from "effect/Duration"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"

/**
 * Throws a `RangeError` that says what is allowed and what was received.
 *
 * @internal
 */
export const refuse = (what: string, allowed: string, received: string): never => {
  throw new RangeError(`${what} must be ${allowed}, received ${received}`)
}

/** @internal */
export const refuseValue = (what: string, allowed: string, value: unknown): never =>
  refuse(what, allowed, textOf(value))

const textOf = (value: unknown): string => {
  if (Duration.isDuration(value)) return Duration.format(value)
  return typeof value === "string" ? JSON.stringify(value) : Inspectable.toStringUnknown(value, 0)
}

/**
 * Without what is `undefined`: such an option was not given, and must not hide another.
 *
 * @internal
 */
export const given = <A extends object>(options: A): A =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as A

/**
 * The default of an option that was left out. `null` is a value like any other, and refused like any other wrong one.
 *
 * @internal
 */
export const or = <A>(value: A | undefined, otherwise: A): A => (value === undefined ? otherwise : value)

/**
 * The options themselves, if they are options: an object that has none but those which are known.
 *
 * @internal
 */
export const optionsOf = <A extends object>(
  of: string,
  options: unknown,
  known: ReadonlyArray<string>
): A => {
  const names = known.filter((name) => name !== "_tag").join(", ")
  if (typeof options !== "object" || options === null) {
    return refuseValue(of, names === "" ? "given no options" : `given options (${names})`, options)
  }
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw new RangeError(`${of}: unknown option "${key}", the options are ${names}`)
    }
  }
  // Each of them is checked by itself, whatever its type says.
  return options as A
}

/** @internal */
export const nonEmptyString = (what: string, value: unknown): string =>
  typeof value === "string" && value !== "" ? value : refuseValue(what, "a string that is not empty", value)

/** @internal */
export const callable = <F>(what: string, value: F): F =>
  typeof value === "function" ? value : refuseValue(what, "a function", value)

/** @internal */
export const bool = (what: string, value: unknown): boolean =>
  typeof value === "boolean" ? value : refuseValue(what, "true or false", value)

/** @internal */
export const count = (what: string, value: unknown): number =>
  isCount(value) ? value : refuseValue(what, "an integer of at least 1", value)

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 1

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
export const finiteDuration = (what: string, value: unknown): Duration.Duration =>
  Duration.millis(finiteMillis(what, value))

// NaN for what is no duration: `Duration.decode` would take NaN and negative numbers for zero, and throws an error of
// its own for the rest.
const toMillis = (value: unknown): number =>
  typeof value === "number" && !(value >= 0)
    ? NaN
    : Option.match(Duration.decodeUnknown(value), { onNone: () => NaN, onSome: Duration.toMillis })
