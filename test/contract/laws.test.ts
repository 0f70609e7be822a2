/** Each of these stores breaks one law, and that law fails on it. */
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { CircuitStore } from "effect-circuit-breaker"
import * as testing from "effect-circuit-breaker/testing"
import { entriesOf } from "../kit/entries.ts"
import { liveTest } from "../kit/test.ts"

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
    "answers with no time of its own",
    (store) => mapEntries(store, (entry) => ({ ...entry, now: 1_800_000_000_000 })),
    /never runs backwards/
  ],
  [
    "writes an empty contribution when it is read",
    (store) => mapRequests(store, (it) => ({ ...it, contribution: it.contribution ?? "" })),
    /a read changes nothing/
  ],
  [
    "forgets contributions",
    (store) => mapRequests(store, (it) => ({ ...it, contribution: undefined })),
    /a contribution is returned/
  ],
  [
    "writes over another revision",
    (store) => ({
      compareAndSet: (request) =>
        store
          .exchange([{ ...request, node: "writer", contribution: undefined, announce: false }])
          .pipe(
            Effect.flatMap((answers) =>
              store.compareAndSet({ ...request, expected: entriesOf(answers)[0]!.revision })
            )
          )
    }),
    /leaves a state that has another revision/
  ],
  [
    "compares and sets in two steps",
    (store) => ({
      compareAndSet: (request) =>
        Effect.gen(function* () {
          const read = { ...request, node: "writer", contribution: undefined, announce: false }
          const [seen] = entriesOf(yield* store.exchange([read]))
          yield* Effect.yieldNow()
          const [now] = entriesOf(yield* store.exchange([read]))
          return seen!.revision === request.expected
            ? yield* store.compareAndSet({ ...request, expected: now!.revision })
            : now!
        })
    }),
    /of 50 concurrent writers/
  ],
  [
    "takes two circuits for one",
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
    "keeps entries for ever",
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
    "announces no failures",
    (store) => mapRequests(store, (it) => ({ ...it, announce: false })),
    /receives Listening first/
  ],
  [
    "announces unasked",
    (store) => mapRequests(store, (it) => ({ ...it, announce: true })),
    /receives nothing/
  ],
  [
    "publishes the changes of other breakers",
    (store) => ({
      changes: (breaker) => Stream.merge(store.changes(breaker), Stream.drop(store.changes(`${breaker}:`), 1))
    }),
    /of its own breaker only/
  ]
]

describe("CircuitStore laws catch a store that", { concurrent: true }, () => {
  for (const [name, fault, expected] of faults) {
    liveTest(`CircuitStore law catches a store that ${name}`, function* () {
      const store = yield* CircuitStore.makeMemory()
      const wrong = Effect.succeed({ ...store, ...fault(store) })
      const law = testing.storeLaws.find((it) => expected.test(it.name))
      assert.isDefined(law)
      const broken = yield* Effect.flip(law.check(wrong))
      assert.strictEqual(broken.law, law.name)
      assert.include(broken.message, `${law.name}: `)
    })
  }
})
