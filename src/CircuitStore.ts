/**
 * Stores through which several processes share circuits.
 *
 * The default store, {@link alone}, shares nothing: each process has its own circuits. If another store is in the
 * environment when a breaker is made, the breaker shares its circuits with every breaker of the same name on that
 * store, and nothing else in the program changes.
 *
 * **When to use**
 *
 * Use `RedisCircuitStore` to share circuits through Redis, and {@link makeMemory} in tests of several breakers.
 * Implement a {@link Store} to share them through something else, and test it with the laws in
 * `effect-circuit-breaker/testing`.
 *
 * **Details**
 *
 * A *node* is one breaker in one process. For each circuit, a store keeps one state, which nodes replace by
 * compare-and-set, and windows in which all nodes count together. It notifies nodes of changes. A state is an opaque
 * text to a store, and a window is rows of counts that it adds up: the nodes apply the trip policy.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import { storeKey } from "./internal/breaker/join.ts"
import * as internal from "./internal/stores/alone.ts"
import type { WindowEntry, WindowRequest } from "./internal/core/windows/stored.ts"
import type { CircuitStoreError } from "./internal/stores/error.ts"
import { makeCoordination } from "./internal/stores/coordination.ts"
import * as memory from "./internal/stores/memory.ts"

/**
 * A place where nodes share the states of their circuits and the windows in which they count.
 *
 * **Details**
 *
 * - `exchange` adds reports to windows, renews leases, and returns an {@link Entry} for each request, in the order of
 *   the requests. It should take one round trip. Each request is atomic, the list of them need not be. A request that
 *   neither reports nor renews is a read: it changes nothing, and does not extend the lifetime of its circuit. A list
 *   of no requests asks whether the store is reachable. A {@link CircuitStoreError} in place of an entry is the fault
 *   of that circuit alone: the other entries count. The whole effect fails if the store is not reachable.
 * - `compareAndSet` replaces the state of a circuit if its revision is still the expected one, notifies the
 *   subscribers, and returns the entry after that, without a window. The entry has the new revision if and only if this
 *   write succeeded; its `state` may then be `undefined`. The whole operation is atomic.
 * - `changes` emits the changes of a breaker's circuits from the moment of subscription, those made by the subscribing
 *   node included, and the changes of one circuit in their order. It may fail, and has to fail if it loses a change:
 *   nodes then subscribe again and read the circuits that they need.
 * - `coordination` is made by {@link coordination}.
 *
 * **Gotchas**
 *
 * A breaker waits for an operation no longer than `coordination.deadline` and then interrupts it, so operations have to
 * be interruptible. A store that fails or does not answer never fails a call.
 *
 * @since 0.1.0
 * @category models
 */
export interface Store {
  readonly exchange: (
    requests: ReadonlyArray<ExchangeRequest>
  ) => Effect.Effect<ReadonlyArray<Entry | CircuitStoreError>, CircuitStoreError>
  readonly compareAndSet: (
    request: CompareAndSet
  ) => Effect.Effect<Entry | CircuitStoreError, CircuitStoreError>
  readonly changes: (breaker: string) => Stream.Stream<Change, CircuitStoreError>
  readonly coordination: Coordination
}

/**
 * The identity of a circuit: the name of its breaker and its key.
 *
 * **Gotchas**
 *
 * Both may be any text of any length. Circuits that differ in either are different circuits.
 *
 * @since 0.1.0
 * @category models
 */
export interface CircuitId {
  readonly breaker: string
  readonly key: string
}

/**
 * A request of a node to read the entry of a circuit, and to report to its window.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExchangeRequest {
  readonly circuit: CircuitId
  /** The identity of the node, unique to each breaker of each process. */
  readonly node: string
  /** The revision of the state that the node knows, which the answer leaves out; `""` if the node knows none. */
  readonly revision: string
  /** The window to read, and to report to; `undefined` if the state is enough. */
  readonly window: WindowRequest | undefined
  /** Whether to notify the other nodes that this circuit has failures, so that they report as well. */
  readonly announce: boolean
  /** Whether to renew the lease of the node, which holds a slot of the circuit, or isolates or disables it. */
  readonly renew: boolean
  /**
   * The time to live, in milliseconds: the least time for which the store has to keep the circuit after a request that
   * reports or renews, and a window after a report to it. Such a request also ends the leases that are older, and
   * removes the data that the window keeps for nodes that have been silent for longer.
   */
  readonly keepMillis: number
}

/**
 * A request of a node to replace the state of a circuit, unless another node has replaced it first.
 *
 * @since 0.1.0
 * @category models
 */
export interface CompareAndSet {
  readonly circuit: CircuitId
  readonly node: string
  /** The revision that the node has read; `""` if the circuit had no state. */
  readonly expected: string
  /** The revision of the new state, which no state has had before. */
  readonly revision: string
  /** The new state. */
  readonly state: string
  /** Whether to renew the lease of the node, even if the state is not replaced. */
  readonly renew: boolean
  /**
   * The time to live, in milliseconds: the least time for which the store has to keep the circuit after it has replaced
   * the state or renewed the lease.
   */
  readonly keepMillis: number
}

/**
 * The contents of a store for one circuit, and the time at which they were read.
 *
 * **Details**
 *
 * `now` is a reading of the store's clock in epoch milliseconds. That clock never runs backwards, and all nodes measure
 * time by it. `revision` and `state` are `""` if the circuit has no state; `state` is `undefined` if it is the one that
 * the node knows. An entry grows with the number of leases, but not with the number of nodes that report.
 *
 * @since 0.1.0
 * @category models
 */
export interface Entry {
  readonly now: number
  readonly revision: string
  readonly state: string | undefined
  /** The requested window; `undefined` if the store has no window of that name, or if none was requested. */
  readonly window: WindowEntry | undefined
  /** The leases of the nodes, each with the time of its last renewal by the store's clock. */
  readonly leases: ReadonlyArray<{ readonly node: string; readonly at: number }>
}

/**
 * A notification to the nodes of a breaker.
 *
 * **Details**
 *
 * - `Listening` is the first notification of a subscription: all later changes are received.
 * - `Failing` says that a node has announced failures of a circuit.
 * - `Changed` says that the state of a circuit was replaced.
 *
 * @since 0.1.0
 * @category models
 */
export type Change =
  | { readonly _tag: "Listening" }
  | {
      readonly _tag: "Failing"
      readonly key: string
      /** The number of subscribers, if the store knows it. Many nodes spread their answers over time. */
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
 * The settings by which the nodes of a store work together, made by {@link coordination}.
 *
 * **Details**
 *
 * It also carries the code that shares circuits, so that a program without a store does not load it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Coordination {
  /** The interval at which a node exchanges its counts of circuits that have failures or are not Closed. */
  readonly syncInterval: Duration.Duration
  /** The longest time for which a node waits for an operation of the store. */
  readonly deadline: Duration.Duration
  /** The number of nodes that have to see failures before a circuit opens on all of them. */
  readonly quorum: number
  /** The time after which the probes and isolations of a silent node expire. */
  readonly lease: Duration.Duration
  /**
   * `"background"` exchanges counts beside the calls. `"write-through"`, for processes that freeze or live for one
   * request, reads the circuit before a call is admitted and writes the outcome before the call returns.
   */
  readonly sync: "background" | "write-through"
  /** Whether calls use the circuits of their own process while the store fails, or are rejected. */
  readonly onStoreError: "local" | "reject"
}

/**
 * Options of {@link coordination}: the settings of a {@link Coordination}, each with a default.
 *
 * @since 0.1.0
 * @category options
 */
export interface Options {
  /** The interval at which a node exchanges its counts (default 1 second; above 0 and at most 10 days). */
  readonly syncInterval?: Duration.DurationInput | undefined
  /** The longest time for which a node waits for the store (default 100 milliseconds; above 0 and at most 10 days). */
  readonly deadline?: Duration.DurationInput | undefined
  /**
   * The number of nodes that have to see failures before a circuit opens on all of them (default 1; an integer of at
   * least 1).
   */
  readonly quorum?: number | undefined
  /**
   * The time after which the probes and isolations of a silent node expire (default 3 times `syncInterval`; at least 2
   * times).
   */
  readonly lease?: Duration.DurationInput | undefined
  /** Whether outcomes are written beside the calls or before they return (default `"background"`). */
  readonly sync?: "background" | "write-through" | undefined
  /** Whether calls use their own process's circuits while the store fails, or are rejected (default `"local"`). */
  readonly onStoreError?: "local" | "reject" | undefined
}

export type { Layout, Row, Section } from "./internal/core/windows/section.ts"
export type { Report, WindowEntry, WindowRequest } from "./internal/core/windows/stored.ts"

export {
  /**
   * The error of a store that cannot complete an operation.
   *
   * **Details**
   *
   * Callers of a breaker never receive it. The breaker logs the message once when the store begins to fail.
   *
   * @since 0.1.0
   * @category errors
   */
  CircuitStoreError
} from "./internal/stores/error.ts"

/**
 * The store that breakers share their circuits through, by default {@link alone}.
 *
 * **Details**
 *
 * A breaker reads it from the environment once, when the breaker is made.
 *
 * **Example** (Two breakers with one circuit)
 *
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
 *   // The other breaker reads the circuit from the store before its first call.
 *   return yield* Effect.flip(other.protect(Effect.void))
 * }).pipe(Effect.scoped)
 *
 * assert.strictEqual((await Effect.runPromise(program)).state, "Open")
 * ```
 *
 * @since 0.1.0
 * @category references
 */
export class CircuitStore extends Context.Reference<CircuitStore>()(storeKey, {
  defaultValue: (): Store => alone
}) {}

/**
 * Makes the `coordination` of a store of your own.
 *
 * **Gotchas**
 *
 * Throws a `RangeError` that names the option if one is out of range.
 *
 * **Example** (A store with a longer deadline)
 *
 * ```ts
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import { CircuitBreaker, CircuitStore } from "effect-circuit-breaker"
 *
 * const makeStore = Effect.map(
 *   CircuitStore.makeMemory(),
 *   ({ changes, compareAndSet, exchange }): CircuitStore.Store => ({
 *     changes,
 *     compareAndSet,
 *     exchange,
 *     coordination: CircuitStore.coordination({ deadline: "1 second", syncInterval: "5 seconds" })
 *   })
 * )
 *
 * const program = CircuitBreaker.protect(Effect.succeed("charged")).pipe(
 *   Effect.provide(CircuitBreaker.layer()),
 *   Effect.provideServiceEffect(CircuitStore.CircuitStore, makeStore)
 * )
 *
 * assert.strictEqual(await Effect.runPromise(program), "charged")
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const coordination = (options: Options = {}): Coordination =>
  makeCoordination("CircuitStore.coordination", options)

/**
 * Makes a store in the memory of this process.
 *
 * **When to use**
 *
 * Use it in tests, and for breakers of one name that are made several times in one process.
 *
 * **Example** (Simulating two processes)
 *
 * ```ts
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import { CircuitBreaker, CircuitStore } from "effect-circuit-breaker"
 *
 * const program = Effect.gen(function* () {
 *   const store = yield* CircuitStore.makeMemory()
 *   const make = Effect.provideService(CircuitBreaker.make(), CircuitStore.CircuitStore, store)
 *   const [one, other] = [yield* make, yield* make]
 *   yield* one.isolate()
 *   return yield* other.state()
 * }).pipe(Effect.scoped)
 *
 * assert.deepStrictEqual(await Effect.runPromise(program), { _tag: "Isolated" })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: (options?: Options) => Effect.Effect<Store> = memory.make

/**
 * The default store, which shares nothing.
 *
 * **Details**
 *
 * Its operations succeed and store nothing. A breaker with this store, or with a copy of it such as
 * `{ ...CircuitStore.alone }`, never uses it.
 *
 * @since 0.1.0
 * @category stores
 */
export const alone: Store = internal.alone
