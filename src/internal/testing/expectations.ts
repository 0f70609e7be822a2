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
  Layout,
  Report,
  Store,
  WindowRequest
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
 * A time to live that a check waits for.
 *
 * @internal
 */
export const shortMillis = 100

/**
 * Reads the entry of a circuit with one of its windows.
 *
 * @internal
 */
export const read = (store: Store, circuit: CircuitId, window = windowOf()): Check<Entry> =>
  exchange(store, { circuit, window })

/**
 * A request that only reads.
 *
 * @internal
 */
export const reading: Omit<ExchangeRequest, "circuit"> = {
  node: "reader",
  revision: "",
  window: undefined,
  announce: false,
  renew: false,
  keepMillis
}

/**
 * Exchanges one request, by default one that neither reports nor renews nor announces.
 *
 * @internal
 */
export const exchange = (
  store: Store,
  request: Partial<ExchangeRequest> & Pick<ExchangeRequest, "circuit">
): Check<Entry> =>
  Effect.flatMap(exchangeAll(store, [{ ...reading, ...request }]), (entries) =>
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
 * Writes a state by `compareAndSet`, and returns the entry with the state, even if the store leaves out the state that
 * it has just received.
 *
 * @internal
 */
export const replace = (store: Store, circuit: CircuitId, write: Write): Check<Entry> => {
  const { revision, state = `state of ${revision}` } = write
  return Effect.flatMap(
    store.compareAndSet({ circuit, node: "writer", renew: false, keepMillis, ...write, state }),
    (answer) => {
      if ("_tag" in answer) return Effect.fail(answer)
      const isOwn = answer.revision === revision && answer.state === undefined
      return Effect.succeed(isOwn ? { ...answer, state } : answer)
    }
  )
}

interface Write {
  readonly expected: string
  readonly revision: string
  readonly state?: string
  readonly node?: string
  readonly renew?: boolean
  readonly keepMillis?: number
}

/** @internal */
export const stateOf = ({ revision, state }: Entry) => ({ revision, state })

/**
 * A request that reads a window without reporting to it.
 *
 * @internal
 */
export const windowOf = (name = "rules", epoch = 1): WindowRequest => ({ name, epoch, report: undefined })

/**
 * A request that reports a number of calls to a window, by default as the node's first report.
 *
 * @internal
 */
export const windowWith = (
  calls: number,
  { epoch = 1, name = "rules", number = 1, ...report }: Partial<Report & WindowRequest> = {}
): WindowRequest => ({
  name,
  epoch,
  report: {
    number,
    base: number - 1,
    sections: [{ ...everything, floor: 0, rows: [[1, calls, 0, 0]] }],
    failing: false,
    listed: 0,
    ...report
  }
})

/**
 * The layout of a section that keeps every row as it is.
 *
 * @internal
 */
export const everything: Layout = {
  unitMillis: 1,
  span: Infinity,
  enough: Infinity,
  freshMillis: 0,
  parts: Infinity
}

/**
 * The calls in the first section of a window; `undefined` if there is no window.
 *
 * @internal
 */
export const callsIn = ({ window }: Entry): number | undefined =>
  window?.sections[0]?.rows.reduce((sum, [, calls]) => sum + calls, 0)

/**
 * An entry without the time at which it was read.
 *
 * @internal
 */
export const contentsOf = ({ leases, revision, state, window }: Entry): Omit<Entry, "now"> => ({
  revision,
  state,
  window,
  leases
})

/**
 * The contents of the entry of a circuit that is not in the store.
 *
 * @internal
 */
export const empty: Omit<Entry, "now"> = { revision: "", state: "", window: undefined, leases: [] }

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
    const changes = yield* Queue.unbounded<Check<Change>>()
    yield* store.changes(breaker).pipe(
      Stream.runForEach((change) => Queue.offer(changes, Effect.succeed(change))),
      Effect.zipRight(Effect.fail(new Unexpected({ message: "the subscription has ended" }))),
      // A failure and a defect of the subscription are those of the check.
      Effect.catchAllCause((cause) => Queue.offer(changes, Effect.failCause(cause))),
      Effect.forkScoped
    )
    const next: Check<Change> = Effect.timeoutFail(Queue.take(changes), {
      duration: notificationTimeout,
      onTimeout: () =>
        new Unexpected({ message: `no change of the breaker was received for ${notificationTimeout}` })
    }).pipe(Effect.flatten)
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
