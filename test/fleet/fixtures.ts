/** Nodes on one store in memory, each with a link to it that can be cut. */
import { assert } from "@effect/vitest"
import { entriesOf } from "../kit/entries.ts"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, CircuitStore, type Transition, TripPolicy } from "effect-circuit-breaker"
import type { Breaker, Running } from "../kit/index.ts"
import { fails, startCall as startCallOn, tagOf, watch } from "../kit/index.ts"

/** A node's link to the store. It counts its commands, and lets them fail at once or go unanswered. */
export class Link {
  commands = 0
  private target: CircuitStore.Store
  private condition: "up" | "down" | "silent" = "up"
  private isDeaf = false
  private broken = Deferred.unsafeMake<never, CircuitStore.CircuitStoreError>(FiberId.none)

  constructor(target: CircuitStore.Store) {
    this.target = target
  }

  get store(): CircuitStore.Store {
    return {
      coordination: this.target.coordination,
      exchange: (requests) => this.send((store) => store.exchange(requests)),
      compareAndSet: (request) => this.send((store) => store.compareAndSet(request)),
      changes: (breaker) =>
        Stream.suspend(() =>
          this.isDeaf || this.condition !== "up"
            ? Stream.fail(isDown)
            : Stream.interruptWhenDeferred(this.target.changes(breaker), this.broken)
        )
    }
  }

  /** Every command fails. */
  cut(): void {
    this.condition = "down"
    this.hangUp()
  }

  /** No command is answered. */
  freeze(): void {
    this.condition = "silent"
    this.hangUp()
  }

  mend(): void {
    this.condition = "up"
  }

  /** Commands work, but the node receives no notifications of changes. */
  deafen(): void {
    this.isDeaf = true
    this.hangUp()
  }

  /** Leads to another store, as when a server is restarted without its data. */
  moveTo(target: CircuitStore.Store): void {
    this.target = target
    this.hangUp()
  }

  private hangUp(): void {
    Deferred.unsafeDone(this.broken, Effect.fail(isDown))
    this.broken = Deferred.unsafeMake(FiberId.none)
  }

  private send<A>(
    command: (store: CircuitStore.Store) => Effect.Effect<A, CircuitStore.CircuitStoreError>
  ): Effect.Effect<A, CircuitStore.CircuitStoreError> {
    return Effect.suspend(() => {
      this.commands++
      switch (this.condition) {
        case "up":
          return command(this.target)
        case "down":
          return Effect.fail(isDown)
        case "silent":
          return Effect.never
      }
    })
  }
}

const isDown = new CircuitStore.CircuitStoreError({ message: "the store is down" })

export interface Node extends Breaker {
  readonly link: Link
  /** Its transitions so far. */
  readonly seen: ReadonlyArray<Transition.Transition>
}

const defaults: CircuitBreaker.Options = {
  tripPolicy: TripPolicy.consecutive(5),
  openDuration: "10 seconds"
}

export const makeStore = (options?: CircuitStore.Options): Effect.Effect<CircuitStore.Store> =>
  CircuitStore.makeMemory({ syncInterval: "2 seconds", ...options })

/** The entry in a store of a circuit of the default breaker. */
export const entryOf = (store: CircuitStore.Store, key = "default") =>
  Effect.map(
    store.exchange([
      {
        circuit: { breaker: "default", key },
        node: "reader",
        revision: "",
        window: undefined,
        announce: false,
        renew: false,
        keepMillis: 1_000
      }
    ]),
    (answers) => entriesOf(answers)[0]!
  )

/** One more node on a store. */
export const join = (
  store: CircuitStore.Store,
  options?: CircuitBreaker.Options
): Effect.Effect<Node, never, Scope.Scope> =>
  Effect.gen(function* () {
    const link = new Link(store)
    const breaker = yield* Effect.provideService(
      CircuitBreaker.make({ ...defaults, ...options }),
      CircuitStore.CircuitStore,
      link.store
    )
    const seen = yield* watch(breaker.transitions)
    // No two nodes begin at the same moment, so their own clocks differ.
    yield* TestClock.adjust("137 millis")
    return { ...breaker, link, seen }
  })

/** Nodes on a new store. */
export const fleet = (
  size: number,
  options?: CircuitBreaker.Options,
  coordination?: CircuitStore.Options
): Effect.Effect<readonly [Node, Node, ...Array<Node>], never, Scope.Scope> =>
  Effect.gen(function* () {
    const store = yield* makeStore(coordination)
    const node = join(store, options)
    return [yield* node, yield* node, ...(yield* Effect.replicateEffect(node, size - 2))] as const
  })

/** Nodes that have all used their circuit, which the first one has opened. */
export const openFleet = (
  size: number,
  options?: CircuitBreaker.Options,
  coordination?: CircuitStore.Options
): Effect.Effect<readonly [Node, Node, ...Array<Node>], never, Scope.Scope> =>
  fleet(size, { tripPolicy: TripPolicy.consecutive(1), ...options }, coordination).pipe(
    Effect.tap((nodes) => Effect.forEach(nodes, (node) => succeeding(node, 1))),
    Effect.tap(([first]) => failing(first, 1)),
    Effect.tap(settled)
  )

/** Nodes whose circuit was opened so, after the open time has passed. */
export const halfOpenFleet = (
  size: number,
  options?: CircuitBreaker.Options,
  coordination?: CircuitStore.Options
): Effect.Effect<readonly [Node, Node, ...Array<Node>], never, Scope.Scope> =>
  Effect.zipLeft(openFleet(size, options, coordination), TestClock.adjust("10 seconds"))

/** Lets every fiber run as far as it can without the clock. */
export const settled: Effect.Effect<void> = Effect.repeatN(Effect.yieldNow(), 200)

/** Lets the nodes ask the store again. */
export const inStep: Effect.Effect<void> = Effect.zipRight(TestClock.adjust("4 seconds"), settled)

/** Makes calls that fail, one after the other, and lets the nodes act on them. */
export const failing = (node: Breaker, count: number, key?: string): Effect.Effect<void> =>
  Effect.zipRight(
    Effect.replicateEffect(
      Effect.exit(key === undefined ? node.protect(fails) : node.protectWith(fails, { key })),
      count
    ),
    settled
  )

export const succeeding = (node: Breaker, count: number): Effect.Effect<void> =>
  Effect.zipRight(Effect.replicateEffect(Effect.exit(node.protect(Effect.void)), count), settled)

/** Starts a call whose effect runs until `end`, and waits until it runs or is rejected. */
export const startCall = (node: Breaker): Effect.Effect<Running> =>
  Effect.zipLeft(startCallOn(node.protect), settled)

/** Isolates or disables a circuit, until its release. */
export const held = (hold: Effect.Effect<void, never, Scope.Scope>) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    yield* Scope.extend(hold, scope)
    yield* settled
    return { release: Effect.zipRight(Scope.close(scope, Exit.void), settled) }
  })

export const tagsOf = (nodes: ReadonlyArray<Breaker>, key?: string): Effect.Effect<ReadonlyArray<string>> =>
  Effect.forEach(nodes, (node) => tagOf(node, key))

/** Asserts the state of each node's circuit; one tag stands for all of them. */
export const assertTags = (
  nodes: ReadonlyArray<Breaker>,
  ...tags: ReadonlyArray<string>
): Effect.Effect<void> =>
  Effect.map(tagsOf(nodes), (seen) =>
    assert.deepStrictEqual(seen, tags.length === 1 ? nodes.map(() => tags[0]) : tags)
  )

/** A node's transitions so far, as `"Closed > Open 1"`: the number is the generation. */
export const historyOf = ({ seen }: Node): ReadonlyArray<string> =>
  seen.map(({ from, generation, to }) => `${from} > ${to} ${generation}`)
