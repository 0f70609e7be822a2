/**
 * Where the circuits of several processes meet. The default store coordinates nothing: a breaker is alone with its
 * process. With another one in the environment when a breaker is made, its circuits are shared by all breakers of its
 * name on that store, and nothing else in the program changes.
 *
 * A store is a small thing: for each circuit it keeps one text that is replaced by compare-and-set, and what each node
 * contributes, and it tells the nodes of changes. The machine, the policy and the merging are not its business.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as memory from "./internal/fleet/memory.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Store {
  /**
   * Takes in what this node contributes to some circuits, and answers how each of them stands, in the same order. One
   * round trip for all of them.
   */
  readonly exchange: (
    requests: ReadonlyArray<ExchangeRequest>
  ) => Effect.Effect<ReadonlyArray<Entry>, CircuitStoreError>
  /**
   * Replaces the state of a circuit if it is still the one of `revision`, tells the nodes, and answers how the circuit
   * stands then: its revision is the new one if and only if this write was the one.
   */
  readonly compareAndSet: (request: CompareAndSet) => Effect.Effect<Entry, CircuitStoreError>
  /**
   * Changes of the circuits of a breaker from the moment of subscription, those made by this node included. It may fail
   * and may lose some: the nodes also look for themselves.
   */
  readonly changes: (breaker: string) => Stream.Stream<Change, CircuitStoreError>
  readonly coordination: Coordination
}

/**
 * @since 0.1.0
 * @category models
 */
export interface CircuitId {
  readonly breaker: string
  readonly key: string
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ExchangeRequest {
  readonly circuit: CircuitId
  /** Who contributes: an identity of its own for each breaker of each process. */
  readonly node: string
  /** Replaces what the node contributed before; nothing is left as it is where it is `undefined`. */
  readonly contribution: string | undefined
  /** Tell the other nodes that this circuit has failures, so that they contribute too. */
  readonly announce: boolean
  /** How long the store has to keep the circuit from now on, at least. */
  readonly keepMillis: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface CompareAndSet {
  readonly circuit: CircuitId
  /** The revision the writer has seen; `""` where there was none. */
  readonly expected: string
  /** A revision that was never used before. */
  readonly revision: string
  readonly state: string
  readonly keepMillis: number
}

/**
 * How a circuit stands. `now` is the store's clock in epoch milliseconds, which every node goes by; `revision` and `state`
 * are `""` where the store has nothing. A contribution is `at` that clock's time when it was taken in.
 *
 * @since 0.1.0
 * @category models
 */
export interface Entry {
  readonly now: number
  readonly revision: string
  readonly state: string
  readonly contributions: ReadonlyArray<{
    readonly node: string
    readonly at: number
    readonly value: string
  }>
}

/**
 * `Listening` comes first and says that from here on changes are heard; `Failing` says that a node sees failures, and
 * `Changed` that the state was replaced.
 *
 * @since 0.1.0
 * @category models
 */
export type Change =
  | { readonly _tag: "Listening" }
  | { readonly _tag: "Failing"; readonly key: string }
  | {
      readonly _tag: "Changed"
      readonly key: string
      readonly now: number
      readonly revision: string
      readonly state: string
    }

/**
 * How the nodes work together.
 *
 * @since 0.1.0
 * @category models
 */
export interface Coordination {
  /** How often a node exchanges what it knows of circuits that have failures or are not Closed. */
  readonly syncInterval: Duration.Duration
  /** How long a node waits for the store. */
  readonly deadline: Duration.Duration
  /** How many nodes have to see failures before a circuit opens for all of them. */
  readonly quorum: number
  /** After which silence a node's probes and isolations are given up. */
  readonly lease: Duration.Duration
  /**
   * `"write-through"` for processes that freeze or live for one request: each admission reads, each outcome is written
   * before the call returns.
   */
  readonly sync: "background" | "write-through"
  /** What becomes of calls while the store fails: they go on under the node's own machine, or are rejected. */
  readonly onStoreError: "local" | "reject"
}

/**
 * @since 0.1.0
 * @category options
 */
export interface Options {
  /** See {@link Coordination} (default 1 second). */
  readonly syncInterval?: Duration.DurationInput | undefined
  /** (default 100 milliseconds) */
  readonly deadline?: Duration.DurationInput | undefined
  /** (default 1) */
  readonly quorum?: number | undefined
  /** (default 3 times `syncInterval`) */
  readonly lease?: Duration.DurationInput | undefined
  /** (default `"background"`) */
  readonly sync?: "background" | "write-through" | undefined
  /** (default `"local"`) */
  readonly onStoreError?: "local" | "reject" | undefined
}

/**
 * The store could not be asked. It never reaches a caller of a breaker.
 *
 * @since 0.1.0
 * @category errors
 */
export class CircuitStoreError extends Data.TaggedError("CircuitStoreError")<{
  readonly message: string
  readonly cause?: unknown
}> {}

/**
 * The store of a breaker that shares nothing.
 *
 * @since 0.1.0
 * @category stores
 */
export const alone: Store = memory.alone

/**
 * A store in this process: for tests, and for breakers that are made several times over.
 *
 * @since 0.1.0
 * @category stores
 */
export const makeMemory: (options?: Options) => Effect.Effect<Store> = memory.make

/**
 * @since 0.1.0
 * @category references
 */
export class CircuitStore extends Context.Reference<CircuitStore>()("effect-circuit-breaker/CircuitStore", {
  defaultValue: (): Store => alone
}) {}
