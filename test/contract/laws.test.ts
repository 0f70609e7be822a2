/** Each of these stores breaks one law, and that law fails on it. */
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { CircuitStore } from "effect-circuit-breaker"
import * as testing from "effect-circuit-breaker/testing"
import { entriesOf, reportOf, request } from "../kit/entries.ts"
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

/** Reports that are replaced by others before the store has them. */
const mapReports = (
  store: Store,
  f: (report: CircuitStore.Report) => Partial<CircuitStore.Report> | undefined
): Partial<Store> =>
  mapRequests(store, (it) => {
    const report = it.window?.report && f(it.window.report)
    return {
      ...it,
      window: it.window && { ...it.window, report: report && { ...it.window.report!, ...report } }
    }
  })

const mapWindows = (
  store: Store,
  f: (window: CircuitStore.WindowEntry) => CircuitStore.WindowEntry
): Partial<Store> => mapEntries(store, (it) => ({ ...it, window: it.window && f(it.window) }))

/** All circuits and requests of a store, changed by a function of both. */
const mapAll = (
  store: Store,
  f: <A extends CircuitStore.ExchangeRequest | CircuitStore.CompareAndSet>(request: A) => A
): Partial<Store> => ({
  exchange: (requests) => store.exchange(requests.map(f)),
  compareAndSet: (request) => store.compareAndSet(f(request))
})

/** A read request by the node that writes. */
const readFor = ({ circuit, keepMillis, node }: CircuitStore.CompareAndSet) => ({
  ...request,
  circuit,
  node,
  keepMillis
})

/** Numbers a node's reports to each window from 1, so that every report is the next one. */
const alwaysNext = () => {
  const latest = new Map<string, number>()
  return (it: CircuitStore.ExchangeRequest): CircuitStore.ExchangeRequest => {
    if (it.window?.report === undefined) return it
    const { epoch, name, report } = it.window
    const id = JSON.stringify([it.circuit, it.node, name, epoch])
    const base = latest.get(id) ?? 0
    latest.set(id, base + 1)
    return { ...it, window: { name, epoch, report: { ...report, base, number: base + 1 } } }
  }
}

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
    "renews a lease when it is read",
    (store) => mapRequests(store, (it) => ({ ...it, renew: it.renew || it.node !== "reader" })),
    /a read changes nothing/
  ],
  [
    "makes a window when it is read",
    (store) =>
      mapRequests(store, (it) => ({
        ...it,
        window: it.window && { ...it.window, report: it.window.report ?? reportOf(0).report }
      })),
    /a read changes nothing/
  ],
  ["forgets reports", (store) => mapReports(store, () => undefined), /a report is added to a window/],
  [
    "forgets the floor of a section",
    (store) =>
      mapReports(store, ({ sections }) => ({ sections: sections.map((it) => ({ ...it, floor: 0 })) })),
    /a report is added to a window/
  ],
  [
    "keeps every row",
    (store) =>
      mapReports(store, ({ sections }) => ({
        sections: sections.map((it) => ({ ...it, span: Infinity, enough: Infinity }))
      })),
    /add up, each once, as the layout/
  ],
  [
    "joins no rows",
    (store) =>
      mapReports(store, ({ sections }) => ({ sections: sections.map((it) => ({ ...it, parts: Infinity })) })),
    /add up, each once, as the layout/
  ],
  [
    "adds every report",
    (store) => mapRequests(store, alwaysNext()),
    /a report that arrives twice is added once/
  ],
  [
    "adds a report on any base",
    (store) => {
      const latest = new Map<string, number>()
      return mapRequests(store, (it) => {
        if (it.window?.report === undefined) return it
        const { report, ...window } = it.window
        const id = JSON.stringify([it.circuit, it.node])
        const base = latest.get(id) ?? 0
        latest.set(id, report.number)
        return { ...it, window: { ...window, report: { ...report, base } } }
      })
    },
    /on another base than the latest one is not added/
  ],
  [
    "does not say which report it has",
    (store) => mapWindows(store, (window) => ({ ...window, latestReport: 0 })),
    /on another base than the latest one is not added/
  ],
  [
    "takes reports to all epochs for one",
    (store) => mapRequests(store, (it) => ({ ...it, window: it.window && { ...it.window, epoch: 1 } })),
    /a later epoch replaces/
  ],
  [
    "takes every report for one to the latest epoch",
    (store) => {
      let latest = 0
      return mapRequests(store, (it) => {
        latest = Math.max(latest, it.window?.epoch ?? 0)
        return { ...it, window: it.window && { ...it.window, epoch: latest } }
      })
    },
    /one to an earlier epoch changes nothing/
  ],
  [
    "keeps one window for all rules",
    (store) => mapRequests(store, (it) => ({ ...it, window: it.window && { ...it.window, name: "" } })),
    /windows of different names/
  ],
  [
    "mixes up the names of windows and nodes",
    (store) =>
      mapRequests(store, (it) => ({
        ...it,
        node: `${it.window?.name}:${it.node}`.slice(0, 5),
        window: it.window && { ...it.window, name: "" }
      })),
    /windows of different names/
  ],
  [
    "lists the first nodes that see failures",
    (store) => mapWindows(store, (window) => ({ ...window, failing: window.failing.toReversed() })),
    /the latest nodes that see failures/
  ],
  [
    "lists nodes that see no failures any more",
    (store) => mapReports(store, () => ({ failing: true })),
    /the latest nodes that see failures/
  ],
  [
    "lists all nodes",
    (store) => mapReports(store, ({ listed }) => ({ listed: listed && 1_000 })),
    /does not grow with the number of nodes/
  ],
  [
    "lists silent nodes",
    (store) => mapAll(store, (it) => ({ ...it, keepMillis: 60_000 })),
    /is silent is no longer listed/
  ],
  [
    "forgets the window when the state is replaced",
    (store) => {
      const replaced = new Set<string>()
      return {
        ...mapRequests(store, (it) =>
          replaced.has(JSON.stringify(it.circuit)) ? { ...it, window: undefined } : it
        ),
        compareAndSet: (it) => {
          replaced.add(JSON.stringify(it.circuit))
          return store.compareAndSet(it)
        }
      }
    },
    /a new state leaves the window/
  ],
  [
    "renews no leases",
    (store) => mapAll(store, (it) => ({ ...it, renew: false })),
    /a lease is renewed by an exchange/
  ],
  [
    "renews no lease when a write is refused",
    (store) => ({
      compareAndSet: (it) => store.compareAndSet({ ...it, renew: it.renew && it.expected === "" })
    }),
    /a lease is renewed by an exchange/
  ],
  [
    "renews the lease of every node",
    (store) => mapAll(store, (it) => ({ ...it, renew: true })),
    /only if it renews one/
  ],
  [
    "ends the lease of a node that reports without renewing it",
    (store) => {
      const ended = new Set<string>()
      return {
        exchange: (requests) =>
          Effect.map(store.exchange(requests), (answers) =>
            entriesOf(answers).map((entry, i) => {
              const { node, renew, window } = requests[i]!
              if (renew) ended.delete(node)
              else if (window?.report !== undefined) ended.add(node)
              return { ...entry, leases: entry.leases.filter((it) => !ended.has(it.node)) }
            })
          )
      }
    },
    /a report leaves it as it is/
  ],
  [
    "keeps one lease only",
    (store) => mapEntries(store, (entry) => ({ ...entry, leases: entry.leases.slice(-1) })),
    /only if it renews one/
  ],
  [
    "keeps leases for ever",
    (store) => mapAll(store, (it) => ({ ...it, keepMillis: 60_000 })),
    /a lease that is not renewed expires/
  ],
  [
    "always answers with the state",
    (store) => mapRequests(store, (it) => ({ ...it, revision: "" })),
    /the state is left out/
  ],
  [
    "leaves out a state that the node does not know",
    (store) => mapEntries(store, (entry) => ({ ...entry, state: undefined })),
    /the state is left out/
  ],
  [
    "writes over another revision",
    (store) => ({
      compareAndSet: (request) =>
        store
          .exchange([readFor(request)])
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
          const [seen] = entriesOf(yield* store.exchange([readFor(request)]))
          yield* Effect.yieldNow()
          const [now] = entriesOf(yield* store.exchange([readFor(request)]))
          return seen!.revision === request.expected
            ? yield* store.compareAndSet({ ...request, expected: now!.revision })
            : now!
        })
    }),
    /of 50 concurrent writers/
  ],
  [
    "takes two circuits for one",
    (store) =>
      mapAll(store, (it) => ({
        ...it,
        circuit: { breaker: "", key: `${it.circuit.breaker}:${it.circuit.key}` }
      })),
    /are separate/
  ],
  [
    "keeps entries for ever",
    (store) => mapAll(store, (it) => ({ ...it, keepMillis: 60_000 })),
    /a circuit expires/
  ],
  [
    "keeps a circuit no longer than its first writer asks for",
    (store) => {
      const first = new Map<string, number>()
      return mapAll(store, (it) => {
        const id = JSON.stringify(it.circuit)
        const keepMillis = first.get(id) ?? it.keepMillis
        first.set(id, keepMillis)
        return { ...it, keepMillis }
      })
    },
    /lengthen the life of a circuit/
  ],
  [
    "keeps a circuit no longer than its latest writer asks for",
    (store) => {
      const until = new Map<string, number>()
      return {
        exchange: (requests) =>
          Effect.map(store.exchange(requests), (answers) =>
            entriesOf(answers).map((entry, i) => {
              const { circuit, keepMillis, renew, window } = requests[i]!
              const id = JSON.stringify(circuit)
              if (renew || window?.report) until.set(id, entry.now + keepMillis)
              return entry.now > (until.get(id) ?? Infinity) ? { ...entry, revision: "" } : entry
            })
          )
      }
    },
    /a shorter time to live/
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
