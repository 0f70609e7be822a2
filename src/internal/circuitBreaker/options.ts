import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import type * as CircuitBreaker from "../../CircuitBreaker.ts"
import * as Outcome from "../../Outcome.ts"
import type * as TripPolicy from "../../TripPolicy.ts"
import type { Settings } from "../breaker/settings.ts"
import type { Rules } from "../core/circuit.ts"
import type { PolicyData } from "../core/policy.ts"
import * as Policy from "../core/policy.ts"
import {
  bool,
  callable,
  count,
  finiteMillis,
  nonEmptyString,
  oneOf,
  optionsOf,
  or,
  positiveMillis,
  ratio,
  refuse,
  refuseValue
} from "../options/checks.ts"

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
