/** What the tests on Redis share. */
import { afterAll, assert, beforeAll, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import type { CircuitOpenError, Transition } from "effect-circuit-breaker"
import { CircuitBreaker, CircuitStore, TripPolicy } from "effect-circuit-breaker"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import { recordLogs, watch } from "../rules/fixtures.ts"
import type { LogLine } from "../rules/fixtures.ts"
import { answering } from "./answering.ts"
import * as Processes from "./Processes.ts"
import type { Member, Process } from "./Processes.ts"
import * as RedisServer from "./RedisServer.ts"
import type { Address } from "./RedisServer.ts"

// ---------------------------------------------------------------------------------------------------------
// Waiting

/**
 * Asks again and again until the answer is the one that is expected; fails with the last one where it never is. How soon
 * it has to be is not for these tests to say: it depends on the machine. `test/fleet` says it, where time is a
 * `TestClock`.
 */
export const eventually = <A>(look: Effect.Effect<A>, expected: NoInfer<A>): Effect.Effect<void> =>
  Effect.gen(function* () {
    const startedAt = performance.now()
    for (;;) {
      const answer = yield* look
      if (isEqual(answer, expected)) return
      if (performance.now() - startedAt > patienceMillis) return assert.deepStrictEqual(answer, expected)
      yield* Effect.sleep("20 millis")
    }
  })

const patienceMillis = 90_000

const isEqual = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** Makes sure that for some time the answer is always the one that is expected. */
export const stays = <A>(look: Effect.Effect<A>, expected: NoInfer<A>, millis: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    const startedAt = performance.now()
    while (performance.now() - startedAt < millis) {
      assert.deepStrictEqual(yield* look, expected)
      yield* Effect.sleep("10 millis")
    }
  })

// ---------------------------------------------------------------------------------------------------------
// Processes

/** A server and some processes, which the tests of a file have in common. */
export class Fleet extends Context.Tag("Fleet")<
  Fleet,
  { readonly server: RedisServer.RedisServer; readonly processes: ReadonlyArray<Process> }
>() {}

const fleetOf = (size: number) =>
  Layer.scoped(
    Fleet,
    Effect.gen(function* () {
      const server = yield* RedisServer.given
      const processes = yield* Effect.replicateEffect(Processes.start, size, { concurrency: "unbounded" })
      return { server, processes }
    })
  )

type Test = <E>(name: string, test: () => Effect.Effect<void, E, Fleet | Scope.Scope>) => void

/**
 * Tests that share so many processes. The `layer` of `@effect/vitest` would do, if it did not change the one `it` that
 * all files of a worker have.
 */
export const withProcesses = (size: number, tests: (test: Test) => void): void => {
  const runtime = ManagedRuntime.make(fleetOf(size))
  beforeAll(() => runtime.runPromise(Effect.void))
  afterAll(() => runtime.dispose())
  tests((name, test) => it.scopedLive(name, () => Effect.provide(test(), runtime)))
}

export interface Options {
  readonly breaker?: CircuitBreaker.Options | undefined
  readonly store?: RedisCircuitStore.Options | undefined
}

export const syncMillis = 150

// A server that answers late, or a node that renews late, is not to be taken for one that has failed: the machine may be
// busy. Where a test is about a deadline or a lease, it says so.
export const deadlineMillis = 10_000
const leaseMillis = 60_000

/** The options of a store, unless a test has others. */
export const storeDefaults = (options: RedisCircuitStore.Options = {}): RedisCircuitStore.Options => ({
  syncInterval: syncMillis,
  deadline: deadlineMillis,
  ...(options.syncInterval === undefined ? { lease: leaseMillis } : {}),
  ...options
})

/** A connection is not given up because the machine is busy. */
const patient = { connectTimeout: 30_000, socketTimeout: 30_000 }

/** Nothing of an earlier run, or of another test, is under such a prefix. */
export const newPrefix = (): string => `test-${globalThis.crypto.randomUUID()}:`

export const breakerDefaults: CircuitBreaker.Options = {
  name: "payments",
  tripPolicy: TripPolicy.consecutive(5),
  openDuration: "10 minutes"
}

/** Breakers of one fleet in as many processes, the i-th in the i-th. More than there are processes go round. */
export const membersIn = (count: number, { breaker, store }: Options = {}) =>
  Effect.gen(function* () {
    const { processes, server } = yield* Fleet
    const redis = { ...server.address, ...patient, prefix: newPrefix(), ...storeDefaults(store) }
    const membership = { redis, breaker: { ...breakerDefaults, ...breaker } }
    const join = (i: number) => Processes.join(processes[i % processes.length]!, membership)
    const members = yield* Effect.forEach(
      Array.from({ length: count }, (_, i) => i),
      join,
      {
        concurrency: "unbounded"
      }
    )
    const [a, b] = members
    return { members, a: a!, b: b!, membership }
  })

export const statesOf = (members: ReadonlyArray<Member>): Effect.Effect<ReadonlyArray<string>> =>
  Effect.forEach(members, ({ state }) => state, { concurrency: "unbounded" })

// ---------------------------------------------------------------------------------------------------------
// Nodes in the test's own process

export interface Node extends CircuitBreaker.CircuitBreaker {
  readonly seen: ReadonlyArray<Transition.Transition>
  readonly logs: ReadonlyArray<LogLine>
  readonly tag: Effect.Effect<string>
  /** A call that waits for nothing; a test fails where it does. */
  readonly callNow: <A, E>(effect: Effect.Effect<A, E>, key?: string) => Exit.Exit<A, E | CircuitOpenError>
}

/** A breaker of the fleet of `prefix`, with connections of its own, when it has them. */
export const nodeOn = (
  address: Address,
  prefix: string,
  options?: Options
): Effect.Effect<Node, never, Scope.Scope> => connected(nodeAt(address, prefix, options))

/** The same where there may be nothing to connect to. */
export const nodeAt = (address: Address, prefix: string, { breaker, store }: Options = {}) =>
  nodeWith(RedisCircuitStore.layer({ ...address, ...patient, prefix, ...storeDefaults(store) }), breaker)

/** A busy machine may take longer to connect than a layer waits for it: calls would go on without the store. */
export const connected = <R>(
  made: Effect.Effect<{ readonly node: Node; readonly store: CircuitStore.Store }, never, R>
): Effect.Effect<Node, never, R> =>
  made.pipe(
    Effect.tap(({ store }) => answering(store)),
    Effect.map(({ node }) => node)
  )

export const nodeWith = (
  storeLayer: Layer.Layer<CircuitStore.CircuitStore>,
  breaker: CircuitBreaker.Options | undefined
) =>
  Effect.gen(function* () {
    const logs = yield* recordLogs
    const context = yield* Layer.build(
      Layer.provideMerge(CircuitBreaker.layer({ ...breakerDefaults, ...breaker }), storeLayer)
    )
    const service = Context.get(context, CircuitBreaker.CircuitBreaker)
    const seen = yield* watch(service.transitions)
    const runtime = yield* Effect.runtime()
    const node: Node = {
      ...service,
      seen,
      logs,
      tag: Effect.map(service.state(), ({ _tag }) => _tag),
      callNow: (effect, key) =>
        Runtime.runSyncExit(runtime)(
          key === undefined ? service.protect(effect) : service.protectWith(effect, { key })
        )
    }
    return { node, store: Context.get(context, CircuitStore.CircuitStore) }
  })

export const tagsOf = (nodes: ReadonlyArray<Node>): Effect.Effect<ReadonlyArray<string>> =>
  Effect.forEach(nodes, ({ tag }) => tag)

export const historyOf = ({ seen }: Node): ReadonlyArray<string> =>
  seen.map(({ from, to }) => `${from} > ${to}`)

/** What a node has said of the store so far. */
export const storeLinesOf = ({ logs }: Node): ReadonlyArray<string> =>
  logs.filter(({ message }) => message.startsWith("The circuit store")).map(({ level }) => level)

// ---------------------------------------------------------------------------------------------------------

/** All of the same. */
export const all = <A>(members: ReadonlyArray<unknown>, it: A): Array<A> => members.map(() => it)
