import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import type * as CircuitBreakerRegistry from "../CircuitBreakerRegistry.ts"
import * as Outcome from "../Outcome.ts"
import type * as Transition from "../Transition.ts"
import { announceDefect, announceDropped, announceTransition } from "./announce.ts"
import { Broadcast } from "./broadcast.ts"
import type { Caller } from "./caller.ts"
import { clockOf } from "./caller.ts"
import type { Held } from "./circuits.ts"
import { Circuits } from "./circuits.ts"
import * as Circuit from "./core/circuit.ts"
import type { Fleet } from "./fleet/fleet.ts"
import { increment, Meters } from "./meters.ts"
import type { OpenCall } from "./openCalls.ts"
import { OpenCalls } from "./openCalls.ts"
import type { OpenDuration } from "./openDuration.ts"
import * as OpenDurations from "./openDuration.ts"
import type { Settings } from "./options.ts"

/**
 * The shell round the machine: it reads the clock, holds the circuits, gives them their next value and announces their
 * transitions. Nothing here waits; each method is one step of the fiber that calls it.
 *
 * @internal
 */
export class Breaker {
  readonly settings: Settings
  readonly circuits: Circuits<Caller>
  readonly openCalls = new OpenCalls()
  readonly transitions = new Broadcast<Transition.Transition>()
  readonly meters: Meters
  private readonly registry: CircuitBreakerRegistry.Registry
  private readonly openDuration: OpenDuration
  private readonly origin: bigint
  private readonly waiting = new Map<string, Set<Deferred.Deferred<void>>>()
  /** The others of this name, where there is a store to share with. */
  fleet: Fleet | undefined = undefined
  private reportedDefect = false
  private isLive = true

  constructor(settings: Settings, registry: CircuitBreakerRegistry.Registry, caller: Caller) {
    this.settings = settings
    this.registry = registry
    this.openDuration = OpenDurations.make(
      settings.openDuration,
      `CircuitBreaker "${settings.name}": openDuration`,
      caller
    )
    this.origin = clockOf(caller).unsafeCurrentTimeNanos()
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

  /**
   * Milliseconds since the breaker was made, to the microsecond, of a clock that never runs backwards. The difference
   * is taken in whole nanoseconds: as a number, a moment since the epoch would not be exact.
   */
  readonly now = (caller: Caller): number =>
    Math.round(Number(clockOf(caller).unsafeCurrentTimeNanos() - this.origin) / 1e3) / 1e3

  /** The circuit for a call or a control; made if need be. */
  use(key: string | undefined, caller: Caller): Held {
    return key === undefined ? this.circuits.useUnkeyed() : this.circuits.use(key, this.now(caller), caller)
  }

  /** The circuit as a reader sees it: an open call is a success so far. */
  seen(held: Held, now: number): Circuit.Circuit<unknown> {
    const { rules } = this.settings
    return this.landing(held, now).reduce(
      (circuit, { ticket }) => Circuit.settle(circuit, rules, ticket, { ...successNow, at: now }),
      held.current
    )
  }

  /** The open calls that will count as successes, if they do not go on. */
  landing(held: Held, now: number): ReadonlyArray<OpenCall> {
    const { rules } = this.settings
    return this.openCalls.of(held).filter(({ ticket }) => Circuit.lands(held.current, rules, ticket, now))
  }

  /** Gives a circuit its next value; a new generation is a transition. */
  move(
    held: Held,
    next: Circuit.Circuit<unknown>,
    caller: Caller,
    reason: Transition.OpenReason = "Manual"
  ): void {
    const previous = held.current
    if (next === previous) return
    this.circuits.set(held, next, this.now, caller)
    if (this.waiting.size > 0) this.wake(held.key)
    if (next.generation === previous.generation) return
    const transition = this.transition(held, previous, next, reason, caller)
    this.publish(held, transition)
    announceTransition(caller, transition, held.lastFailure?.exit)
  }

  /**
   * Opens a circuit for as long as its next opening lasts; the hint of the failure that opens it can only lengthen
   * that. Working out the length may run code that is not ours, so it opens only if nothing came between.
   */
  open(
    held: Held,
    reason: Transition.OpenReason,
    outcome: Outcome.Outcome | undefined,
    caller: Caller,
    now: number
  ): void {
    const { generation } = held.current
    const openings = Circuit.nextOpening(held.current, now)
    const openMillis = this.openMillis(openings, outcome, caller)
    if (reason === "Tripped") this.fleet?.opening(held, now)
    this.move(held, Circuit.open(held.current, generation, openings, openMillis, now), caller, reason)
    this.fleet?.opened(held, reason)
  }

  /** How long an opening lasts; the hint of the failure that opens can only lengthen it. */
  openMillis(openings: number, outcome: Outcome.Outcome | undefined, caller: Caller): number {
    const hintMillis =
      outcome?._tag === "Failure" && outcome.retryAfter !== undefined
        ? Duration.toMillis(outcome.retryAfter)
        : 0
    return Math.max(this.openDuration(openings, caller), Math.min(hintMillis, this.settings.maxOpenMillis))
  }

  /** Why a circuit has to open, if it has to. */
  trips(
    held: Held,
    circuit: Circuit.Circuit<unknown>,
    outcome: Outcome.Outcome,
    now: number
  ): ReturnType<typeof Circuit.trips> {
    return this.fleet === undefined
      ? Circuit.trips(circuit, this.settings.rules, now)
      : this.fleet.trips(held, circuit, outcome, now)
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
    const others = this.waiting.get(key)
    if (others === undefined) this.waiting.set(key, new Set([changed]))
    else others.add(changed)
    return changed
  }

  forgetChange(key: string, changed: Deferred.Deferred<void>): void {
    const others = this.waiting.get(key)
    if (others?.delete(changed) === true && others.size === 0) this.waiting.delete(key)
  }

  private wake(key: string): void {
    this.waiting.get(key)?.forEach((changed) => Deferred.unsafeDone(changed, Exit.void))
  }

  private dropped(held: Held, caller: Caller): void {
    const previous = held.current
    held.current = Circuit.reset(previous, this.settings.rules, this.now(caller))
    const transition = this.transition(held, previous, held.current, "Manual", caller)
    this.publish(held, transition)
    this.wake(held.key)
    announceDropped(caller, transition)
  }

  /** Ends the observers' streams; calls that are still made are guarded, but no longer published. */
  close(): void {
    this.isLive = false
    this.meters.end(this.circuits.every())
    this.transitions.end()
  }

  private publish(held: Held, transition: Transition.Transition): void {
    if (!this.isLive) return
    increment(held.series.transition(transition.from, transition.to))
    this.transitions.publish(transition)
    this.registry.unsafePublish(transition)
  }

  private transition(
    held: Held,
    previous: Circuit.Circuit<unknown>,
    next: Circuit.Circuit<unknown>,
    reason: Transition.OpenReason,
    caller: Caller
  ): Transition.Transition {
    const common = {
      breaker: this.settings.name,
      key: held.key,
      from: previous._tag,
      at: clockOf(caller).unsafeCurrentTimeMillis(),
      generation: next.generation
    }
    return next._tag === "Open"
      ? {
          ...common,
          to: "Open",
          retryAfter: Duration.millis(next.openMillis),
          openings: next.openings,
          reason
        }
      : { ...common, to: next._tag }
  }
}

const successNow = { outcome: Outcome.success, interrupted: false, elapsedMillis: 0 }
