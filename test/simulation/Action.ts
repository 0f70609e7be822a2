/** What happens to a fleet from outside, as data. */
import type { CallPlan, Control } from "./Fact.ts"

export type Action = NodeAction | StoreAction | NetworkAction

/** What happens at one process. */
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
  /** It comes again, as another process, under the rules after an upgrade or under those before. */
  | { readonly _tag: "Start"; readonly node: number; readonly upgrades: boolean }
  | { readonly _tag: "Freeze"; readonly node: number; readonly millis: number }

export type StoreAction =
  | { readonly _tag: "StoreFails"; readonly how: "Refusing" | "Silent" | "Frozen" }
  | { readonly _tag: "StoreReturns"; readonly as: Data }
  /** It loses data without being away. */
  | { readonly _tag: "StoreForgets"; readonly as: Data; readonly hangsUp: boolean }
  /** What it may come back with later. */
  | { readonly _tag: "StoreSaves" }
  | { readonly _tag: "KeyBreaks"; readonly key: number }
  | { readonly _tag: "KeysMend" }

export type Data = "Intact" | "Empty" | "Old"

export type NetworkAction =
  | { readonly _tag: "Network"; readonly node: number; readonly condition: Condition }
  | { readonly _tag: "CutSubscription"; readonly node: number }

/** How likely it is that a message is lost, arrives twice, or arrives late. */
export interface Condition {
  readonly loses: number
  readonly doubles: number
  readonly delays: number
}

export const fine: Condition = { loses: 0, doubles: 0, delays: 0 }
