/** Nodes of a fleet in the test's own process, each with connections of its own. */
import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import type { CircuitOpenError, Transition } from "effect-circuit-breaker"
import { CircuitBreaker, CircuitStore } from "effect-circuit-breaker"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import { type LogLine, recordLogs, tagOf, watch } from "../kit/index.ts"
import { breakerOptions, type Options, patientConnection, storeOptions } from "./options.ts"
import type { Address } from "./RedisServer.ts"
import { answering, eventually } from "./waiting.ts"

export interface Node extends CircuitBreaker.CircuitBreaker {
  /** Its transitions so far. */
  readonly seen: ReadonlyArray<Transition.Transition>
  readonly logs: ReadonlyArray<LogLine>
  readonly tag: Effect.Effect<string>
  /** Makes a call that must not wait; the test fails if it does. */
  readonly callNow: <A, E>(effect: Effect.Effect<A, E>, key?: string) => Exit.Exit<A, E | CircuitOpenError>
}

type Made = Effect.Effect<{ readonly node: Node; readonly store: CircuitStore.Store }, never, Scope.Scope>

/** Makes a breaker of the fleet under `prefix`, and waits until it is connected. */
export const nodeOn = (
  address: Address,
  prefix: string,
  options?: Options
): Effect.Effect<Node, never, Scope.Scope> => connected(nodeAt(address, prefix, options))

/** Makes a breaker of the fleet under `prefix`, possibly without a server. */
export const nodeAt = (address: Address, prefix: string, { breaker, store }: Options = {}): Made =>
  nodeWith(
    RedisCircuitStore.layer({ ...address, ...patientConnection, prefix, ...storeOptions(store) }),
    breaker
  )

export const connected = (made: Made): Effect.Effect<Node, never, Scope.Scope> =>
  Effect.map(
    Effect.tap(made, ({ store }) => answering(store)),
    ({ node }) => node
  )

export const nodeWith = (
  storeLayer: Layer.Layer<CircuitStore.CircuitStore>,
  options: CircuitBreaker.Options | undefined
): Made =>
  Effect.gen(function* () {
    const logs = yield* recordLogs
    const context = yield* Layer.build(
      Layer.provideMerge(CircuitBreaker.layer(breakerOptions(options)), storeLayer)
    )
    const breaker = Context.get(context, CircuitBreaker.CircuitBreaker)
    const seen = yield* watch(breaker.transitions)
    const runtime = yield* Effect.runtime()
    const node: Node = {
      ...breaker,
      seen,
      logs,
      tag: tagOf(breaker),
      callNow: (effect, key) =>
        Runtime.runSyncExit(runtime)(
          key === undefined ? breaker.protect(effect) : breaker.protectWith(effect, { key })
        )
    }
    return { node, store: Context.get(context, CircuitStore.CircuitStore) }
  })

export const unavailable: Effect.Effect<never, string> = Effect.fail("unavailable")

/** Makes calls that must not wait, and asserts that each of them ends as its effect does. */
export const callsNow = (node: Node, call: Effect.Effect<unknown, string>, times = 1, key?: string): void => {
  const expected = Effect.runSyncExit(call)
  for (let i = 0; i < times; i++) assert.deepStrictEqual(node.callNow(call, key), expected)
}

export const failsNow = (node: Node, times = 1): void => callsNow(node, unavailable, times)

export const worksNow = (node: Node, times = 1): void => callsNow(node, Effect.succeed("works"), times)

/** Makes calls that fail until the circuit opens: failures of other nodes that this one knows count as well. */
export const trips = (node: Node): void => {
  for (let i = 0; i < 5 && node.seen.length === 0; i++) node.callNow(unavailable)
}

export const isRejected = (breaker: CircuitBreaker.CircuitBreaker, key?: string): Effect.Effect<boolean> =>
  Effect.map(
    Effect.exit(key === undefined ? breaker.protect(Effect.void) : breaker.protectWith(Effect.void, { key })),
    Exit.isFailure
  )

export const tagsOf = (nodes: ReadonlyArray<Node>, key?: string): Effect.Effect<ReadonlyArray<string>> =>
  Effect.forEach(nodes, (node) => tagOf(node, key))

export const historyOf = ({ seen }: Node): ReadonlyArray<string> =>
  seen.map(({ from, to }) => `${from} > ${to}`)

/** A list with the same element for each member. */
export const all = <A>(members: ReadonlyArray<unknown>, it: A): Array<A> => members.map(() => it)

/** The levels of the lines that a node has logged of its store. */
export const storeLinesOf = ({ logs }: Node): ReadonlyArray<string> =>
  logs.filter(({ message }) => message.startsWith("The circuit store")).map(({ level }) => level)

const last = (nodes: ReadonlyArray<Node>, level: string): Effect.Effect<void> =>
  eventually(
    Effect.sync(() => nodes.map((node) => storeLinesOf(node).at(-1))),
    all(nodes, level)
  )

/** Waits until the nodes have noticed that the server fails. */
export const noticed = ({ nodes }: { readonly nodes: ReadonlyArray<Node> }): Effect.Effect<void> =>
  last(nodes, "Warning")

/** Waits until the nodes have noticed that it answers again. */
export const recovered = ({ nodes }: { readonly nodes: ReadonlyArray<Node> }): Effect.Effect<void> =>
  last(nodes, "Info")

/**
 * Asserts that the lines of an outage that has ended come in pairs. A busy machine may make several outages of one; the
 * tests of `test/fleet` have each of them reported once.
 */
export const assertReported = (lines: ReadonlyArray<string>, outages = 1): void => {
  assert.isAtLeast(lines.length, 2 * outages)
  assert.deepStrictEqual(
    lines,
    lines.map((_, i) => (i % 2 === 0 ? "Warning" : "Info"))
  )
}
