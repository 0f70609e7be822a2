import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type {
  Change,
  CircuitId,
  CircuitStoreError,
  Entry,
  ExchangeRequest,
  Store
} from "../../CircuitStore.ts"

/** @internal */
export type Check<A = void> = Effect.Effect<A, Unexpected | CircuitStoreError, Scope.Scope>

/** @internal */
export class Unexpected extends Data.TaggedError("Unexpected")<{ readonly message: string }> {}

/**
 * Fails unless two values have the same JSON. `subject` names the value in the message.
 *
 * @internal
 */
export const expectSame = <A>(subject: string, received: A, expected: A): Effect.Effect<void, Unexpected> =>
  expectThat(
    show(received) === show(expected),
    `${subject}: expected ${show(expected)}, received ${show(received)}`
  )

/** @internal */
export const expectThat = (holds: boolean, message: string): Effect.Effect<void, Unexpected> =>
  holds ? Effect.void : Effect.fail(new Unexpected({ message }))

const show = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 300 ? `${text.slice(0, 300)}...(${text.length})` : text
}

/**
 * A time to live that outlasts every check.
 *
 * @internal
 */
export const keepMillis = 60_000

/**
 * Reads the entry of a circuit: an exchange without a contribution.
 *
 * @internal
 */
export const read = (store: Store, circuit: CircuitId): Check<Entry> => exchange(store, { circuit })

/**
 * Exchanges one request, by default one that neither contributes nor announces.
 *
 * @internal
 */
export const exchange = (
  store: Store,
  request: Partial<ExchangeRequest> & Pick<ExchangeRequest, "circuit">
): Check<Entry> =>
  Effect.flatMap(
    exchangeAll(store, [
      { node: "reader", contribution: undefined, announce: false, keepMillis, ...request }
    ]),
    (entries) =>
      entries.length === 1
        ? Effect.succeed(entries[0]!)
        : Effect.fail(
            new Unexpected({ message: `an exchange of 1 request returned ${entries.length} entries` })
          )
  )

/**
 * Exchanges several requests, and fails if the answer to one of them is a fault.
 *
 * @internal
 */
export const exchangeAll = (
  store: Store,
  requests: ReadonlyArray<ExchangeRequest>
): Check<ReadonlyArray<Entry>> =>
  Effect.flatMap(
    store.exchange(requests),
    Effect.forEach((answer) => ("_tag" in answer ? Effect.fail(answer) : Effect.succeed(answer)))
  )

/**
 * Writes a state by `compareAndSet`.
 *
 * @internal
 */
export const replace = (
  store: Store,
  circuit: CircuitId,
  { expected, revision, state = `state of ${revision}` }: Write
): Check<Entry> => store.compareAndSet({ circuit, expected, revision, state, keepMillis })

interface Write {
  readonly expected: string
  readonly revision: string
  readonly state?: string
}

/** @internal */
export const stateOf = ({ revision, state }: Entry) => ({ revision, state })

/**
 * The contributions as pairs of node and value, in the order of the nodes.
 *
 * @internal
 */
export const contributionsOf = ({ contributions }: Entry): ReadonlyArray<readonly [string, string]> =>
  contributions.map(({ node, value }) => [node, value] as const).toSorted(([a], [b]) => (a < b ? -1 : 1))

/**
 * A subscription to the changes of a breaker's circuits.
 *
 * @internal
 */
export interface Subscription {
  /** Takes the changes received so far, up to and including the one that sets the state of this revision. */
  readonly until: (revision: string) => Check<ReadonlyArray<Change>>
}

/**
 * Subscribes, and returns when the store has emitted `Listening`.
 *
 * @internal
 */
export const subscribe = (store: Store, breaker: string): Check<Subscription> =>
  Effect.gen(function* () {
    const changes = yield* Queue.unbounded<Change>()
    yield* store.changes(breaker).pipe(
      Stream.runForEach((change) => Queue.offer(changes, change)),
      Effect.forkScoped
    )
    const next: Check<Change> = Effect.timeoutFail(Queue.take(changes), {
      duration: notificationTimeout,
      onTimeout: () =>
        new Unexpected({ message: `no change of the breaker was received for ${notificationTimeout}` })
    })
    yield* expectSame("the first change received", (yield* next)._tag, "Listening")
    const until = (revision: string, before: ReadonlyArray<Change>): Check<ReadonlyArray<Change>> =>
      Effect.flatMap(next, (change) =>
        change._tag === "Changed" && change.revision === revision
          ? Effect.succeed([...before, change])
          : until(revision, [...before, change])
      )
    return { until: (revision) => until(revision, []) }
  })

const notificationTimeout = "5 seconds"
