import * as Duration from "effect/Duration"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import type * as CircuitBreaker from "../../CircuitBreaker.ts"
import * as Outcome from "../../Outcome.ts"
import type * as TripPolicy from "../../TripPolicy.ts"
import type { Rules } from "../core/circuit.ts"
import type { PolicyData } from "../core/policy.ts"
import * as Policy from "../core/policy.ts"

/**
 * The options of a breaker, checked, with every default filled in.
 *
 * @internal
 */
export interface Settings {
  readonly name: string
  readonly rules: Rules<unknown>
  readonly openDuration: number | Schedule.Schedule<unknown, number>
  readonly maxOpenMillis: number
  readonly classify: CircuitBreaker.Classify
  readonly observe: boolean
  readonly capacity: number
  readonly idleMillis: number
  readonly metricsByKey: boolean
  readonly policyData: PolicyData
}

/**
 * Without what is `undefined`: such an option was not given, and must not hide another.
 *
 * @internal
 */
export const given = <A extends object>(options: A): A =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as A

/**
 * Throws a `RangeError` that names the option, the value received and what is allowed.
 *
 * @internal
 */
export const decode = (input: unknown): Settings => {
  const given = Predicate.hasProperty(input, "name") ? input.name : undefined
  const options = optionsOf<CircuitBreaker.Options>(
    `CircuitBreaker "${String(or(given, "default"))}"`,
    input,
    optionNames
  )
  const name = nonEmptyString("CircuitBreaker: name", or(options.name, "default"))
  const of = (option: string) => `CircuitBreaker "${name}": ${option}`
  const halfOpen = optionsOf<CircuitBreaker.HalfOpenOptions>(
    of("halfOpen"),
    or(options.halfOpen, {}),
    halfOpenNames
  )
  const policyData = decodePolicy(
    of("tripPolicy"),
    or<TripPolicy.TripPolicy>(options.tripPolicy, { _tag: "Consecutive", failures: 5 })
  )
  return {
    name,
    policyData,
    rules: {
      policy: Policy.compile(policyData),
      probes: count(of("halfOpen.probes"), or(halfOpen.probes, 1)),
      failuresToReopen: count(of("halfOpen.failuresToReopen"), or(halfOpen.failuresToReopen, 1)),
      probeTimeoutMillis: finiteMillis(of("halfOpen.probeTimeout"), or(halfOpen.probeTimeout, "1 minute")),
      recovery: options.recovery === undefined ? undefined : decodeRecovery(of("recovery"), options.recovery)
    },
    openDuration: Schedule.isSchedule(options.openDuration)
      ? options.openDuration
      : finiteMillis(of("openDuration"), or(options.openDuration, "30 seconds")),
    maxOpenMillis: positiveMillis(of("maxOpenDuration"), or(options.maxOpenDuration, "1 hour")),
    classify: callable(of("classify"), or<CircuitBreaker.Classify>(options.classify, Outcome.fromExit)),
    observe: oneOf(of("mode"), ["enforce", "observe"], or(options.mode, "enforce")) === "observe",
    capacity: count(of("capacity"), or(options.capacity, 10_000)),
    idleMillis: positiveMillis(of("idleTimeToLive"), or(options.idleTimeToLive, "1 hour")),
    metricsByKey: bool(of("metricsByKey"), or(options.metricsByKey, false))
  }
}

/**
 * The default of an option that was left out. `null` is a value like any other, and refused like any other wrong one.
 *
 * @internal
 */
export const or = <A>(value: A | undefined, otherwise: A): A => (value === undefined ? otherwise : value)

const optionNames = Object.keys({
  name: true,
  tripPolicy: true,
  openDuration: true,
  maxOpenDuration: true,
  halfOpen: true,
  recovery: true,
  classify: true,
  mode: true,
  capacity: true,
  idleTimeToLive: true,
  metricsByKey: true
} satisfies Record<keyof CircuitBreaker.Options, true>)

const halfOpenNames = Object.keys({
  probes: true,
  failuresToReopen: true,
  probeTimeout: true
} satisfies Record<keyof CircuitBreaker.HalfOpenOptions, true>)

const recoveryNames = Object.keys({
  duration: true,
  from: true
} satisfies Record<keyof CircuitBreaker.RecoveryOptions, true>)

const decodeRecovery = (of: string, input: unknown): Rules<unknown>["recovery"] => {
  const recovery = optionsOf<CircuitBreaker.RecoveryOptions>(of, input, recoveryNames)
  return {
    durationMillis: finiteMillis(`${of}.duration`, recovery.duration),
    from: ratio(`${of}.from`, or(recovery.from, 0.1))
  }
}

// ---------------------------------------------------------------------------------------------------------
// Calls: checked where a guarded effect is made, not each time it runs

/** @internal */
export const checkKey = (key: string | undefined): string | undefined =>
  key === undefined || typeof key === "string"
    ? key
    : refuseValue("CircuitBreaker: key", "a string, or left out", key)

/** @internal */
export const checkCall = (options: CircuitBreaker.ProtectOptions<never, never>): void => {
  const of = "CircuitBreaker.protectWith"
  const { classify, key } = optionsOf<CircuitBreaker.ProtectOptions<never, never>>(of, options, callNames)
  checkKey(key)
  if (classify !== undefined) callable(`${of}: classify`, classify)
}

const callNames = Object.keys({
  key: true,
  classify: true
} satisfies Record<keyof CircuitBreaker.ProtectOptions<never, never>, true>)

/** @internal */
export const checkStream = (options: CircuitBreaker.StreamOptions): void => {
  checkKey(optionsOf<CircuitBreaker.StreamOptions>("CircuitBreaker.protectStream", options, streamNames).key)
}

const streamNames = Object.keys({ key: true } satisfies Record<keyof CircuitBreaker.StreamOptions, true>)

// ---------------------------------------------------------------------------------------------------------
// Policies

/** @internal */
export const decodePolicy = (of: string, input: unknown): PolicyData => {
  const policy = input as TripPolicy.TripPolicy | null
  const names = policyNames[policy?._tag as TripPolicy.TripPolicy["_tag"]]
  if (policy === null || names === undefined) {
    return refuseValue(of, "a policy made by the constructors of TripPolicy", input)
  }
  optionsOf(of, policy, names)
  switch (policy._tag) {
    case "Consecutive":
      return { _tag: "Consecutive", failures: count(`${of}.failures`, policy.failures) }
    case "FailureCount":
      return {
        _tag: "FailureCount",
        failures: count(`${of}.failures`, policy.failures),
        withinMillis: positiveMillis(`${of}.within`, policy.within)
      }
    case "FailureRate": {
      const rateWindow = decodeRateWindow(of, policy, policy.minimumFailures === undefined ? 10 : 1)
      const minimumFailures = count(`${of}.minimumFailures`, or(policy.minimumFailures, 1))
      return {
        _tag: "FailureRate",
        threshold: ratio(`${of}.threshold`, policy.threshold),
        slowerThanMillis: Infinity,
        minimumFailures: atMostCalls(`${of}.minimumFailures`, minimumFailures, policy.calls),
        ...rateWindow
      }
    }
    case "SlowCallRate":
      return {
        _tag: "SlowCallRate",
        threshold: ratio(`${of}.threshold`, policy.threshold),
        slowerThanMillis: finiteMillis(`${of}.slowerThan`, policy.slowerThan),
        minimumFailures: 1,
        ...decodeRateWindow(of, policy, 10)
      }
    case "AnyOf":
    case "AllOf": {
      const name = policy._tag === "AnyOf" ? "anyOf" : "allOf"
      if (!Array.isArray(policy.policies)) refuseValue(`${of}: ${name}`, "given policies", policy.policies)
      if (policy.policies.length === 0) refuse(`${of}: ${name}`, "at least one policy", "none")
      return {
        _tag: policy._tag,
        policies: policy.policies.map((each, i) => decodePolicy(`${of}.${name}[${i}]`, each))
      }
    }
    case "Custom":
      callable(`${of}.record`, policy.record)
      callable(`${of}.trips`, policy.trips)
      return policy
  }
}

type Names<A> = Record<keyof A, true>

const rateWindow: Names<TripPolicy.RateWindow> = {
  within: true,
  buckets: true,
  calls: true,
  minimumCalls: true
}

/** What each policy may have, by its tag. */
const policyNames: Readonly<Record<TripPolicy.TripPolicy["_tag"], ReadonlyArray<string>>> = {
  Consecutive: Object.keys({ _tag: true, failures: true } satisfies Names<TripPolicy.Consecutive>),
  FailureCount: Object.keys({
    _tag: true,
    failures: true,
    within: true
  } satisfies Names<TripPolicy.FailureCount>),
  FailureRate: Object.keys({
    _tag: true,
    threshold: true,
    minimumFailures: true,
    ...rateWindow
  } satisfies Names<TripPolicy.FailureRate>),
  SlowCallRate: Object.keys({
    _tag: true,
    threshold: true,
    slowerThan: true,
    ...rateWindow
  } satisfies Names<TripPolicy.SlowCallRate>),
  AnyOf: Object.keys({ _tag: true, policies: true } satisfies Names<TripPolicy.AnyOf>),
  AllOf: Object.keys({ _tag: true, policies: true } satisfies Names<TripPolicy.AllOf>),
  Custom: Object.keys({
    _tag: true,
    initial: true,
    record: true,
    trips: true
  } satisfies Names<TripPolicy.Custom>)
}

const decodeRateWindow = (of: string, rate: TripPolicy.RateWindow, minimumOverTime: number) => {
  if (rate.within !== undefined && rate.calls !== undefined) {
    return refuse(of, "either within or calls", "both")
  }
  if (rate.calls !== undefined) {
    if (rate.buckets !== undefined) refuseValue(`${of}.buckets`, "given with within only", rate.buckets)
    const calls = count(`${of}.calls`, rate.calls)
    const minimumCalls = count(`${of}.minimumCalls`, or(rate.minimumCalls, calls))
    if (minimumCalls > calls)
      refuseValue(`${of}.minimumCalls`, `at most calls, which is ${calls}`, minimumCalls)
    return { window: { _tag: "Calls", calls }, minimumCalls } as const
  }
  if (rate.within === undefined) return refuse(of, "either within or calls", "neither")
  return {
    window: {
      _tag: "Time",
      withinMillis: finiteMillis(`${of}.within`, rate.within),
      buckets: count(`${of}.buckets`, or(rate.buckets, 10))
    },
    minimumCalls: count(`${of}.minimumCalls`, or(rate.minimumCalls, minimumOverTime))
  } as const
}

// More than the window can hold would never open the circuit.
const atMostCalls = (what: string, value: number, calls: number | undefined): number =>
  calls === undefined || value <= calls ? value : refuseValue(what, `at most calls, which is ${calls}`, value)

// ---------------------------------------------------------------------------------------------------------
// Checks of single values

/** @internal */
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

const nonEmptyString = (what: string, value: unknown): string =>
  typeof value === "string" && value !== "" ? value : refuseValue(what, "a string that is not empty", value)

/** @internal */
export const callable = <F>(what: string, value: F): F =>
  typeof value === "function" ? value : refuseValue(what, "a function", value)

const bool = (what: string, value: unknown): boolean =>
  typeof value === "boolean" ? value : refuseValue(what, "true or false", value)

/** @internal */
export const count = (what: string, value: number): number =>
  Number.isSafeInteger(value) && value >= 1 ? value : refuseValue(what, "an integer of at least 1", value)

const ratio = (what: string, value: number): number =>
  typeof value === "number" && value > 0 && value <= 1
    ? value
    : refuseValue(what, "a number above 0 and at most 1", value)

const positiveMillis = (what: string, value: Duration.DurationInput): number => {
  const millis = toMillis(value)
  return millis > 0 ? millis : refuseValue(what, "a duration above 0", value)
}

/** @internal */
export const oneOf = <A extends string>(what: string, allowed: ReadonlyArray<A>, value: A): A =>
  allowed.includes(value)
    ? value
    : refuseValue(what, allowed.map((it) => JSON.stringify(it)).join(" or "), value)

/** @internal */
export const finiteDuration = (what: string, value: Duration.DurationInput): Duration.Duration =>
  Duration.millis(finiteMillis(what, value))

const finiteMillis = (what: string, value: Duration.DurationInput): number => {
  const millis = toMillis(value)
  return millis > 0 && millis < Infinity ? millis : refuseValue(what, "a finite duration above 0", value)
}

// NaN for what is no duration: `Duration.decode` would take NaN and negative numbers for zero, and throws an error of
// its own for the rest.
const toMillis = (value: Duration.DurationInput): number =>
  typeof value === "number" && !(value >= 0)
    ? NaN
    : Option.match(Duration.decodeUnknown(value), { onNone: () => NaN, onSome: Duration.toMillis })
