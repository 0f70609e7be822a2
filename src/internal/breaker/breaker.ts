import * as FiberRef from "effect/FiberRef"
import type * as Transition from "../../Transition.ts"
import type { Settings } from "./settings.ts"
import * as Admission from "../core/admission.ts"
import type { Circuit } from "../core/circuit.ts"
import * as Machine from "../core/circuit.ts"
import type { Policy } from "../core/policies/policy.ts"
import type { Caller } from "../fiber/caller.ts"
import { epochMillis, monotonicMicros } from "../fiber/caller.ts"
import { Broadcast } from "../observe/broadcast.ts"
import { logDefect, logDropped, logTransition } from "../observe/log.ts"
import { increment, Meters } from "../observe/meters.ts"
import { addSpanEvent } from "../observe/span.ts"
import type { Change, TransitionCause } from "./change.ts"
import { transitionOf, withoutTrip } from "./change.ts"
import type { CircuitEntry } from "./circuitEntry.ts"
import { Circuits } from "./circuits.ts"
import type { Coordinator } from "./coordinator.ts"
import type { OpenDuration } from "./openDuration.ts"
import * as OpenDurations from "./openDuration.ts"
import type { Seen, UnsettledCalls } from "./unsettledCalls.ts"
import { Waiters } from "./waiters.ts"

/**
 * The mutable part of a breaker: it reads the clock, holds the circuits, replaces them by the results of the pure
 * functions of `core`, and announces their transitions. No method waits: each is one synchronous step of the
 * calling fiber.
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
  /** The fiber that made the breaker. It stands in for a caller in code that a timer runs. */
  readonly maker: Caller
  /** `undefined` until an adapter leaves a call unsettled for the first time. */
  unsettledCalls: UnsettledCalls | undefined = undefined
  /** `undefined` if the breaker does not share its circuits, and after its scope has closed. */
  coordinator: Coordinator | undefined = undefined
  private readonly publishToRegistry: (transition: Transition.Transition) => void
  private readonly zeroMicros: number
  private hasReportedDefect = false
  private isLive = true

  constructor({ isShared = false, publish, settings }: Options, caller: Caller) {
    this.settings = settings
    this.isShared = isShared
    this.policy = settings.rules.policy
    this.publishToRegistry = publish
    this.maker = caller
    this.openDuration = OpenDurations.make(
      settings.openDuration,
      `CircuitBreaker "${settings.name}": openDuration`,
      caller
    )
    // A breaker that shares its circuits starts its clock at the epoch time, so that the buckets of all processes
    // align.
    this.zeroMicros = monotonicMicros(caller) - (isShared ? epochMillis(caller) * 1e3 : 0)
    const labels = caller.getFiberRef(FiberRef.currentMetricLabels)
    this.meters = new Meters(settings.name, settings.metricsByKey, labels)
    this.circuits = new Circuits({ ...settings, meters: this.meters, owner: this })
  }

  /** The breaker's monotonic time in milliseconds, with a resolution of a microsecond. */
  readonly now = (caller: Caller): number => (monotonicMicros(caller) - this.zeroMicros) / 1e3

  /** Finds or makes the circuit for a call or a control, and marks it as used. */
  use(key: string | undefined, caller: Caller): CircuitEntry {
    if (key === undefined) return this.circuits.useUnkeyed()
    const entry = this.circuits.use(key, this.now(caller))
    this.announceEvicted(caller)
    return entry
  }

  /** The circuit as reported to readers, which counts unsettled calls as successes. */
  seen(entry: CircuitEntry, now: number): Seen {
    return (
      this.unsettledCalls?.seen(entry, this.settings.rules, now) ?? { circuit: entry.current, unsettled: 0 }
    )
  }

  /** Replaces a circuit. If the generation is new, the result is the transition, which the caller has to announce. */
  replace(
    entry: CircuitEntry,
    next: Circuit<unknown>,
    now: number,
    cause: TransitionCause = withoutTrip
  ): Change | undefined {
    const previous = entry.current
    if (next === previous) return undefined
    this.circuits.set(entry, next, now)
    if (this.waiters.has(entry.key)) this.wakeIfSooner(entry, previous, now)
    return next.generation === previous.generation
      ? undefined
      : { entry, from: previous._tag, to: next, cause }
  }

  /** Publishes and logs a transition, and that of a circuit that had to be dropped. */
  announce(change: Change | undefined, caller: Caller): void {
    this.announceEvicted(caller)
    if (change === undefined) return
    const transition = this.publish(change, caller)
    const { breaker, from, key, to } = transition
    addSpanEvent(caller, "circuit_breaker.transition", { breaker, key, from, to })
    const { cause, entry } = change
    logTransition(caller, transition, { figures: cause.figures, lastFailure: entry.lastFailure })
  }

  /** Replaces a circuit, and announces the transition if there is one. */
  change(entry: CircuitEntry, next: Circuit<unknown>, caller: Caller, cause?: TransitionCause): void {
    this.announce(this.replace(entry, next, this.now(caller), cause), caller)
  }

  /** The reason for which a circuit has to open, given its window or its failed probes; `undefined` if it does not. */
  tripOf(circuit: Circuit<unknown>, now: number): TransitionCause | undefined {
    const { rules } = this.settings
    const reason = Machine.trips(circuit, rules, now)
    if (reason === undefined) return undefined
    return Machine.isCounting(circuit)
      ? { reason, figures: rules.policy.describe(circuit.window, now) }
      : { reason }
  }

  /** Logs once for each breaker that code of the program, such as a classifier, has thrown. */
  reportDefect(key: string, defect: unknown, caller: Caller): void {
    if (this.hasReportedDefect) return
    this.hasReportedDefect = true
    logDefect(caller, { breaker: this.settings.name, key }, defect)
  }

  /**
   * Ends the observers' streams, and interrupts the fibers that wait for a circuit. The breaker still guards later
   * calls, but no longer publishes transitions.
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
    // The entry is Closed now, so that a later end of an isolation or a disabling does not list it again.
    entry.current = Machine.close(entry.current, this.settings.rules, this.now(caller))
    const transition = this.publish({ entry, from, to: entry.current, cause: withoutTrip }, caller)
    this.waiters.wake(entry.key)
    logDropped(caller, transition)
  }

  /** Wakes the waiters only if the circuit is ready sooner than before, because there may be many of them. */
  private wakeIfSooner({ current, key }: CircuitEntry, previous: Circuit<unknown>, now: number): void {
    const readyIn = (circuit: Circuit<unknown>) => Admission.readyInMillis(circuit, this.settings.rules, now)
    if (readyIn(current) < readyIn(previous)) this.waiters.wake(key)
  }

  private publish(change: Change, caller: Caller): Transition.Transition {
    const { entry } = change
    // The transition is frozen, because all observers get the same object.
    const transition = Object.freeze(transitionOf(change, this.settings.name, epochMillis(caller)))
    if (!this.isLive) return transition
    increment(entry.series.transition(transition.from, transition.to))
    this.transitions.publish(transition)
    try {
      this.publishToRegistry(transition)
    } catch (defect) {
      // The registry may be implemented by the program, and its defect must not fail the call.
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
