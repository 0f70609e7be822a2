/** The messages between nodes and the store, as data. */
import type { Change, CompareAndSet, Entry as StoreEntry, ExchangeRequest } from "../../src/CircuitStore.ts"

export type Message = Request | Answer | Subscribe | Notice | HangUp

/** A run of a process. After a crash, the process starts again as another run. */
export interface Process {
  readonly node: number
  readonly life: number
}

export interface Request extends Process {
  readonly _tag: "Request"
  readonly id: number
  readonly body: RequestBody
}

export type RequestBody =
  | { readonly _tag: "Exchange"; readonly requests: ReadonlyArray<ExchangeRequest> }
  | { readonly _tag: "Write"; readonly request: CompareAndSet }

export interface Answer extends Process {
  readonly _tag: "Answer"
  readonly id: number
  readonly body: AnswerBody
}

export type AnswerBody =
  | { readonly _tag: "Entries"; readonly entries: ReadonlyArray<Entry> }
  /** The store is down. */
  | { readonly _tag: "Refused" }

/** An entry, or the fault of this circuit alone. */
export type Entry = StoreEntry | { readonly _tag: "Fault" }

export const isFault = (entry: Entry): entry is { readonly _tag: "Fault" } => "_tag" in entry

export interface Subscribe extends Process {
  readonly _tag: "Subscribe"
  readonly subscription: number
}

export interface Notice extends Process {
  readonly _tag: "Notice"
  readonly subscription: number
  readonly change: Change
}

/** A subscription has ended. */
export interface HangUp extends Process {
  readonly _tag: "HangUp"
  readonly subscription: number
}
