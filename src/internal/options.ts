import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import type * as CircuitBreaker from "../CircuitBreaker.ts"
import * as Outcome from "../Outcome.ts"
import type * as TripPolicy from "../TripPolicy.ts"
import type { Rules } from "./core/circuit.ts"
import type { PolicyData } from "./core/policy.ts"
import * as Policy from "./core/policy.ts"

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
export const decode = (options: CircuitBreaker.Options): Settings => {
  const name = options.name ?? "default"
  const of = (option: string) => `CircuitBreaker "${String(name)}": ${option}`
  refuseUnknown(`CircuitBreaker "${String(name)}"`, options, optionNames)
  const halfOpen = options.halfOpen ?? {}
  refuseUnknown(of("halfOpen"), halfOpen, ["probes", "failuresToReopen", "probeTimeout"])
  const policyData = decodePolicy(
    of("tripPolicy"),
    options.tripPolicy ?? { _tag: "Consecutive", failures: 5 }
  )
  return {
    name: nonEmptyString("CircuitBreaker: name", name),
    policyData,
    rules: {
      policy: Policy.compile(policyData),
      probes: count(of("halfOpen.probes"), halfOpen.probes ?? 1),
      failuresToReopen: count(of("halfOpen.failuresToReopen"), halfOpen.failuresToReopen ?? 1),
      probeTimeoutMillis: finiteMillis(of("halfOpen.probeTimeout"), halfOpen.probeTimeout ?? "1 minute"),
      recovery: options.recovery === undefined ? undefined : decodeRecovery(of("recovery"), options.recovery)
    },
    openDuration: Schedule.isSchedule(options.openDuration)
      ? options.openDuration
      : finiteMillis(of("openDuration"), options.openDuration ?? "30 seconds"),
    maxOpenMillis: positiveMillis(of("maxOpenDuration"), options.maxOpenDuration ?? "1 hour"),
    classify: callable(of("classify"), options.classify === undefined ? Outcome.fromExit : options.classify),
    observe: oneOf(of("mode"), ["enforce", "observe"], options.mode ?? "enforce") === "observe",
    capacity: count(of("capacity"), options.capacity ?? 10_000),
    idleMillis: positiveMillis(of("idleTimeToLive"), options.idleTimeToLive ?? "1 hour"),
    metricsByKey: bool(of("metricsByKey"), options.metricsByKey ?? false)
  }
}

const optionNames: ReadonlyArray<keyof CircuitBreaker.Options & string> = [
  "name",
  "tripPolicy",
  "openDuration",
  "maxOpenDuration",
  "halfOpen",
  "recovery",
  "classify",
  "mode",
  "capacity",
  "idleTimeToLive",
  "metricsByKey"
]

const decodeRecovery = (of: string, recovery: CircuitBreaker.RecoveryOptions): Rules<unknown>["recovery"] => {
  refuseUnknown(of, recovery, ["duration", "from"])
  return {
    durationMillis: finiteMillis(`${of}.duration`, recovery.duration),
    from: ratio(`${of}.from`, recovery.from ?? 0.1)
  }
}

/** @internal */
export const decodePolicy = (of: string, policy: TripPolicy.TripPolicy): PolicyData => {
  switch (policy._tag) {
    case "Consecutive":
      refuseUnknown(of, policy, ["_tag", "failures"])
      return { _tag: "Consecutive", failures: count(`${of}.failures`, policy.failures) }
    case "FailureCount":
      refuseUnknown(of, policy, ["_tag", "failures", "within"])
      return {
        _tag: "FailureCount",
        failures: count(`${of}.failures`, policy.failures),
        withinMillis: positiveMillis(`${of}.within`, policy.within)
      }
    case "FailureRate": {
      refuseUnknown(of, policy, ["_tag", "threshold", "minimumFailures", ...rateWindowNames])
      const rateWindow = decodeRateWindow(of, policy, policy.minimumFailures === undefined ? 10 : 1)
      const minimumFailures = count(`${of}.minimumFailures`, policy.minimumFailures ?? 1)
      return {
        _tag: "FailureRate",
        threshold: ratio(`${of}.threshold`, policy.threshold),
        slowerThanMillis: Infinity,
        minimumFailures: atMostCalls(`${of}.minimumFailures`, minimumFailures, policy.calls),
        ...rateWindow
      }
    }
    case "SlowCallRate":
      refuseUnknown(of, policy, ["_tag", "threshold", "slowerThan", ...rateWindowNames])
      return {
        _tag: "SlowCallRate",
        threshold: ratio(`${of}.threshold`, policy.threshold),
        slowerThanMillis: finiteMillis(`${of}.slowerThan`, policy.slowerThan),
        minimumFailures: 1,
        ...decodeRateWindow(of, policy, 10)
      }
    case "AnyOf":
      if (policy.policies.length === 0) refuse(`${of}: anyOf`, "at least one policy", "none")
      return {
        _tag: "AnyOf",
        policies: policy.policies.map((each, i) => decodePolicy(`${of}.anyOf[${i}]`, each))
      }
    case "Custom":
      refuseUnknown(of, policy, ["_tag", "initial", "record", "trips"])
      callable(`${of}.record`, policy.record)
      callable(`${of}.trips`, policy.trips)
      return policy
    default:
      return refuseValue(of, "a policy made by the constructors of TripPolicy", policy)
  }
}

const rateWindowNames = ["within", "buckets", "calls", "minimumCalls"] as const

const decodeRateWindow = (of: string, rate: TripPolicy.RateWindow, minimumOverTime: number) => {
  if (rate.within !== undefined && rate.calls !== undefined) {
    return refuse(of, "either within or calls", "both")
  }
  if (rate.calls !== undefined) {
    if (rate.buckets !== undefined) refuseValue(`${of}.buckets`, "given with within only", rate.buckets)
    const calls = count(`${of}.calls`, rate.calls)
    const minimumCalls = count(`${of}.minimumCalls`, rate.minimumCalls ?? calls)
    if (minimumCalls > calls)
      refuseValue(`${of}.minimumCalls`, `at most calls, which is ${calls}`, minimumCalls)
    return { window: { _tag: "Calls", calls }, minimumCalls } as const
  }
  if (rate.within === undefined) return refuse(of, "either within or calls", "neither")
  return {
    window: {
      _tag: "Time",
      withinMillis: finiteMillis(`${of}.within`, rate.within),
      buckets: count(`${of}.buckets`, rate.buckets ?? 10)
    },
    minimumCalls: count(`${of}.minimumCalls`, rate.minimumCalls ?? minimumOverTime)
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
  refuse(
    what,
    allowed,
    Duration.isDuration(value)
      ? Duration.format(value)
      : typeof value === "string"
        ? JSON.stringify(value)
        : Predicate.isRecord(value)
          ? JSON.stringify(value)
          : String(value)
  )

/** @internal */
export const refuseUnknown = (of: string, options: object, known: ReadonlyArray<string>): void => {
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw new RangeError(
        `${of}: unknown option "${key}", the options are ${known.filter((name) => name !== "_tag").join(", ")}`
      )
    }
  }
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
  value > 0 && value <= 1 ? value : refuseValue(what, "a number above 0 and at most 1", value)

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
