import { noCounts } from "../windows/window.ts"
import type { Kind } from "./kind.ts"
import type { Call, Policy } from "./policy.ts"

/** @internal */
export interface CustomOptions {
  readonly initial: unknown
  record(state: unknown, call: Call): unknown
  trips(state: unknown, now: number): boolean
}

/** @internal */
export const kind: Kind<keyof CustomOptions> = {
  options: { initial: null, record: null, trips: null },
  config: undefined,
  compile: (options, check) => {
    check.callable("record", options.record)
    check.callable("trips", options.trips)
    // The functions were checked to be callable. Their parameters cannot be checked.
    return custom(options as CustomOptions)
  }
}

/** The state is in an object, which is a new one after each call: `trips` may depend on the time of the call alone. */
interface Recorded {
  readonly state: unknown
}

/**
 * A custom policy. Its functions are called as methods of its options, so they may use `this`.
 *
 * @internal
 */
export const custom = (options: CustomOptions): Policy<Recorded> => ({
  initial: { state: options.initial },
  record: (window, call) =>
    call.outcome._tag === "Ignored" ? window : { state: options.record(window.state, call) },
  trips: ({ state }, now) => options.trips(state, now),
  counts: () => noCounts,
  figures: () => [],
  describe: () => "a policy of the program's own",
  data: { _tag: "Custom" },
  spans: [],
  isBuiltIn: false,
  timesSuccesses: true,
  measuresElapsed: true,
  countsInterrupted: false,
  slowerThanMillis: Infinity
})

/**
 * A custom policy cannot be shared, because only its author knows how to add up two of its states.
 *
 * @internal
 */
export const share = (): undefined => undefined
