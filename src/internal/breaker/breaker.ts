import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import type * as CircuitBreakerRegistry from "../../CircuitBreakerRegistry.ts"
import type * as Outcome from "../../Outcome.ts"
import type * as Transition from "../../Transition.ts"
import { announceDefect, announceDropped, announceTransition } from "../observe/log.ts"
import { Broadcast } from "../observe/broadcast.ts"
import type { Caller } from "../fiber/caller.ts"
import { clockOf } from "../fiber/caller.ts"
import type { Held } from "./circuits.ts"
import { Circuits } from "./circuits.ts"
import * as Circuit from "../core/circuit.ts"
import type { Policy } from "../core/policies/policy.ts"
import type { Fleet } from "../fleet/fleet.ts"
import { increment, Meters } from "../observe/meters.ts"
import type { Backoff, OpenDuration } from "./openDuration.ts"
import * as OpenDurations from "./openDuration.ts"
import type { Settings } from "./settings.ts"
import type { Seen } from "./unsettledCalls.ts"
import { UnsettledCalls } from "./unsettledCalls.ts"

/**
 * Why a circuit has to open: its policy tripped, by the figures that are given, or a probe failed.
 *
 * @internal
 */
export interface Trip {
  readonly reason: Transition.OpenReason
  readonly figures?: string | undefined
}

/**
 * What is published and logged of a change beyond the circuit itself.
 */
interface Change extends Trip {
  readonly origin?: Transition.Origin
}

/**
 * The shell round the machine: it reads the clock, holds the circuits, gives them their next value and announces their
 * transitions. Nothing here waits; each method is one step of the fiber that calls it.
 *
 * @internal
 */
export class Breaker {
  readonly settings: Settings
  readonly policy: Policy<unknown>
  readonly circuits: Circuits<Caller>
  readonly unsettledCalls: UnsettledCalls
  readonly transitions = new Broadcast<Transition.Transition>()
  readonly meters: Meters
  private readonly registry: CircuitBreakerRegistry.Registry
  private readonly openDuration: OpenDuration
  private readonly madeAtMicros: number
  private readonly waiting = new Map<string, Set<Deferred.Deferred<void>>>()
  /** The others of this name, where there is a store to share with. */
  fleet: Fleet | undefined = undefined
  private reportedDefect = false
  private isLive = true

  constructor(settings: Settings, registry: CircuitBreakerRegistry.Registry, caller: Caller) {
    this.settings = settings
    this.policy = settings.rules.policy
    this.registry = registry
    // By the time that a timer finds a defect, no call is there to say so.
    this.unsettledCalls = new UnsettledCalls((held, defect) => this.reportDefect(held.key, defect, caller))
    this.openDuration = OpenDurations.make(
      settings.openDuration,
      `CircuitBreaker "${settings.name}": openDuration`,
      caller
    )
    this.madeAtMicros = microsOf(caller)
    const labels = caller.getFiberRef(FiberRef.currentMetricLabels)
    this.meters = new Meters(settings.name, settings.metricsByKey, labels)
    this.circuits = new Circuits(
      Circuit.initial(settings.rules.policy),
      settings.capacity,
      settings.idleMillis,
      this.meters,
      (held, now) => Circuit.at(held.current, settings.rules, now)._tag === "Closed",
      (held, user) => this.dropped(held, user)
    )
  }

  /** Milliseconds since the breaker was made, to the microsecond, of a clock that never runs backwards. */
  readonly now = (caller: Caller): number => (microsOf(caller) - this.madeAtMicros) / 1e3

  /** The circuit for a call or a control; made if need be. */
  use(key: string | undefined, caller: Caller): Held {
    return key === undefined ? this.circuits.useUnkeyed() : this.circuits.use(key, this.now(caller), caller)
  }

  /** The circuit as a reader sees it: an unsettled call is a success so far. */
  seen(held: Held, now: number): Seen {
    return this.unsettledCalls.seen(held, this.settings.rules, now)
  }

  /** Gives a circuit its next value; a new generation is a transition. */
  move(held: Held, next: Circuit.Circuit<unknown>, caller: Caller, change: Change = byHand): void {
    const previous = held.current
    if (next === previous) return
    this.circuits.set(held, next, this.now, caller)
    if (this.waiting.size > 0) this.wakeIfSooner(held, previous, caller)
    if (next.generation === previous.generation) return
    const transition = this.transition(held, previous, change, caller)
    this.publish(held, transition, caller)
    announceTransition(caller, transition, { figures: change.figures, lastFailure: held.lastFailure })
  }

  /**
   * Opens a circuit for as long as its next opening lasts; the hint of the failure that opens it can only lengthen
   * that. Working out the length may run code that is not ours, so it opens only if nothing came between.
   */
  open(held: Held, trip: Trip, outcome: Outcome.Outcome | undefined, caller: Caller, now: number): void {
    const { generation } = held.current
    const openings = Circuit.nextOpening(held.current, now)
    const backoff = this.nextBackoff(held, openings, caller)
    if (held.current.generation !== generation) return
    held.backoff = backoff
    if (trip.reason === "Tripped") this.fleet?.opening(held, now)
    const openMillis = this.lengthened(backoff, outcome)
    this.move(held, Circuit.open(held.current, generation, openings, openMillis, now), caller, trip)
    this.fleet?.opened(held, trip.reason)
  }

  /** The step of the backoff that a circuit's next opening takes, if it comes to that. */
  nextBackoff(held: Held, openings: number, caller: Caller): Backoff {
    return this.openDuration(held.backoff, openings, caller)
  }

  /** How long an opening lasts; the hint of the failure that opens can only lengthen it. */
  lengthened({ millis }: Backoff, outcome: Outcome.Outcome | undefined): number {
    // A classifier may make its outcomes by hand, of anything.
    const hint = Option.getOrNull(
      Duration.decodeUnknown(outcome?._tag === "Failure" ? outcome.retryAfter : undefined)
    )
    return hint === null
      ? millis
      : Math.max(millis, Math.min(Duration.toMillis(hint), this.settings.maxOpenMillis))
  }

  /** Why a circuit has to open after an outcome, if it has to. */
  trip(
    held: Held,
    circuit: Circuit.Circuit<unknown>,
    outcome: Outcome.Outcome,
    now: number
  ): Trip | undefined {
    const judged = this.fleet === undefined ? circuit : this.fleet.judged(held, circuit, outcome, now)
    return judged === undefined ? undefined : this.tripOf(judged, now)
  }

  /** Why a circuit has to open by what it holds, if it has to. */
  tripOf(circuit: Circuit.Circuit<unknown>, now: number): Trip | undefined {
    const { rules } = this.settings
    const reason = Circuit.trips(circuit, rules, now)
    if (reason === undefined) return undefined
    return circuit._tag === "Closed" || circuit._tag === "Recovering"
      ? { reason, figures: rules.policy.describe(circuit.window, now) }
      : { reason }
  }

  /** Says, once, that code given to the breaker has thrown. */
  reportDefect(key: string, defect: unknown, caller: Caller): void {
    if (this.reportedDefect) return
    this.reportedDefect = true
    announceDefect(caller, this.settings.name, key, defect)
  }

  /** A signal for the next change of the circuit of `key`; to be forgotten by who asked for it. */
  nextChange(key: string, caller: Caller): Deferred.Deferred<void> {
    const changed = Deferred.unsafeMake<void>(caller.id())
    if (!this.isLive) Deferred.unsafeDone(changed, Exit.interrupt(FiberId.none))
    const others = this.waiting.get(key)
    if (others === undefined) this.waiting.set(key, new Set([changed]))
    else others.add(changed)
    return changed
  }

  forgetChange(key: string, changed: Deferred.Deferred<void>): void {
    const others = this.waiting.get(key)
    if (others?.delete(changed) === true && others.size === 0) this.waiting.delete(key)
  }

  /** Only a circuit that is ready sooner than it was is news to those who wait for it: they may be very many. */
  private wakeIfSooner({ current, key }: Held, previous: Circuit.Circuit<unknown>, caller: Caller): void {
    if (!this.waiting.has(key)) return
    const now = this.now(caller)
    const readyIn = (circuit: Circuit.Circuit<unknown>) =>
      Circuit.readyInMillis(circuit, this.settings.rules, now)
    if (readyIn(current) < readyIn(previous)) this.wake(key)
  }

  private wake(key: string): void {
    this.waiting.get(key)?.forEach((changed) => Deferred.unsafeDone(changed, Exit.void))
  }

  private dropped(held: Held, caller: Caller): void {
    const previous = held.current
    // It is Closed whoever has isolated or disabled it: a later release or enable must not bring it back.
    held.current = Circuit.close(previous, this.settings.rules, this.now(caller))
    const transition = this.transition(held, previous, byHand, caller)
    this.publish(held, transition, caller)
    this.wake(held.key)
    announceDropped(caller, transition)
  }

  /**
   * Ends the observers' streams, and interrupts those who wait for a circuit; calls that are still made are guarded, but
   * no longer published.
   */
  close(): void {
    this.isLive = false
    this.meters.end(this.circuits.every())
    this.transitions.end()
    const interrupted = Exit.interrupt(FiberId.none)
    for (const all of this.waiting.values()) for (const it of all) Deferred.unsafeDone(it, interrupted)
  }

  private publish(held: Held, transition: Transition.Transition, caller: Caller): void {
    if (!this.isLive) return
    increment(held.series.transition(transition.from, transition.to))
    this.transitions.publish(transition)
    try {
      this.registry.unsafePublish(transition)
    } catch (defect) {
      // The registry may be the program's own, and the call that led here is none of its business.
      this.reportDefect(held.key, defect, caller)
    }
  }

  private transition(
    { current, key }: Held,
    previous: Circuit.Circuit<unknown>,
    { origin = "Local", reason }: Change,
    caller: Caller
  ): Transition.Transition {
    const { settings } = this
    const at = clockOf(caller).unsafeCurrentTimeMillis()
    // Each written out: a spread would cost more than all the rest of a change of state.
    return current._tag === "Open"
      ? {
          breaker: settings.name,
          key,
          from: previous._tag,
          to: "Open",
          at,
          generation: current.generation,
          origin,
          retryAfter: Duration.millis(current.openMillis),
          openings: current.openings,
          reason
        }
      : {
          breaker: settings.name,
          key,
          from: previous._tag,
          to: current._tag,
          at,
          generation: current.generation,
          origin
        }
  }
}

// Whole microseconds: as a number, nanoseconds since the epoch would not be exact.
const microsOf = (caller: Caller): number =>
  Math.round(Number(clockOf(caller).unsafeCurrentTimeNanos()) / 1e3)

const byHand: Change = { reason: "Manual" }
