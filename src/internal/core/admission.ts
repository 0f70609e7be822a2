import type { Circuit, HalfOpen, Recovering, Rules, Ticket } from "./circuit.ts"
import { at, noSlot, recoveryOf } from "./circuit.ts"
import * as Slots from "./slots.ts"

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
 * Decides on the admission of a call at `now`. `protect` does not ask for it if the circuit admits every call and has
 * nothing to count for an interrupted one.
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
      return [admitted(circuit.generation, noSlot), circuit]
    case "Open":
      return [rejected(circuit.openedAt + circuit.openMillis - now), circuit]
    case "HalfOpen": {
      if (!hasFreeSlot(circuit, rules)) return [rejected(0), circuit]
      const slot = { id: circuit.nextSlot, takenAt: now }
      return [
        admitted(circuit.generation, slot.id),
        { ...circuit, slots: Slots.take(circuit.slots, slot), nextSlot: slot.id + 1 }
      ]
    }
    case "Recovering": {
      const arrivals = circuit.arrivals + 1
      const due = dueAdmissions(circuit, rules, now)
      return due > circuit.admitted
        ? [admitted(circuit.generation, noSlot), { ...circuit, arrivals, admitted: due }]
        : [rejected(0), { ...circuit, arrivals }]
    }
    case "Isolated":
      return [rejected(Infinity), circuit]
  }
}

/**
 * The time until the circuit would admit a call if nothing else happened, in milliseconds: 0 if it would now, and
 * infinity if time alone does not make it ready.
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
      const oldest = Slots.oldest(circuit.slots)
      return hasFreeSlot(circuit, rules) || oldest === undefined
        ? 0
        : oldest.takenAt + rules.probeTimeoutMillis - now
    }
    case "Recovering": {
      if (dueAdmissions(circuit, rules, now) > circuit.admitted) return 0
      const { durationMillis, from } = recoveryOf(rules)
      const neededShare = (circuit.admitted + 1) / (circuit.arrivals + 1)
      const reachedAt = circuit.startedAt + (durationMillis * (neededShare - from)) / (1 - from)
      // Above 0 in any case: because of rounding, the time may have come by this formula but not yet by that of
      // `admit`.
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
  const { durationMillis, from } = recoveryOf(rules)
  return from + ((1 - from) * (now - circuit.startedAt)) / durationMillis
}

const hasFreeSlot = <W>(circuit: HalfOpen, rules: Rules<W>): boolean =>
  circuit.slots.count + circuit.succeeded < rules.probes

// The number of admissions that are due after the next call. The next call is admitted if this is more than before.
const dueAdmissions = <W>(circuit: Recovering<W>, rules: Rules<W>, now: number): number =>
  Math.floor((circuit.arrivals + 1) * share(circuit, rules, now))
