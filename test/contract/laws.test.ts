/** The laws are worth what they catch: each of these stores is wrong in one way. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { CircuitStore } from "effect-circuit-breaker"
import * as testing from "effect-circuit-breaker/testing"
import { entriesOf } from "../entries.ts"

type Store = CircuitStore.Store
type Fault = (store: Store) => Partial<Store>

const mapEntries = (store: Store, f: (entry: CircuitStore.Entry) => CircuitStore.Entry): Partial<Store> => ({
  exchange: (requests) => Effect.map(store.exchange(requests), (answers) => entriesOf(answers).map(f))
})

const mapRequests = (
  store: Store,
  f: (request: CircuitStore.ExchangeRequest) => CircuitStore.ExchangeRequest
): Partial<Store> => ({ exchange: (requests) => store.exchange(requests.map(f)) })

const faults: ReadonlyArray<readonly [name: string, fault: Fault, law: RegExp]> = [
  [
    "answers in the wrong order",
    (store) => ({
      exchange: (requests) => Effect.map(store.exchange(requests), (entries) => entries.toReversed())
    }),
    /in the order of its requests/
  ],
  [
    "asks nobody's time",
    (store) => mapEntries(store, (entry) => ({ ...entry, now: 1_800_000_000_000 })),
    /never runs backwards/
  ],
  [
    "takes a read for a contribution of nothing",
    (store) => mapRequests(store, (it) => ({ ...it, contribution: it.contribution ?? "" })),
    /a read changes nothing/
  ],
  [
    "forgets contributions",
    (store) => mapRequests(store, (it) => ({ ...it, contribution: undefined })),
    /a contribution is returned/
  ],
  [
    "writes what it does not have to",
    (store) => ({
      compareAndSet: (request) =>
        store.exchange([{ ...request, node: "writer", contribution: undefined, announce: false }]).pipe(
          Effect.map(entriesOf),
          Effect.flatMap(([entry]) => store.compareAndSet({ ...request, expected: entry!.revision }))
        )
    }),
    /leaves a state that has another revision/
  ],
  [
    "compares, and then sets",
    (store) => ({
      compareAndSet: (request) =>
        Effect.gen(function* () {
          const read = { ...request, node: "writer", contribution: undefined, announce: false }
          const [seen] = yield* Effect.map(store.exchange([read]), entriesOf)
          yield* Effect.yieldNow()
          const [now] = yield* Effect.map(store.exchange([read]), entriesOf)
          return seen!.revision === request.expected
            ? yield* store.compareAndSet({ ...request, expected: now!.revision })
            : now!
        })
    }),
    /of 50 concurrent writers/
  ],
  [
    "lets circuits meet",
    (store) => ({
      compareAndSet: (it) =>
        store.compareAndSet({
          ...it,
          circuit: { breaker: "", key: `${it.circuit.breaker}:${it.circuit.key}` }
        }),
      ...mapRequests(store, (it) => ({
        ...it,
        circuit: { breaker: "", key: `${it.circuit.breaker}:${it.circuit.key}` }
      }))
    }),
    /are separate/
  ],
  [
    "keeps for ever",
    (store) => ({
      compareAndSet: (it) => store.compareAndSet({ ...it, keepMillis: 60_000 }),
      ...mapRequests(store, (it) => ({ ...it, keepMillis: 60_000 }))
    }),
    /a circuit expires/
  ],
  [
    "does not say that it listens",
    (store) => ({
      changes: (breaker) => Stream.filter(store.changes(breaker), ({ _tag }) => _tag !== "Listening")
    }),
    /receives Listening first/
  ],
  [
    "tells of no failures",
    (store) => mapRequests(store, (it) => ({ ...it, announce: false })),
    /receives Listening first/
  ],
  [
    "announces unasked",
    (store) => mapRequests(store, (it) => ({ ...it, announce: true })),
    /receives nothing/
  ],
  [
    "tells of other breakers",
    (store) => ({
      changes: (breaker) => Stream.merge(store.changes(breaker), Stream.drop(store.changes(`${breaker}:`), 1))
    }),
    /of its own breaker only/
  ]
]

describe("a store is found out that", { concurrent: true }, () => {
  for (const [name, fault, expected] of faults) {
    it.live(name, () =>
      Effect.gen(function* () {
        const store = yield* CircuitStore.makeMemory()
        const wrong = Effect.succeed({ ...store, ...fault(store) })
        const law = testing.storeLaws.find((it) => expected.test(it.name))
        assert.isDefined(law)
        const broken = yield* Effect.flip(law.check(wrong))
        assert.strictEqual(broken.law, law.name)
        assert.include(broken.message, `${law.name}: `)
      })
    )
  }
})
