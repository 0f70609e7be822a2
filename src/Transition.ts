/**
 * One change of a circuit's state, as published to observers.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"

/**
 * A change of state. `at` is epoch milliseconds. `generation` is one more with each transition of a circuit, so a gap
 * shows an observer what it missed.
 *
 * Nothing runs while a circuit waits, so what only time changes, the end of an opening or of a recovery, is published
 * by the next call or control, with that moment as `at`; reading the state shows it at once.
 *
 * `from` and `to` are alike where a manual control renews a state: a `reset` of a Closed circuit, a `trip` of an Open
 * one.
 *
 * @since 0.1.0
 * @category models
 */
export type Transition = Opened | Changed

/**
 * The tag of a circuit's state.
 *
 * @since 0.1.0
 * @category models
 */
export type StateTag = "Closed" | "Open" | "HalfOpen" | "Recovering" | "Isolated" | "Disabled"

interface Common {
  readonly breaker: string
  readonly key: string
  readonly from: StateTag
  readonly at: number
  readonly generation: number
  readonly origin: Origin
}

/**
 * Who decided: `Local` is this process, and `Fleet` is another one, through a store.
 *
 * @since 0.1.0
 * @category models
 */
export type Origin = "Local" | "Fleet"

/**
 * A transition to Open: for how long, which opening it is, and why. `Tripped` is the trip policy's decision,
 * `ProbeFailed` that of failed probes, `Manual` that of `trip`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Opened extends Common {
  readonly to: "Open"
  readonly retryAfter: Duration.Duration
  readonly openings: number
  readonly reason: OpenReason
}

/**
 * @since 0.1.0
 * @category models
 */
export type OpenReason = "Tripped" | "ProbeFailed" | "Manual"

/**
 * A transition to any state but Open.
 *
 * @since 0.1.0
 * @category models
 */
export interface Changed extends Common {
  readonly to: Exclude<StateTag, "Open">
}

/**
 * Whether a transition opened its circuit.
 *
 * @since 0.1.0
 * @category refinements
 */
export const isOpened = (transition: Transition): transition is Opened => transition.to === "Open"
