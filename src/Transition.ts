/**
 * Changes of a circuit's state, as a breaker publishes them.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"

/**
 * One change of a circuit's state.
 *
 * **Details**
 *
 * - `from` and `to` are tags of states. They are equal if a control renews a state: a `reset` of a Closed circuit, or a
 *   `trip` of an Open one.
 * - `at` is the time of the change, in epoch milliseconds.
 * - `generation` grows by one with each transition of a circuit. A gap shows how many of them an observer has missed.
 *
 * **Gotchas**
 *
 * A circuit has no timer. The end of an opening or of a recovery is therefore published by the next call or control,
 * and `at` is the time of that call or control. A read of the state shows the end at once.
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
 * The origin of a transition: `Local` if this process decided, `Fleet` if another process did, through a store.
 *
 * @since 0.1.0
 * @category models
 */
export type Origin = "Local" | "Fleet"

/**
 * The reason of an opening.
 *
 * **Details**
 *
 * - `Tripped`: the trip policy decided.
 * - `ProbeFailed`: `failuresToReopen` probes failed.
 * - `Manual`: `trip` was called.
 *
 * @since 0.1.0
 * @category models
 */
export type OpenReason = "Tripped" | "ProbeFailed" | "Manual"

/**
 * A transition to Open.
 *
 * **Details**
 *
 * `retryAfter` is the length of the opening, and `openings` is its number since the backoff last started over.
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
 * A transition to any state but Open.
 *
 * @since 0.1.0
 * @category models
 */
export interface Changed extends Common {
  readonly to: Exclude<StateTag, "Open">
}

/**
 * Checks whether a transition opened its circuit.
 *
 * **Example** (Reacting to openings)
 *
 * ```ts
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import * as Queue from "effect/Queue"
 * import { CircuitBreaker, CircuitBreakerLive, Transition } from "effect-circuit-breaker"
 *
 * const program = Effect.gen(function* () {
 *   const transitions = yield* CircuitBreaker.subscribe
 *   yield* CircuitBreaker.trip()
 *   yield* CircuitBreaker.reset()
 *   const published = Array.from(yield* Queue.takeAll(transitions))
 *   return published.filter(Transition.isOpened).map(({ reason }) => reason)
 * }).pipe(Effect.scoped, Effect.provide(CircuitBreakerLive))
 *
 * assert.deepStrictEqual(await Effect.runPromise(program), ["Manual"])
 * ```
 *
 * @since 0.1.0
 * @category refinements
 */
export const isOpened = (transition: Transition): transition is Opened => transition.to === "Open"
