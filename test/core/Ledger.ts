/** What an onlooker writes down of a circuit's life, from the steps alone. */
import type * as Circuit from "../../src/internal/core/circuit.ts"
import type { AnyCircuit, Rules } from "./circuits.ts"

export interface Ledger {
  readonly openings: number
  readonly openMillis: number
  /** When the present state began. */
  readonly since: number
  /** The failures in a row that have landed in this generation. */
  readonly streak: number
  readonly probesSucceeded: number
  readonly probesFailed: number
  /** The isolation that is held now, and by how many. */
  readonly isolation: number
  readonly holders: number
}

/** One call, as the onlooker sees it. */
export type CallState =
  | { readonly _tag: "Waiting"; readonly onlyHalfOpen: boolean }
  | {
      readonly _tag: "Running"
      readonly ticket: Circuit.Ticket
      readonly isProbe: boolean
      readonly since: number
    }
  | Opening
  | { readonly _tag: "Over" }

/** A decision to open that has not been carried out. */
export interface Opening {
  readonly _tag: "Opening"
  readonly generation: number
  readonly openings: number
  readonly since: number
}

/** What made a circuit's next value. */
export type Event =
  | { readonly _tag: "Look" }
  | { readonly _tag: "Admission"; readonly decision: Circuit.Decision }
  | {
      readonly _tag: "Outcome"
      readonly outcome: "Success" | "Failure" | "Ignored"
      readonly isLive: boolean
      readonly lands: boolean
      readonly trips: boolean
    }
  | { readonly _tag: "Opening"; readonly opening: Opening }
  | { readonly _tag: "Restart" }
  | { readonly _tag: "Reset" }
  | { readonly _tag: "Isolate" }
  | { readonly _tag: "Release"; readonly isolation: number }

/** One value of the circuit and the next. */
export interface Move {
  readonly event: Event
  readonly from: AnyCircuit
  readonly to: AnyCircuit
  readonly now: number
  readonly ledger: Ledger
}

/** Of a circuit with an empty window and no slot taken. */
export const ledgerOf = (circuit: AnyCircuit, now: number): Ledger => ({
  openings: circuit.openings,
  openMillis: circuit.openMillis,
  since: now,
  streak: 0,
  probesSucceeded: 0,
  probesFailed: 0,
  isolation: 0,
  holders: 0
})

/** Whether a running call may still report: nothing has changed since it began, and its lease lasts. */
export const isLive = (call: CallState, circuit: AnyCircuit, now: number, rules: Rules): boolean =>
  call._tag === "Running" &&
  call.ticket.generation === circuit.generation &&
  (!call.isProbe || now < call.since + rules.probeTimeoutMillis)

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
  if (to.generation === from.generation) return withinGeneration(event, from, ledger)
  const begun = { ...ledgerOf(to, now), openings: ledger.openings, openMillis: ledger.openMillis }
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
    default:
      return begun
  }
}

const withinGeneration = (event: Event, from: AnyCircuit, ledger: Ledger): Ledger => {
  switch (event._tag) {
    case "Outcome": {
      if (!event.isLive || event.outcome === "Ignored") return ledger
      const succeeded = event.outcome === "Success"
      return from._tag === "HalfOpen"
        ? {
            ...ledger,
            probesSucceeded: ledger.probesSucceeded + Number(succeeded),
            probesFailed: ledger.probesFailed + Number(!succeeded)
          }
        : { ...ledger, streak: succeeded ? 0 : ledger.streak + 1 }
    }
    case "Isolate":
      return { ...ledger, holders: ledger.holders + 1 }
    case "Release":
      return ledger.isolation === event.isolation && ledger.holders > 0
        ? { ...ledger, holders: ledger.holders - 1 }
        : ledger
    default:
      return ledger
  }
}
