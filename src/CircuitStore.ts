/**
 * Where the circuits of several processes meet. The default store coordinates nothing: a breaker is alone with its
 * process. With another one in the environment when a breaker is made, its circuits are shared by all breakers of its
 * name on that store, and nothing else in the program changes.
 *
 * A store is a small thing: for each circuit it keeps one text that is replaced by compare-and-set, and what each node
 * contributes, and it tells the nodes of changes. The machine, the policy and the merging are not its business. Whoever
 * writes one has it checked by the laws in `effect-circuit-breaker/testing`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { joinKey } from "./internal/breaker/join.ts"
import * as internal from "./internal/stores/alone.ts"
import type { CircuitStoreError } from "./internal/stores/error.ts"
import { makeCoordination } from "./internal/stores/coordination.ts"
import * as memory from "./internal/stores/memory.ts"

/**
 * What a store does for the breakers of a process. None of it has to be quick, or to answer at all: a breaker waits no
 * longer than the deadline, interrupts what takes longer, and goes on by itself.
 *
 * @since 0.1.0
 * @category models
 */
export interface Store {
  /**
   * Takes in what this node contributes to some circuits, and answers how each of them stands after that, in the same
   * order. One round trip for all of them, which need not be one step. A request without a contribution is a read: it
   * leaves no trace, and no circuit lives longer for it. A request for nothing asks whether the store is there.
   */
  readonly exchange: (
    requests: ReadonlyArray<ExchangeRequest>
  ) => Effect.Effect<ReadonlyArray<Entry>, CircuitStoreError>
  /**
   * Replaces the state of a circuit if its revision is still the one that is `expected`, tells the nodes, and answers how
   * the circuit stands then: its revision is the new one if and only if this write was the one. One step: no other write
   * comes in between.
   */
  readonly compareAndSet: (request: CompareAndSet) => Effect.Effect<Entry, CircuitStoreError>
  /**
   * Changes of the circuits of a breaker from the moment of subscription, those made by this node included; those of one
   * circuit in their order. It may fail, and where it loses a change it has to: the nodes then subscribe again, and look
   * for themselves.
   */
  readonly changes: (breaker: string) => Stream.Stream<Change, CircuitStoreError>
  readonly coordination: Coordination
}

/**
 * Any two texts, however long. Circuits that differ in either are different circuits.
 *
 * @since 0.1.0
 * @category models
 */
export interface CircuitId {
  readonly breaker: string
  readonly key: string
}

/**
 * What a node contributes to a circuit.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExchangeRequest {
  readonly circuit: CircuitId
  /** Who contributes: an identity of its own for each breaker of each process. */
  readonly node: string
  /** A text that is not empty and replaces what the node contributed before; `undefined` leaves that as it is. */
  readonly contribution: string | undefined
  /** Tell the other nodes that this circuit has failures, so that they contribute too. */
  readonly announce: boolean
  /**
   * How long the store has to keep the circuit after what is contributed, at least. Other nodes that have not contributed
   * for as long are forgotten.
   */
  readonly keepMillis: number
}

/**
 * The next state of a circuit, for as long as nobody has written another.
 *
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
  /** How long the store has to keep the circuit from now on, at least. */
  readonly keepMillis: number
}

/**
 * How a circuit stands. `now` is the store's clock in epoch milliseconds, which every node goes by and which does not run
 * backwards; `revision` and `state` are `""` where the store has nothing. A contribution is `at` that clock's time when it
 * was taken in.
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
  | {
      readonly _tag: "Failing"
      readonly key: string
      /** How many nodes hear of it, as far as that is known: where they are very many, they do not all answer at once. */
      readonly listeners?: number | undefined
    }
  | {
      readonly _tag: "Changed"
      readonly key: string
      readonly now: number
      readonly revision: string
      readonly state: string
    }

/**
 * How the processes work together, as {@link coordination} makes it: it also brings the code that does it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Coordination {
  readonly [joinKey]?: unknown
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
 * How the nodes work together, where it differs from the defaults.
 *
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
  /** At least twice `syncInterval` (default 3 times). */
  readonly lease?: Duration.DurationInput | undefined
  /** (default `"background"`) */
  readonly sync?: "background" | "write-through" | undefined
  /** (default `"local"`) */
  readonly onStoreError?: "local" | "reject" | undefined
}

export {
  /**
   * The store could not be asked. It never reaches a caller of a breaker.
   *
   * @since 0.1.0
   * @category errors
   */
  CircuitStoreError
} from "./internal/stores/error.ts"

/**
 * The store of a breaker that shares nothing. It takes in what it is told, and keeps and tells nothing: of the laws of
 * stores it keeps those about answering, and is exempt from the others. A breaker does not ask it.
 *
 * @since 0.1.0
 * @category stores
 */
export const alone: Store = internal.alone

/**
 * How the processes of a store work together, for a store of your own. An option out of range is a `RangeError` that names
 * it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const coordination = (options: Options = {}): Coordination =>
  makeCoordination("CircuitStore.coordination", options)

/**
 * A store in this process: for tests, and for breakers that are made several times over.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import { CircuitBreaker, CircuitStore } from "effect-circuit-breaker"
 *
 * const program = Effect.gen(function* () {
 *   const store = yield* CircuitStore.makeMemory()
 *   const make = Effect.provideService(CircuitBreaker.make(), CircuitStore.CircuitStore, store)
 *   const [one, other] = [yield* make, yield* make]
 *   yield* one.trip()
 *   // It has not been tripped itself, and asks the store before its first call.
 *   return yield* Effect.flip(other.protect(Effect.void))
 * }).pipe(Effect.scoped)
 *
 * assert.strictEqual((await Effect.runPromise(program)).state, "Open")
 * ```
 *
 * @since 0.1.0
 * @category stores
 */
export const makeMemory: (options?: Options) => Effect.Effect<Store> = memory.make

/**
 * The store that a breaker shares its circuits through, taken from the environment when it is made (default
 * {@link alone}).
 *
 * @since 0.1.0
 * @category references
 */
export class CircuitStore extends Context.Reference<CircuitStore>()(internal.key, {
  defaultValue: (): Store => alone
}) {}
