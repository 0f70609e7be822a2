import type { Call, Policy } from "./policies/policy.ts"
import type { Slots } from "./slots.ts"
import * as Slot from "./slots.ts"
import type { Counts } from "./windows/window.ts"
import { noCounts } from "./windows/window.ts"

/**
 * What governs a circuit, fixed when its breaker is made.
 *
 * @internal
 */
export interface Rules<W> {
  readonly policy: Policy<W>
  readonly probes: number
  readonly failuresToReopen: number
  readonly probeTimeoutMillis: number
  readonly recovery: { readonly durationMillis: number; readonly from: number } | undefined
}

/**
 * The state of one key. Every function of this module takes a circuit and the time, in milliseconds of a clock that
 * never runs backwards, and returns a circuit: the same object where nothing changed.
 *
 * @internal
 */
export type Circuit<W> = Closed<W> | Open | HalfOpen | Recovering<W> | Isolated | Disabled

interface Common {
  /** One more with every change of state. */
  readonly generation: number
  /** Openings since the backoff was last at 0. */
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
  readonly slots: Slots
  readonly nextSlot: number
  readonly succeeded: number
  readonly failed: number
}

/** @internal */
export interface Recovering<W> extends Common {
  readonly _tag: "Recovering"
  readonly startedAt: number
  readonly arrivals: number
  readonly admitted: number
  readonly window: W
}

/** @internal */
export interface Isolated extends Common {
  readonly _tag: "Isolated"
  readonly holders: number
  /**
   * The generation in which the first of its holders came: a release belongs to that isolation, and changes nothing once
   * a reset has ended it.
   */
  readonly since: number
  /** How many keep the circuit disabled as soon as the isolation ends. */
  readonly disablers: number
}

/** @internal */
export interface Disabled extends Common {
  readonly _tag: "Disabled"
  readonly disablers: number
}

/**
 * What an admitted call shows when it reports back. `slot` is 0 for a call that holds none, and {@link spentSlot} for
 * a probe that has given its slot back as a success, and may still fail.
 *
 * @internal
 */
export interface Ticket {
  readonly generation: number
  readonly slot: number
}

/** @internal */
export const spentSlot = -1

/** @internal */
export const initial = <W>(policy: Policy<W>): Closed<W> => ({
  _tag: "Closed",
  generation: 0,
  openings: 0,
  openMillis: 0,
  closedAt: 0,
  window: policy.initial
})

// ---------------------------------------------------------------------------------------------------------
// Time

/**
 * The circuit as it stands at `now`: what only time decides, without waiting for a call.
 *
 * @internal
 */
export const at = <W>(circuit: Circuit<W>, rules: Rules<W>, now: number): Circuit<W> => {
  switch (circuit._tag) {
    case "Open":
      return now >= circuit.openedAt + circuit.openMillis ? toHalfOpen(circuit) : circuit
    case "Recovering": {
      const closedAt = circuit.startedAt + rules.recovery!.durationMillis
      return now >= closedAt ? close(circuit, rules, closedAt) : circuit
    }
    case "HalfOpen": {
      const slots = Slot.takenAfter(circuit.slots, now - rules.probeTimeoutMillis)
      return slots === circuit.slots ? circuit : { ...circuit, slots }
    }
    default:
      return circuit
  }
}

/**
 * How long until a call would be admitted if nothing else happened: 0 is now, infinity means that only an event helps.
 *
 * @internal
 */
export const readyInMillis = <W>(stored: Circuit<W>, rules: Rules<W>, now: number): number => {
  const circuit = at(stored, rules, now)
  switch (circuit._tag) {
    case "Closed":
    case "Disabled":
      return 0
    case "Open":
      return circuit.openedAt + circuit.openMillis - now
    case "HalfOpen": {
      const oldest = Slot.oldest(circuit.slots)
      return hasFreeSlot(circuit, rules) || oldest === undefined
        ? 0
        : oldest.takenAt + rules.probeTimeoutMillis - now
    }
    case "Recovering": {
      if (due(circuit, rules, now) > circuit.admitted) return 0
      const { durationMillis, from } = rules.recovery!
      const neededShare = (circuit.admitted + 1) / (circuit.arrivals + 1)
      const reachedAt = circuit.startedAt + (durationMillis * (neededShare - from)) / (1 - from)
      // Rounding may put the moment a hair before the one at which `admit` agrees.
      return Math.max(reachedAt - now, Number.EPSILON)
    }
    case "Isolated":
      return Infinity
  }
}

/**
 * The share of calls, 0 to 1, that a recovering circuit admits.
 *
 * @internal
 */
export const share = <W>(circuit: Recovering<W>, rules: Rules<W>, now: number): number => {
  const { durationMillis, from } = rules.recovery!
  return from + ((1 - from) * (now - circuit.startedAt)) / durationMillis
}

/**
 * What the circuit's window holds at `now`; a state without a window holds nothing.
 *
 * @internal
 */
export const counts = <W>(stored: Circuit<W>, rules: Rules<W>, now: number): Counts => {
  const circuit = at(stored, rules, now)
  return circuit._tag === "Closed" || circuit._tag === "Recovering"
    ? rules.policy.counts(circuit.window, now)
    : noCounts
}

// How many of the calls so far and the next one a recovering circuit admits: the next is one of them if this grows.
const due = <W>(circuit: Recovering<W>, rules: Rules<W>, now: number): number =>
  Math.floor((circuit.arrivals + 1) * share(circuit, rules, now))

// ---------------------------------------------------------------------------------------------------------
// Calls

/** @internal */
export type Decision =
  | { readonly _tag: "Admitted"; readonly ticket: Ticket }
  | { readonly _tag: "Rejected"; readonly retryAfterMillis: number }

const rejected = (retryAfterMillis: number): Decision => ({ _tag: "Rejected", retryAfterMillis })

const admitted = (generation: number, slot: number): Decision => ({
  _tag: "Admitted",
  ticket: { generation, slot }
})

/**
 * Asks for admission at `now`. Never called for a Closed circuit on the way of a healthy call, which is admitted by
 * being Closed.
 *
 * @internal
 */
export const admit = <W>(
  stored: Circuit<W>,
  rules: Rules<W>,
  now: number
): readonly [decision: Decision, circuit: Circuit<W>] => {
  const circuit = at(stored, rules, now)
  switch (circuit._tag) {
    case "Closed":
    case "Disabled":
      return [admitted(circuit.generation, 0), circuit]
    case "Open":
      return [rejected(circuit.openedAt + circuit.openMillis - now), circuit]
    case "HalfOpen": {
      if (!hasFreeSlot(circuit, rules)) return [rejected(0), circuit]
      const slot = { id: circuit.nextSlot, takenAt: now }
      return [
        admitted(circuit.generation, slot.id),
        { ...circuit, slots: Slot.take(circuit.slots, slot), nextSlot: slot.id + 1 }
      ]
    }
    case "Recovering": {
      const arrivals = circuit.arrivals + 1
      const admits = due(circuit, rules, now)
      return admits > circuit.admitted
        ? [admitted(circuit.generation, 0), { ...circuit, arrivals, admitted: admits }]
        : [rejected(0), { ...circuit, arrivals }]
    }
    case "Isolated":
      return [rejected(Infinity), circuit]
  }
}

const hasFreeSlot = <W>(circuit: HalfOpen, rules: Rules<W>): boolean =>
  circuit.slots.count + circuit.succeeded < rules.probes

/**
 * Whether an outcome that carries `ticket` still belongs to the circuit: not from an older generation, and not from a
 * probe that has lost its slot.
 *
 * @internal
 */
export const lands = <W>(stored: Circuit<W>, rules: Rules<W>, ticket: Ticket, now: number): boolean => {
  if (stored.generation !== ticket.generation) return false
  if (stored._tag === "Closed") return true
  const circuit = at(stored, rules, now)
  if (circuit.generation !== ticket.generation) return false
  return circuit._tag !== "HalfOpen" || ticket.slot === spentSlot || Slot.holds(circuit.slots, ticket.slot)
}

/**
 * Takes in the outcome of a call that `lands`.
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
      return settleProbe({ ...circuit, slots: Slot.giveBack(circuit.slots, ticket.slot) }, rules, call)
    default:
      return circuit
  }
}

const settleProbe = <W>(circuit: HalfOpen, rules: Rules<W>, call: Call): Circuit<W> => {
  switch (verdictOnProbe(call, rules)) {
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

/** What counts as slow for the policy fails a probe, however it ended. */
const verdictOnProbe = <W>(call: Call, rules: Rules<W>): Call["outcome"]["_tag"] => {
  const isJudgedByTime = call.outcome._tag !== "Ignored" || call.interrupted
  return isJudgedByTime && call.elapsedMillis >= rules.policy.slowerThanMillis ? "Failure" : call.outcome._tag
}

/**
 * The circuit with another window. Spelled out, because this is the one step of a healthy call under a rate.
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
 * Whether the circuit has to open, and why: the answer to a `settle`. Opening is a step of its own, because how long
 * it lasts is not for the machine to know.
 *
 * @internal
 */
export const trips = <W>(
  circuit: Circuit<W>,
  rules: Rules<W>,
  now: number
): "Tripped" | "ProbeFailed" | undefined => {
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

// ---------------------------------------------------------------------------------------------------------
// Opening

/**
 * The number of the opening that would begin at `now`. The backoff starts over once the circuit has stayed closed as
 * long as its latest opening.
 *
 * @internal
 */
export const nextOpening = <W>(circuit: Circuit<W>, now: number): number =>
  circuit._tag === "Closed" && now - circuit.closedAt >= circuit.openMillis ? 1 : circuit.openings + 1

/**
 * Opens the circuit if it is still in `generation`; somebody else may have been first.
 *
 * @internal
 */
export const open = <W>(circuit: Circuit<W>, generation: number, opening: Opening): Circuit<W> =>
  circuit.generation === generation ? { _tag: "Open", generation: generation + 1, ...opening } : circuit

/** @internal */
export type Opening = Pick<Open, "openings" | "openMillis" | "openedAt">

// ---------------------------------------------------------------------------------------------------------
// Manual control

/**
 * Begins an open circuit's open time anew, without a step of the backoff.
 *
 * @internal
 */
export const restart = (circuit: Open, now: number): Open => ({
  ...circuit,
  generation: circuit.generation + 1,
  openedAt: now
})

/**
 * Closes the circuit and forgets its backoff. It ends isolations, but a circuit that is kept disabled stays so.
 *
 * @internal
 */
export const reset = <W>(circuit: Circuit<W>, rules: Rules<W>, now: number): Closed<W> | Disabled => ({
  ...toRest(circuit, rules, now),
  openings: 0,
  openMillis: 0
})

/** @internal */
export const isolate = <W>(circuit: Circuit<W>): Isolated =>
  circuit._tag === "Isolated"
    ? { ...circuit, holders: circuit.holders + 1 }
    : {
        _tag: "Isolated",
        generation: circuit.generation + 1,
        openings: circuit.openings,
        openMillis: circuit.openMillis,
        holders: 1,
        since: circuit.generation + 1,
        disablers: disablersOf(circuit)
      }

/**
 * Gives back one hold of the isolation that began in generation `since`; a reset in between has ended that one.
 *
 * @internal
 */
export const release = <W>(circuit: Circuit<W>, rules: Rules<W>, since: number, now: number): Circuit<W> => {
  if (circuit._tag !== "Isolated" || circuit.since !== since) return circuit
  return circuit.holders > 1 ? { ...circuit, holders: circuit.holders - 1 } : toRest(circuit, rules, now)
}

/**
 * Has the circuit admit every call and count none. An isolated one stays isolated for as long as that lasts.
 *
 * @internal
 */
export const disable = <W>(circuit: Circuit<W>): Disabled | Isolated =>
  circuit._tag === "Isolated" || circuit._tag === "Disabled"
    ? { ...circuit, disablers: circuit.disablers + 1 }
    : toDisabled(circuit, 1)

/**
 * Ends one of the disablings; nothing but that ends them.
 *
 * @internal
 */
export const enable = <W>(circuit: Circuit<W>, rules: Rules<W>, now: number): Circuit<W> => {
  const left = disablersOf(circuit) - 1
  switch (circuit._tag) {
    case "Isolated":
      return left < 0 ? circuit : { ...circuit, disablers: left }
    case "Disabled":
      return left === 0 ? close(circuit, rules, now) : { ...circuit, disablers: left }
    default:
      return circuit
  }
}

/**
 * How many keep the circuit disabled, now or as soon as it is no longer isolated.
 *
 * @internal
 */
export const disablersOf = <W>(circuit: Circuit<W>): number =>
  circuit._tag === "Isolated" || circuit._tag === "Disabled" ? circuit.disablers : 0

// ---------------------------------------------------------------------------------------------------------
// Changes of state

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
  slots: Slot.none,
  nextSlot: 1,
  succeeded: 0,
  failed: 0
})

/** What the circuit is without an isolation. */
const toRest = <W>(circuit: Circuit<W>, rules: Rules<W>, now: number): Closed<W> | Disabled => {
  const disablers = disablersOf(circuit)
  return disablers === 0 ? close(circuit, rules, now) : toDisabled(circuit, disablers)
}

const toDisabled = <W>(circuit: Circuit<W>, disablers: number): Disabled => ({
  _tag: "Disabled",
  generation: circuit.generation + 1,
  openings: circuit.openings,
  openMillis: circuit.openMillis,
  disablers
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
