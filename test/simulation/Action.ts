/** The actions on a fleet from outside, as data. */
import type { CallPlan, Control } from "./Fact.ts"

export type Action = NodeAction | StoreAction | NetworkAction

/** The actions on one process. */
export type NodeAction =
  /** Several calls in one turn. */
  | {
      readonly _tag: "Call"
      readonly node: number
      readonly key: number
      readonly calls: number
      readonly plan: CallPlan
    }
  | { readonly _tag: "Control"; readonly node: number; readonly key: number; readonly control: Control }
  | { readonly _tag: "Read"; readonly node: number; readonly key: number }
  /** The call that began last is interrupted. */
  | { readonly _tag: "Interrupt"; readonly node: number }
  | { readonly _tag: "Crash"; readonly node: number }
  /** It starts again, as another process, under the rules before or after an upgrade. */
  | { readonly _tag: "Start"; readonly node: number; readonly upgrades: boolean }
  | { readonly _tag: "Freeze"; readonly node: number; readonly millis: number }

export type StoreAction =
  | { readonly _tag: "StoreFails"; readonly how: "Refusing" | "Silent" | "Frozen" }
  | { readonly _tag: "StoreReturns"; readonly as: Data }
  /** It loses data without an outage. */
  | { readonly _tag: "StoreForgets"; readonly as: Data; readonly hangsUp: boolean }
  /** It saves its data, to which it may fall back later. */
  | { readonly _tag: "StoreSaves" }
  | { readonly _tag: "KeyBreaks"; readonly key: number }
  | { readonly _tag: "KeysMend" }

export type Data = "Intact" | "Empty" | "Old"

export type NetworkAction =
  | { readonly _tag: "Network"; readonly node: number; readonly condition: Condition }
  | { readonly _tag: "CutSubscription"; readonly node: number }

/** The probabilities that a message is lost, arrives twice, or arrives late. */
export interface Condition {
  readonly loses: number
  readonly doubles: number
  readonly delays: number
}

export const fine: Condition = { loses: 0, doubles: 0, delays: 0 }
