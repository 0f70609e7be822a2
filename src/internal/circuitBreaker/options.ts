import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import type * as CircuitBreaker from "../../CircuitBreaker.ts"
import * as Outcome from "../../Outcome.ts"
import * as TripPolicy from "../../TripPolicy.ts"
import type { Settings } from "../breaker/settings.ts"
import {
  bool,
  callable,
  type Checks,
  count,
  decodeOptions,
  finiteMillis,
  nonEmptyString,
  oneOf,
  optional,
  optionsOf,
  positiveMillis,
  ratio,
  refuseValue
} from "../options/checks.ts"
import { decodePolicy } from "../options/tripPolicy.ts"

/**
 * Checks the options of a breaker, and fills in the defaults. Throws a `RangeError` that names the option, the received
 * value and the allowed range.
 *
 * @internal
 */
export const decode = (input: unknown): Settings => {
  const given = Predicate.hasProperty(input, "name") ? input.name : undefined
  const of = `CircuitBreaker "${typeof given === "string" ? given : "default"}"`
  const { halfOpen, idleTimeToLive, maxOpenDuration, mode, recovery, tripPolicy, ...others } = decodeOptions(
    of,
    input,
    options,
    ": "
  )
  const { failuresToReopen, probes, probeTimeout } = halfOpen
  return {
    ...others,
    rules: { policy: tripPolicy, probes, failuresToReopen, probeTimeoutMillis: probeTimeout, recovery },
    maxOpenMillis: maxOpenDuration,
    isDryRun: mode === "observe",
    idleMillis: idleTimeToLive
  }
}

const halfOpenOptions = {
  probes: [count, 1],
  failuresToReopen: [count, 1],
  probeTimeout: [finiteMillis, "1 minute"]
} satisfies Checks<CircuitBreaker.HalfOpenOptions>

const recoveryOptions = {
  duration: [finiteMillis],
  from: [ratio, 0.1]
} satisfies Checks<CircuitBreaker.RecoveryOptions>

const decodeRecovery = (of: string, input: unknown) => {
  const { duration, from } = decodeOptions(of, input, recoveryOptions)
  return { durationMillis: duration, from }
}

const options = {
  name: [(_: string, value: unknown) => nonEmptyString("CircuitBreaker: name", value), "default"],
  tripPolicy: [decodePolicy, TripPolicy.consecutive(5)],
  openDuration: [
    (of: string, value: CircuitBreaker.Options["openDuration"]) =>
      Schedule.isSchedule(value) ? value : finiteMillis(of, value),
    "30 seconds"
  ],
  maxOpenDuration: [positiveMillis, "1 hour"],
  halfOpen: [(of: string, value: unknown) => decodeOptions(of, value, halfOpenOptions), {}],
  recovery: [optional(decodeRecovery)],
  classify: [callable<CircuitBreaker.Classify>, Outcome.fromExit],
  mode: [(of: string, value: string) => oneOf(of, ["enforce", "observe"], value), "enforce"],
  capacity: [count, 10_000],
  idleTimeToLive: [positiveMillis, "1 hour"],
  metricsByKey: [bool, false]
} satisfies Checks<CircuitBreaker.Options>

/**
 * The arguments of an operation are checked when a guarded effect is made, instead of each time it runs.
 *
 * @internal
 */
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
