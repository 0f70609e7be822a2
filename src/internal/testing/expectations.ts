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
 * Plain data has to be the same, field by field.
 *
 * @internal
 */
export const expectSame = <A>(what: string, received: A, expected: A): Effect.Effect<void, Unexpected> =>
  expectThat(show(received) === show(expected), `${what}: ${show(received)}, not ${show(expected)}`)

/** @internal */
export const expectThat = (holds: boolean, message: string): Effect.Effect<void, Unexpected> =>
  holds ? Effect.void : Effect.fail(new Unexpected({ message }))

const show = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 300 ? `${text.slice(0, 300)}...(${text.length})` : text
}

/** @internal */
export const keepMillis = 60_000

/**
 * What there is of a circuit, asked for without contributing.
 *
 * @internal
 */
export const read = (store: Store, circuit: CircuitId): Check<Entry> => exchange(store, { circuit })

/** @internal */
export const exchange = (
  store: Store,
  request: Partial<ExchangeRequest> & Pick<ExchangeRequest, "circuit">
): Check<Entry> =>
  store
    .exchange([{ node: "reader", contribution: undefined, announce: false, keepMillis, ...request }])
    .pipe(
      Effect.flatMap((entries) =>
        entries.length === 1
          ? Effect.succeed(entries[0]!)
          : Effect.fail(new Unexpected({ message: `an exchange of 1 circuit has ${entries.length} answers` }))
      )
    )

/** @internal */
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
 * Who contributes what, in the order of their names.
 *
 * @internal
 */
export const contributionsOf = ({ contributions }: Entry): ReadonlyArray<readonly [string, string]> =>
  contributions.map(({ node, value }) => [node, value] as const).toSorted(([a], [b]) => (a < b ? -1 : 1))

/**
 * What is heard of the circuits of a breaker from now on.
 *
 * @internal
 */
export interface Hearing {
  /** What was heard until the state of this revision was set, that included. */
  readonly until: (revision: string) => Check<ReadonlyArray<Change>>
}

/** @internal */
export const hear = (store: Store, breaker: string): Check<Hearing> =>
  Effect.gen(function* () {
    const heard = yield* Queue.unbounded<Change>()
    yield* store.changes(breaker).pipe(
      Stream.runForEach((change) => Queue.offer(heard, change)),
      Effect.forkScoped
    )
    const next: Check<Change> = Effect.timeoutFail(Queue.take(heard), {
      duration: patience,
      onTimeout: () => new Unexpected({ message: `nothing is heard of the breaker for ${patience}` })
    })
    yield* expectSame("the first that is heard", (yield* next)._tag, "Listening")
    const until = (revision: string, before: ReadonlyArray<Change>): Check<ReadonlyArray<Change>> =>
      Effect.flatMap(next, (change) =>
        change._tag === "Changed" && change.revision === revision
          ? Effect.succeed([...before, change])
          : until(revision, [...before, change])
      )
    return { until: (revision) => until(revision, []) }
  })

const patience = "5 seconds"
