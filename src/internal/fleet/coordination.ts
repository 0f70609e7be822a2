import * as Duration from "effect/Duration"
import type { Coordination, Options } from "../../CircuitStore.ts"
import { count, finiteDuration, oneOf, refuse } from "../options.ts"

/** @internal */
export const optionNames: ReadonlyArray<keyof Options> = [
  "syncInterval",
  "deadline",
  "quorum",
  "lease",
  "sync",
  "onStoreError"
]

/**
 * Throws a `RangeError` that names the option, the value received and what is allowed.
 *
 * @internal
 */
export const decodeCoordination = (of: string, options: Options): Coordination => {
  const syncInterval = finiteDuration(`${of}: syncInterval`, options.syncInterval ?? "1 second")
  const lease = finiteDuration(`${of}: lease`, options.lease ?? Duration.times(syncInterval, 3))
  if (Duration.lessThan(lease, Duration.times(syncInterval, 2))) {
    return refuse(`${of}: lease`, "at least twice syncInterval, when it is renewed", Duration.format(lease))
  }
  return {
    syncInterval,
    deadline: finiteDuration(`${of}: deadline`, options.deadline ?? "100 millis"),
    quorum: count(`${of}: quorum`, options.quorum ?? 1),
    lease,
    sync: oneOf(`${of}: sync`, ["background", "write-through"], options.sync ?? "background"),
    onStoreError: oneOf(`${of}: onStoreError`, ["local", "reject"], options.onStoreError ?? "local")
  }
}
