/** An observer's record of a circuit's life, from the steps alone. */
import type * as Admission from "../../src/internal/core/admission.ts"
import * as Circuit from "../../src/internal/core/circuit.ts"
import type { Call } from "../../src/internal/core/policies/policy.ts"
import type { AnyCircuit, Rules } from "./circuits.ts"

export interface Ledger {
  readonly openings: number
  readonly openMillis: number
  /** When the present state began. */
  readonly since: number
  /** The bad calls in a row that have landed in this generation. */
  readonly streak: number
  readonly probesSucceeded: number
  readonly probesFailed: number
  /** The isolation that is held now, and by how many. */
  readonly isolation: number
  readonly holders: number
  /** The number of disablings. */
  readonly disablers: number
}

/** One call, as the onlooker sees it. */
export type CallState = Waiting | Running | Opening | { readonly _tag: "Over" }

export interface Waiting {
  readonly _tag: "Waiting"
  readonly onlyHalfOpen: boolean
  readonly isStream: boolean
}

export interface Running {
  readonly _tag: "Running"
  readonly ticket: Circuit.Ticket
  readonly isProbe: boolean
  readonly since: number
  readonly isStream: boolean
}

/** A decision to open that has not been carried out. */
export interface Opening {
  readonly _tag: "Opening"
  readonly generation: number
  readonly openings: number
  readonly since: number
}

/** The step that made a circuit's next value. */
export type Event =
  | { readonly _tag: "Look" }
  | { readonly _tag: "Admission"; readonly decision: Admission.Decision }
  | {
      readonly _tag: "Outcome"
      readonly call: Call
      /** Whether it is the outcome of a probe that has settled with its first chunk. */
      readonly isAnswered: boolean
      readonly isLive: boolean
      readonly stillCounts: boolean
      readonly trips: boolean
    }
  | { readonly _tag: "Opening"; readonly opening: Opening }
  | { readonly _tag: "Restart" }
  | { readonly _tag: "Reset" }
  | { readonly _tag: "Isolate" }
  | { readonly _tag: "Release"; readonly isolation: number }
  | { readonly _tag: "Disable" }
  | { readonly _tag: "Enable" }

/** One value of the circuit and the next. */
export interface Move {
  readonly event: Event
  readonly from: AnyCircuit
  readonly to: AnyCircuit
  readonly now: number
  readonly ledger: Ledger
}

/** The record of a circuit with an empty window and no slot taken. */
export const ledgerOf = (circuit: AnyCircuit, now: number): Ledger => ({
  openings: circuit.openings,
  openMillis: circuit.openMillis,
  since: now,
  streak: 0,
  probesSucceeded: 0,
  probesFailed: 0,
  isolation: 0,
  holders: 0,
  disablers: 0
})

/**
 * The verdict on a call. Under a policy that measures the time, a slow call is bad, even if it was interrupted; in a
 * window, only slow calls are bad then.
 */
export const verdictOn = (call: Call, tag: AnyCircuit["_tag"], rules: Rules): "good" | "bad" | "neutral" => {
  const { slowerThanMillis } = rules.policy
  const isNeutral = call.outcome._tag === "Ignored"
  if ((!isNeutral || call.interrupted) && call.elapsedMillis >= slowerThanMillis) return "bad"
  if (isNeutral) return "neutral"
  const failed = call.outcome._tag === "Failure"
  return failed && (tag === "HalfOpen" || slowerThanMillis === Infinity) ? "bad" : "good"
}

/** Whether a call is a probe that has given its slot back, and may still fail. */
export const isAnswered = ({ ticket }: Running): boolean => ticket.slot === Circuit.answeredSlot

/** Whether a running call may still report: nothing has changed since it began, and its lease lasts. */
export const isLive = (call: CallState, circuit: AnyCircuit, now: number, rules: Rules): boolean =>
  call._tag === "Running" &&
  call.ticket.generation === circuit.generation &&
  (!call.isProbe || isAnswered(call) || now < call.since + rules.probeTimeoutMillis)

/** Whether an opening or a recovery is over. */
export const isDue = (circuit: AnyCircuit, ledger: Ledger, now: number, rules: Rules): boolean =>
  (circuit._tag === "Open" && now >= ledger.since + ledger.openMillis) ||
  (circuit._tag === "Recovering" && now >= ledger.since + rules.recovery!.durationMillis)

export const openingsAfter = (circuit: AnyCircuit, ledger: Ledger, now: number): number =>
  circuit._tag === "Closed" && now - ledger.since >= ledger.openMillis ? 1 : ledger.openings + 1

export const afterMove = (
  { event, from, ledger, now, to }: Move,
  rules: Rules,
  openMillis: number
): Ledger => {
  if (to.generation === from.generation) return withinGeneration(event, from, ledger, rules)
  const { disablers, openings, openMillis: lastMillis } = ledger
  const begun = { ...ledgerOf(to, now), openings, openMillis: lastMillis, disablers }
  switch (event._tag) {
    case "Look":
      return from._tag === "Recovering"
        ? { ...begun, since: ledger.since + rules.recovery!.durationMillis }
        : begun
    case "Opening": {
      const { since } = event.opening
      return { ...begun, since, openings: openingsAfter(from, ledger, since), openMillis }
    }
    case "Reset":
      return { ...begun, openings: 0, openMillis: 0 }
    case "Isolate":
      return { ...begun, isolation: to.generation, holders: 1 }
    case "Disable":
      return { ...begun, disablers: disablers + 1 }
    case "Enable":
      return { ...begun, disablers: disablers - 1 }
    default:
      return begun
  }
}

const withinGeneration = (event: Event, from: AnyCircuit, ledger: Ledger, rules: Rules): Ledger => {
  switch (event._tag) {
    case "Outcome": {
      const verdict = verdictOn(event.call, from._tag, rules)
      if (!event.isLive || from._tag === "Disabled" || verdict === "neutral") return ledger
      const isGood = verdict === "good"
      return from._tag === "HalfOpen"
        ? {
            ...ledger,
            probesSucceeded: ledger.probesSucceeded + Number(isGood),
            probesFailed: ledger.probesFailed + Number(!isGood)
          }
        : { ...ledger, streak: isGood ? 0 : ledger.streak + 1 }
    }
    case "Isolate":
      return { ...ledger, holders: ledger.holders + 1 }
    case "Release":
      return ledger.isolation === event.isolation && ledger.holders > 0
        ? { ...ledger, holders: ledger.holders - 1 }
        : ledger
    case "Disable":
      return { ...ledger, disablers: ledger.disablers + 1 }
    case "Enable":
      return { ...ledger, disablers: ledger.disablers - 1 }
    default:
      return ledger
  }
}
