import * as FiberRef from "effect/FiberRef"
import type * as Transition from "../../Transition.ts"
import type { Settings } from "./settings.ts"
import type { Circuit } from "../core/circuit.ts"
import * as Machine from "../core/circuit.ts"
import type { Policy } from "../core/policies/policy.ts"
import type { Caller } from "../fiber/caller.ts"
import { epochMillis, monotonicMicros } from "../fiber/caller.ts"
import { Broadcast } from "../observe/broadcast.ts"
import { logDefect, logDropped, logTransition } from "../observe/log.ts"
import { increment, Meters } from "../observe/meters.ts"
import { addSpanEvent } from "../observe/span.ts"
import type { Cause, Change } from "./change.ts"
import { byHand, transitionOf } from "./change.ts"
import type { CircuitEntry } from "./circuitEntry.ts"
import { Circuits } from "./circuits.ts"
import type { Coordinator } from "./coordinator.ts"
import type { OpenDuration } from "./openDuration.ts"
import * as OpenDurations from "./openDuration.ts"
import type { Seen, UnsettledCalls } from "./unsettledCalls.ts"
import { Waiters } from "./waiters.ts"

/**
 * The shell round the machine: it reads the clock, holds the circuits, gives them their next value and announces their
 * transitions. Nothing here waits; each method is one step of the fiber that calls it.
 *
 * @internal
 */
export class Breaker {
  readonly settings: Settings
  readonly policy: Policy<unknown>
  readonly circuits: Circuits
  readonly transitions = new Broadcast<Transition.Transition>()
  readonly waiters = new Waiters()
  readonly meters: Meters
  readonly isShared: boolean
  readonly openDuration: OpenDuration
  /** The fiber that made the breaker: what happens in a timer, which has no caller of its own, is reported by it. */
  readonly maker: Caller
  /** Set by the first call that an adapter leaves unsettled. */
  unsettledCalls: UnsettledCalls | undefined = undefined
  /** Set where the breaker shares its circuits, until its scope closes. */
  coordinator: Coordinator | undefined = undefined
  private readonly publishEverywhere: (transition: Transition.Transition) => void
  private readonly zeroMicros: number
  private hasReportedDefect = false
  private isLive = true

  constructor({ isShared = false, publish, settings }: Options, caller: Caller) {
    this.settings = settings
    this.isShared = isShared
    this.policy = settings.rules.policy
    this.publishEverywhere = publish
    this.maker = caller
    this.openDuration = OpenDurations.make(
      settings.openDuration,
      `CircuitBreaker "${settings.name}": openDuration`,
      caller
    )
    // Breakers that share their circuits begin with the time of day, so that their windows have the same slices.
    this.zeroMicros = monotonicMicros(caller) - (isShared ? epochMillis(caller) * 1e3 : 0)
    const labels = caller.getFiberRef(FiberRef.currentMetricLabels)
    this.meters = new Meters(settings.name, settings.metricsByKey, labels)
    const { capacity, idleMillis, rules } = settings
    this.circuits = new Circuits({ rules, capacity, idleMillis, meters: this.meters, owner: this })
  }

  /** Milliseconds of a clock that never runs backwards, to the microsecond. */
  readonly now = (caller: Caller): number => (monotonicMicros(caller) - this.zeroMicros) / 1e3

  /** The circuit for a call or a control; made if need be. */
  use(key: string | undefined, caller: Caller): CircuitEntry {
    if (key === undefined) return this.circuits.useUnkeyed()
    const entry = this.circuits.use(key, this.now(caller))
    this.announceEvicted(caller)
    return entry
  }

  /** The circuit as a reader sees it: an unsettled call is a success so far. */
  seen(entry: CircuitEntry, now: number): Seen {
    return (
      this.unsettledCalls?.seen(entry, this.settings.rules, now) ?? { circuit: entry.current, unsettled: 0 }
    )
  }

  /**
   * Gives a circuit its next value. A new generation is a transition, which the caller announces.
   */
  replace(
    entry: CircuitEntry,
    next: Circuit<unknown>,
    now: number,
    cause: Cause = byHand
  ): Change | undefined {
    const previous = entry.current
    if (next === previous) return undefined
    this.circuits.set(entry, next, now)
    if (this.waiters.has(entry.key)) this.wakeIfSooner(entry, previous, now)
    return next.generation === previous.generation
      ? undefined
      : { entry, from: previous._tag, to: next, cause }
  }

  /** Publishes and logs a transition. */
  announce(change: Change | undefined, caller: Caller): void {
    this.announceEvicted(caller)
    if (change === undefined) return
    const transition = this.publish(change, caller)
    const { breaker, from, key, to } = transition
    addSpanEvent(caller, "circuit_breaker.transition", { breaker, key, from, to })
    const { cause, entry } = change
    logTransition(caller, transition, { figures: cause.figures, lastFailure: entry.lastFailure })
  }

  /** Both in one step. */
  change(entry: CircuitEntry, next: Circuit<unknown>, caller: Caller, cause?: Cause): void {
    this.announce(this.replace(entry, next, this.now(caller), cause), caller)
  }

  /** Why a circuit has to open by what it holds, if it has to. */
  tripOf(circuit: Circuit<unknown>, now: number): Cause | undefined {
    const { rules } = this.settings
    const reason = Machine.trips(circuit, rules, now)
    if (reason === undefined) return undefined
    return circuit._tag === "Closed" || circuit._tag === "Recovering"
      ? { reason, figures: rules.policy.describe(circuit.window, now) }
      : { reason }
  }

  /** Logs, once, that code given to the breaker has thrown. */
  reportDefect(key: string, defect: unknown, caller: Caller): void {
    if (this.hasReportedDefect) return
    this.hasReportedDefect = true
    logDefect(caller, { breaker: this.settings.name, key }, defect)
  }

  /**
   * Ends the observers' streams, and interrupts the fibers that wait for a circuit. Calls that are still made are guarded,
   * but no longer published.
   */
  close(): void {
    this.isLive = false
    this.meters.end(this.circuits.every())
    this.transitions.end()
    this.waiters.end()
  }

  private announceEvicted(caller: Caller): void {
    const entry = this.circuits.takeEvicted()
    if (entry === undefined) return
    const { _tag: from } = entry.current
    // Closed whoever isolated or disabled it: a later release or enable must not bring it back.
    entry.current = Machine.close(entry.current, this.settings.rules, this.now(caller))
    const transition = this.publish({ entry, from, to: entry.current, cause: byHand }, caller)
    this.waiters.wake(entry.key)
    logDropped(caller, transition)
  }

  /** A change that brings a circuit no nearer to admitting a call wakes nobody: there may be very many waiters. */
  private wakeIfSooner({ current, key }: CircuitEntry, previous: Circuit<unknown>, now: number): void {
    const readyIn = (circuit: Circuit<unknown>) => Machine.readyInMillis(circuit, this.settings.rules, now)
    if (readyIn(current) < readyIn(previous)) this.waiters.wake(key)
  }

  private publish(change: Change, caller: Caller): Transition.Transition {
    const { entry } = change
    const transition = transitionOf(change, this.settings.name, epochMillis(caller))
    if (!this.isLive) return transition
    increment(entry.series.transition(transition.from, transition.to))
    this.transitions.publish(transition)
    try {
      this.publishEverywhere(transition)
    } catch (defect) {
      // The registry may be the program's own. Its failure is not the call's.
      this.reportDefect(entry.key, defect, caller)
    }
    return transition
  }
}

interface Options {
  readonly settings: Settings
  /** Publishes a transition to the observers of all breakers. */
  readonly publish: (transition: Transition.Transition) => void
  readonly isShared?: boolean
}
