import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import type * as CircuitBreaker from "../../CircuitBreaker.ts"
import * as Outcome from "../../Outcome.ts"
import * as TripPolicy from "../../TripPolicy.ts"
import type { Settings } from "../breaker/settings.ts"
import type { Rules } from "../core/circuit.ts"
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
  const options = optionsOf<CircuitBreaker.Options>(
    `CircuitBreaker "${typeof given === "string" ? given : "default"}"`,
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
  return {
    name,
    rules: {
      policy: decodePolicy(of("tripPolicy"), or(options.tripPolicy, TripPolicy.consecutive(5))),
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
