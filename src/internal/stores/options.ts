import * as Duration from "effect/Duration"
import type { Coordination, Options } from "../../CircuitStore.ts"
import { count, durationText, finiteDuration, oneOf, optionsOf, or, refuse } from "../options/checks.ts"

const names = {
  syncInterval: true,
  deadline: true,
  quorum: true,
  lease: true,
  sync: true,
  onStoreError: true
} satisfies Record<keyof Options, true>

/**
 * Checks the options of a store, and fills in the defaults. Throws a `RangeError` that names the option, the received
 * value and the allowed range.
 *
 * @internal
 */
export const decode = (of: string, input: unknown): Coordination => {
  const options = optionsOf<Options>(of, input, Object.keys(names))
  const syncInterval = sleepDuration(`${of}: syncInterval`, or(options.syncInterval, "1 second"))
  const lease = finiteDuration(`${of}: lease`, or(options.lease, Duration.times(syncInterval, 3)))
  if (Duration.lessThan(lease, Duration.times(syncInterval, 2))) {
    return refuse(`${of}: lease`, "at least twice syncInterval, when it is renewed", durationText(lease))
  }
  return {
    syncInterval,
    deadline: sleepDuration(`${of}: deadline`, or(options.deadline, "100 millis")),
    quorum: count(`${of}: quorum`, or(options.quorum, 1)),
    lease,
    sync: oneOf(`${of}: sync`, ["background", "write-through"], or(options.sync, "background")),
    onStoreError: oneOf(`${of}: onStoreError`, ["local", "reject"], or(options.onStoreError, "local"))
  }
}

/** Decodes a duration that is slept. A timer can sleep no longer than some 24 days. */
const sleepDuration = (option: string, value: Duration.DurationInput): Duration.Duration => {
  const duration = finiteDuration(option, value)
  return Duration.greaterThan(duration, Duration.days(10))
    ? refuse(option, "at most 10 days", durationText(duration))
    : duration
}
