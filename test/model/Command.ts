/** The commands of a history. A command that is impossible at its place (without a call in flight, say) does nothing. */
import type { Ending } from "./Ending.ts"

export type Command =
  /** Calls of one key, started together and left in flight. */
  | { readonly _tag: "Start"; readonly key: Key; readonly calls: number; readonly how: CallForm }
  /** Calls of one key, one after the other, each over at once. */
  | {
      readonly _tag: "Run"
      readonly key: Key
      readonly endings: ReadonlyArray<Ending>
      readonly how: CallForm
    }
  /** Failures until the circuit no longer admits them all. */
  | { readonly _tag: "Break"; readonly key: Key; readonly how: CallForm }
  /** The way back from Open, by successes at the first moment possible. */
  | { readonly _tag: "Heal"; readonly key: Key; readonly how: CallForm }
  /** Calls, probes if need be, that end `offset` after they have become slow, where the policy asks for that. */
  | {
      readonly _tag: "Dawdle"
      readonly key: Key
      readonly endings: ReadonlyArray<Ending>
      readonly offset: number
      readonly how: CallForm
    }
  /** A probe outstays its lease by `offset`, another call comes, and then the first one ends. */
  | {
      readonly _tag: "Outstay"
      readonly key: Key
      readonly offset: number
      readonly ending: Ending
      readonly how: CallForm
    }
  /** As many calls as get some of them rejected, if any are probes, and those that run hand a rejection on. */
  | { readonly _tag: "HandOn"; readonly key: Key; readonly ending: Ending; readonly how: CallForm }
  | { readonly _tag: "Settle"; readonly pick: number; readonly ending: Ending }
  /** All calls in flight, before any of them is settled. */
  | { readonly _tag: "SettleAll"; readonly endings: ReadonlyArray<Ending> }
  /** To the pick-th next instant at which something changes by itself, and `offset` beyond. */
  | { readonly _tag: "AdvanceTo"; readonly pick: number; readonly offset: number }
  | { readonly _tag: "Advance"; readonly millis: number }
  /** The wall clock is set; no time passes. */
  | { readonly _tag: "SetWallClock"; readonly by: number }
  | { readonly _tag: "Trip"; readonly key: Key }
  | { readonly _tag: "Reset"; readonly key: Key }
  | { readonly _tag: "Isolate"; readonly key: Key }
  /** The first isolation ends, and the second one remains. */
  | { readonly _tag: "IsolateResetIsolate"; readonly key: Key }
  | { readonly _tag: "Release"; readonly pick: number }
  | { readonly _tag: "Disable"; readonly key: Key }
  | { readonly _tag: "Enable"; readonly pick: number }
  /** The isolation ends, by its release or by a reset, and leaves the circuit disabled. */
  | { readonly _tag: "DisableWhileIsolated"; readonly key: Key; readonly end: "Release" | "Reset" }

export type Key = "default" | "a" | "b" | "c"

/** The part of the API by which a call is made. */
export interface CallForm {
  readonly api: "method" | "options first" | "options last" | "built once" | "tag" | "admit"
  readonly classifies: boolean
}

export const formOf = (how: CallForm): string => (how.classifies ? `${how.api}, classifies` : how.api)

/** The element that a command's `pick` selects, if there is one. */
export const pick = <A>(from: ReadonlyArray<A>, index: number): A | undefined => from[index % from.length]
