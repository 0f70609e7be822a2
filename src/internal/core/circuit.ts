import type { Call, Policy } from "./policies/policy.ts"
import * as Slots from "./slots.ts"
import type { Counts } from "./windows/window.ts"
import { noCounts } from "./windows/window.ts"

/**
 * The rules of a circuit, which are fixed when its breaker is made.
 *
 * @internal
 */
export interface Rules<W> {
  readonly policy: Policy<W>
  readonly probes: number
  readonly failuresToReopen: number
  readonly probeTimeoutMillis: number
  readonly recovery: Recovery | undefined
}

/** @internal */
export interface Recovery {
  readonly durationMillis: number
  /** The share of calls that is admitted at its beginning, above 0. */
  readonly from: number
}

/**
 * The state of a circuit. Circuits are immutable: the functions of this module take a circuit, and return the next one,
 * or the same object if nothing changed. Times are milliseconds of a clock that never runs backwards.
 *
 * @internal
 */
export type Circuit<W> = Closed<W> | Open | HalfOpen | Recovering<W> | Isolated | Disabled

/**
 * The reason for which a circuit opens. The public type of this name is written out, because published types cannot
 * refer to internal ones.
 *
 * @internal
 */
export type OpenReason = "Tripped" | "ProbeFailed" | "Manual"

interface Common {
  /** A number that grows by one with each change of state. */
  readonly generation: number
  /** The number of openings since the backoff last started over. */
  readonly openings: number
  /** The length of the latest opening. */
  readonly openMillis: number
}

/** @internal */
export interface Closed<W> extends Common {
  readonly _tag: "Closed"
  readonly closedAt: number
  readonly window: W
}

/** @internal */
export interface Open extends Common {
  readonly _tag: "Open"
  readonly openedAt: number
}

/** @internal */
export interface HalfOpen extends Common {
  readonly _tag: "HalfOpen"
  /** The slots of the probes that are running. */
  readonly slots: Slots.Slots
  readonly nextSlot: number
  /** The number of probes that have succeeded. */
  readonly succeeded: number
  /** The number of probes that have failed. */
  readonly failed: number
}

/** @internal */
export interface Recovering<W> extends Common {
  readonly _tag: "Recovering"
  readonly startedAt: number
  /** The number of calls that have asked for admission. */
  readonly arrivals: number
  /** The number of calls that were admitted. */
  readonly admitted: number
  readonly window: W
}

/** @internal */
export interface Isolated extends Common {
  readonly _tag: "Isolated"
  /** The number of isolations that have not ended. */
  readonly holders: number
  /**
   * The generation in which the first isolation began. A release names the generation of its isolation, so that it
   * changes nothing after a reset has ended that.
   */
  readonly since: number
  /** The number of disablings that have not ended, which keep the circuit Disabled after the isolation. */
  readonly disablers: number
}

/** @internal */
export interface Disabled extends Common {
  readonly _tag: "Disabled"
  /** The number of disablings that have not ended. */
  readonly disablers: number
}

/**
 * The identity of an admission, by which its outcome is accepted or discarded.
 *
 * @internal
 */
export interface Ticket {
  readonly generation: number
  /** The id of the slot that a probe holds, from 1 on; otherwise {@link noSlot} or {@link answeredSlot}. */
  readonly slot: number
}

/**
 * The slot of a call that is not a probe.
 *
 * @internal
 */
export const noSlot = 0

/**
 * The slot of a probe that has succeeded with its first answer, and has given its slot back. Its call goes on and may
 * still fail.
 *
 * @internal
 */
export const answeredSlot = -1

/**
 * The recovery of a Recovering circuit. Its rules have one: {@link settle} makes such a circuit only under rules with a
 * recovery, and a circuit from a store is Closed in its place under rules without one.
 *
 * @internal
 */
export const recoveryOf = <W>({ recovery }: Rules<W>): Recovery => recovery!

/** @internal */
export const initial = <W>(policy: Policy<W>): Closed<W> => ({
  _tag: "Closed",
  generation: 0,
  openings: 0,
  openMillis: 0,
  closedAt: 0,
  window: policy.initial
})

/**
 * The circuit at `now`, after the changes that the passing of time alone causes.
 *
 * @internal
 */
export const at = <W>(circuit: Circuit<W>, rules: Rules<W>, now: number): Circuit<W> => {
  switch (circuit._tag) {
    case "Open":
      return now >= circuit.openedAt + circuit.openMillis ? toHalfOpen(circuit) : circuit
    case "Recovering": {
      const closedAt = circuit.startedAt + recoveryOf(rules).durationMillis
      return now >= closedAt ? close(circuit, rules, closedAt) : circuit
    }
    case "HalfOpen": {
      const slots = Slots.takenAfter(circuit.slots, now - rules.probeTimeoutMillis)
      return slots === circuit.slots ? circuit : { ...circuit, slots }
    }
    default:
      return circuit
  }
}

/**
 * The counts of the circuit's window at `now`; zeros in a state without a window.
 *
 * @internal
 */
export const counts = <W>(stored: Circuit<W>, rules: Rules<W>, now: number): Counts => {
  const circuit = at(stored, rules, now)
  return isCounting(circuit) ? rules.policy.counts(circuit.window, now) : noCounts
}

/**
 * Whether the circuit counts calls in a window.
 *
 * @internal
 */
export const isCounting = <W>(circuit: Circuit<W>): circuit is Closed<W> | Recovering<W> =>
  circuit._tag === "Closed" || circuit._tag === "Recovering"

/**
 * Whether the outcome of a call with this ticket still counts. It does not if the circuit has changed its state since
 * the admission, or if the call is a probe that has lost its slot.
 *
 * @internal
 */
export const stillCounts = <W>(stored: Circuit<W>, rules: Rules<W>, ticket: Ticket, now: number): boolean => {
  if (stored.generation !== ticket.generation) return false
  if (stored._tag === "Closed") return true
  const circuit = at(stored, rules, now)
  if (circuit.generation !== ticket.generation) return false
  return (
    circuit._tag !== "HalfOpen" || ticket.slot === answeredSlot || Slots.holds(circuit.slots, ticket.slot)
  )
}

/**
 * Records the outcome of a call that {@link stillCounts}.
 *
 * @internal
 */
export const settle = <W>(circuit: Circuit<W>, rules: Rules<W>, ticket: Ticket, call: Call): Circuit<W> => {
  switch (circuit._tag) {
    case "Closed":
    case "Recovering": {
      if (call.outcome._tag === "Ignored" && !call.interrupted) return circuit
      const window = rules.policy.record(circuit.window, call)
      return window === circuit.window ? circuit : withWindow(circuit, window)
    }
    case "HalfOpen":
      return settleProbe({ ...circuit, slots: Slots.giveBack(circuit.slots, ticket.slot) }, rules, call)
    default:
      return circuit
  }
}

const settleProbe = <W>(circuit: HalfOpen, rules: Rules<W>, call: Call): Circuit<W> => {
  switch (outcomeOfProbe(call, rules)) {
    case "Success": {
      const succeeded = circuit.succeeded + 1
      if (succeeded < rules.probes) return { ...circuit, succeeded }
      return rules.recovery === undefined
        ? close(circuit, rules, call.at)
        : toRecovering(circuit, rules, call.at)
    }
    case "Failure":
      return { ...circuit, failed: circuit.failed + 1 }
    case "Ignored":
      return circuit
  }
}

/**
 * The outcome of a probe. A probe that is slow under the policy has failed, whether it succeeded or was interrupted.
 */
const outcomeOfProbe = <W>(call: Call, rules: Rules<W>): Call["outcome"]["_tag"] => {
  const mayBeSlow = call.outcome._tag !== "Ignored" || call.interrupted
  return mayBeSlow && call.elapsedMillis >= rules.policy.slowerThanMillis ? "Failure" : call.outcome._tag
}

/**
 * The circuit with another window. The properties are written out, which is faster than a spread, because each healthy
 * call under a rate comes here.
 *
 * @internal
 */
export const withWindow = <W>(circuit: Closed<W> | Recovering<W>, window: W): Circuit<W> =>
  circuit._tag === "Closed"
    ? {
        _tag: "Closed",
        generation: circuit.generation,
        openings: circuit.openings,
        openMillis: circuit.openMillis,
        closedAt: circuit.closedAt,
        window
      }
    : { ...circuit, window }

/**
 * The reason for which the circuit has to open after {@link settle}; `undefined` if it does not. It opens by a separate
 * step, because this module does not determine the length of an opening.
 *
 * @internal
 */
export const trips = <W>(
  circuit: Circuit<W>,
  rules: Rules<W>,
  now: number
): Exclude<OpenReason, "Manual"> | undefined => {
  switch (circuit._tag) {
    case "Closed":
    case "Recovering":
      return rules.policy.trips(circuit.window, now) ? "Tripped" : undefined
    case "HalfOpen":
      return circuit.failed >= rules.failuresToReopen ? "ProbeFailed" : undefined
    default:
      return undefined
  }
}

/**
 * The number of the opening that would begin at `now`. The backoff starts over once the circuit has stayed closed as
 * long as its latest opening.
 *
 * @internal
 */
export const nextOpening = <W>(circuit: Circuit<W>, now: number): number =>
  circuit._tag === "Closed" && now - circuit.closedAt >= circuit.openMillis ? 1 : circuit.openings + 1

/**
 * Opens the circuit if it is still in `generation`, because another call may have changed it first.
 *
 * @internal
 */
export const open = <W>(
  circuit: Circuit<W>,
  generation: number,
  { openedAt, openings, openMillis }: Opening
): Circuit<W> =>
  circuit.generation === generation
    ? { _tag: "Open", generation: generation + 1, openings, openMillis, openedAt }
    : circuit

/** @internal */
export type Opening = Pick<Open, "openings" | "openMillis" | "openedAt">

/** @internal */
export const close = <W>(circuit: Circuit<W>, rules: Rules<W>, now: number): Closed<W> => ({
  _tag: "Closed",
  generation: circuit.generation + 1,
  openings: circuit.openings,
  openMillis: circuit.openMillis,
  closedAt: now,
  window: rules.policy.initial
})

const toHalfOpen = (circuit: Open): HalfOpen => ({
  _tag: "HalfOpen",
  generation: circuit.generation + 1,
  openings: circuit.openings,
  openMillis: circuit.openMillis,
  slots: Slots.none,
  nextSlot: 1,
  succeeded: 0,
  failed: 0
})

const toRecovering = <W>(circuit: HalfOpen, rules: Rules<W>, now: number): Recovering<W> => ({
  _tag: "Recovering",
  generation: circuit.generation + 1,
  openings: circuit.openings,
  openMillis: circuit.openMillis,
  startedAt: now,
  arrivals: 0,
  admitted: 0,
  window: rules.policy.initial
})
