/** Stores that break one law each, and the names of these laws. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { entriesOf, reportOf, request } from "../kit/entries.ts"
import type { Fault } from "./brokenStores.ts"
import * as Broken from "./brokenStores.ts"

export const faults: ReadonlyArray<readonly [name: string, fault: Fault, law: RegExp]> = [
  [
    "makes up a state of an unknown circuit",
    (store) =>
      Broken.mapEntries(store, (entry) => ({ ...entry, state: entry.state === "" ? "{}" : entry.state })),
    /an unknown circuit has an empty entry/
  ],
  [
    "answers without a request",
    (store) => ({
      exchange: (requests) =>
        store.exchange(
          requests.length > 0 ? requests : [{ ...request, circuit: { breaker: "any", key: "any" } }]
        )
    }),
    /no requests returns no entries/
  ],
  [
    "answers a hundred requests at most",
    (store) => ({ exchange: (requests) => store.exchange(requests.slice(0, 100)) }),
    /one entry for each request/
  ],
  [
    "has a clock that reads seconds",
    (store) => Broken.mapEntries(store, (entry) => ({ ...entry, now: entry.now / 1_000 })),
    /reads epoch milliseconds/
  ],
  [
    "lets a read shorten the life of what it reads",
    (store) => {
      const shortened = new Set<string>()
      return {
        exchange: (requests) =>
          Effect.map(store.exchange(requests), (answers) =>
            entriesOf(answers).map((entry, i) => {
              const { circuit, keepMillis } = requests[i]!
              if (keepMillis < 100) shortened.add(JSON.stringify(circuit))
              return shortened.has(JSON.stringify(circuit)) ? { ...entry, leases: [] } : entry
            })
          )
      }
    },
    /a read by another client leaves an entry unchanged/
  ],
  [
    "keeps states as UTF-8",
    (store) => ({
      compareAndSet: (it) => store.compareAndSet({ ...it, state: Broken.wellFormed(it.state) })
    }),
    /keys, revisions and states may be any text/
  ],
  [
    "forgets the windows of those that are gone",
    (store, connections) =>
      Broken.mapWindows(store, (window) => (connections.closed > 0 ? { ...window, sections: [] } : window)),
    /a window outlives the connections/
  ],
  [
    "publishes the changes of one circuit only",
    (store) => Broken.mapChanges(store, (it) => ("key" in it && it.key !== "a" ? undefined : it)),
    /the changes of every circuit of its breaker/
  ],
  [
    "publishes the first change of a circuit only",
    (store) => {
      const first = new Map<string, string>()
      return {
        ...Broken.mapChanges(store, (it) =>
          it._tag === "Changed" && first.get(it.key) !== it.revision ? undefined : it
        ),
        compareAndSet: (it) => {
          if (!first.has(it.circuit.key)) first.set(it.circuit.key, it.revision)
          return store.compareAndSet(it)
        }
      }
    },
    /the changes made after it has subscribed/
  ],
  [
    "publishes changes without its time",
    (store) => Broken.mapChanges(store, (it) => (it._tag === "Changed" ? { ...it, now: 0 } : it)),
    /a change carries the store's time/
  ],
  [
    "publishes changes as UTF-8",
    (store) =>
      Broken.mapChanges(store, (it) => ("key" in it ? { ...it, key: Broken.wellFormed(it.key) } : it)),
    /states in a change may be any text/
  ],
  [
    "answers in the wrong order",
    (store) => ({
      exchange: (requests) => Effect.map(store.exchange(requests), (entries) => entries.toReversed())
    }),
    /in the order of its requests/
  ],
  [
    "answers with no time of its own",
    (store) => Broken.mapEntries(store, (entry) => ({ ...entry, now: 1_800_000_000_000 })),
    /never runs backwards/
  ],
  [
    "renews a lease when it is read",
    (store) => Broken.mapRequests(store, (it) => ({ ...it, renew: it.renew || it.node !== "reader" })),
    /a read changes nothing/
  ],
  [
    "makes a window when it is read",
    (store) =>
      Broken.mapRequests(store, (it) => ({
        ...it,
        window: it.window && { ...it.window, report: it.window.report ?? reportOf(0).report }
      })),
    /a read changes nothing/
  ],
  ["forgets reports", (store) => Broken.mapReports(store, () => undefined), /a report is added to a window/],
  [
    "forgets the floor of a section",
    (store) =>
      Broken.mapReports(store, ({ sections }) => ({ sections: sections.map((it) => ({ ...it, floor: 0 })) })),
    /a report is added to a window/
  ],
  [
    "keeps every row",
    (store) =>
      Broken.mapReports(store, ({ sections }) => ({
        sections: sections.map((it) => ({ ...it, span: Infinity, enough: Infinity }))
      })),
    /add up, each once, as the layout/
  ],
  [
    "joins no rows",
    (store) =>
      Broken.mapReports(store, ({ sections }) => ({
        sections: sections.map((it) => ({ ...it, parts: Infinity }))
      })),
    /add up, each once, as the layout/
  ],
  [
    "adds every report",
    (store) => Broken.mapRequests(store, Broken.alwaysNext()),
    /a report that arrives twice is added once/
  ],
  [
    "adds a report on any base",
    (store) => {
      const latest = new Map<string, number>()
      return Broken.mapRequests(store, (it) => {
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
    (store) => Broken.mapWindows(store, (window) => ({ ...window, latestReport: 0 })),
    /on another base than the latest one is not added/
  ],
  [
    "takes reports to all epochs for one",
    (store) =>
      Broken.mapRequests(store, (it) => ({ ...it, window: it.window && { ...it.window, epoch: 1 } })),
    /a later epoch replaces/
  ],
  [
    "takes every report for one to the latest epoch",
    (store) => {
      let latest = 0
      return Broken.mapRequests(store, (it) => {
        latest = Math.max(latest, it.window?.epoch ?? 0)
        return { ...it, window: it.window && { ...it.window, epoch: latest } }
      })
    },
    /one to an earlier epoch changes nothing/
  ],
  [
    "keeps one window for all rules",
    (store) =>
      Broken.mapRequests(store, (it) => ({ ...it, window: it.window && { ...it.window, name: "" } })),
    /windows of different names/
  ],
  [
    "mixes up the names of windows and nodes",
    (store) =>
      Broken.mapRequests(store, (it) => ({
        ...it,
        node: `${it.window?.name}:${it.node}`.slice(0, 5),
        window: it.window && { ...it.window, name: "" }
      })),
    /windows of different names/
  ],
  [
    "lists the first nodes that see failures",
    (store) => Broken.mapWindows(store, (window) => ({ ...window, failing: window.failing.toReversed() })),
    /the latest nodes that see failures/
  ],
  [
    "lists nodes that see no failures any more",
    (store) => Broken.mapReports(store, () => ({ failing: true })),
    /the latest nodes that see failures/
  ],
  [
    "lists all nodes",
    (store) => Broken.mapReports(store, ({ listed }) => ({ listed: listed && 1_000 })),
    /does not grow with the number of nodes/
  ],
  [
    "lists silent nodes",
    (store) => Broken.mapAll(store, (it) => ({ ...it, keepMillis: 60_000 })),
    /is silent is no longer listed/
  ],
  [
    "forgets the window when the state is replaced",
    (store) => {
      const replaced = new Set<string>()
      return {
        ...Broken.mapRequests(store, (it) =>
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
    (store) => Broken.mapAll(store, (it) => ({ ...it, renew: false })),
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
    (store) => Broken.mapAll(store, (it) => ({ ...it, renew: true })),
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
    (store) => Broken.mapEntries(store, (entry) => ({ ...entry, leases: entry.leases.slice(-1) })),
    /only if it renews one/
  ],
  [
    "keeps leases for ever",
    (store) => Broken.mapAll(store, (it) => ({ ...it, keepMillis: 60_000 })),
    /a lease that is not renewed expires/
  ],
  [
    "always answers with the state",
    (store) => Broken.mapRequests(store, (it) => ({ ...it, revision: "" })),
    /the state is left out/
  ],
  [
    "leaves out a state that the node does not know",
    (store) => Broken.mapEntries(store, (entry) => ({ ...entry, state: undefined })),
    /the state is left out/
  ],
  [
    "writes over another revision",
    (store) => ({
      compareAndSet: (request) =>
        store
          .exchange([Broken.readFor(request)])
          .pipe(
            Effect.flatMap((answers) =>
              store.compareAndSet({ ...request, expected: entriesOf(answers)[0]!.revision })
            )
          )
    }),
    /leaves a state that has another revision/
  ],
  ["compares and sets in two steps", Broken.inTwoSteps, /of 50 concurrent writers/],
  ["loses the update of another writer", Broken.inTwoSteps, /lose no update/],
  [
    "answers a write with the entry before it",
    (store) => ({
      compareAndSet: (request) =>
        Effect.map(store.compareAndSet(request), (entry) => ({ ...entry, revision: request.expected }))
    }),
    /replaces the state that has the expected revision/
  ],
  [
    "takes two circuits for one",
    (store) =>
      Broken.mapAll(store, (it) => ({
        ...it,
        circuit: { breaker: "", key: `${it.circuit.breaker}:${it.circuit.key}` }
      })),
    /are separate/
  ],
  [
    "keeps entries for ever",
    (store) => Broken.mapAll(store, (it) => ({ ...it, keepMillis: 60_000 })),
    /a circuit expires/
  ],
  [
    "keeps a circuit no longer than its first writer asks for",
    (store) => {
      const first = new Map<string, number>()
      return Broken.mapAll(store, (it) => {
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
    (store) => Broken.mapRequests(store, (it) => ({ ...it, announce: false })),
    /receives Listening first/
  ],
  [
    "announces unasked",
    (store) => Broken.mapRequests(store, (it) => ({ ...it, announce: true })),
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
