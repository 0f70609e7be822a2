/** The ways to break a store in memory: its requests, its answers, its windows or its changes are replaced. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { CircuitStore } from "effect-circuit-breaker"
import { entriesOf, request } from "../kit/entries.ts"

export type Store = CircuitStore.Store
/** `connections` counts those that a check has closed. */
export type Fault = (store: Store, connections: { readonly closed: number }) => Partial<Store>

export const mapEntries = (
  store: Store,
  f: (entry: CircuitStore.Entry) => CircuitStore.Entry
): Partial<Store> => ({
  exchange: (requests) => Effect.map(store.exchange(requests), (answers) => entriesOf(answers).map(f))
})

export const mapRequests = (
  store: Store,
  f: (request: CircuitStore.ExchangeRequest) => CircuitStore.ExchangeRequest
): Partial<Store> => ({ exchange: (requests) => store.exchange(requests.map(f)) })

/** Reports that are replaced by others before the store has them. */
export const mapReports = (
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

export const mapWindows = (
  store: Store,
  f: (window: CircuitStore.WindowEntry) => CircuitStore.WindowEntry
): Partial<Store> => mapEntries(store, (it) => ({ ...it, window: it.window && f(it.window) }))

/** All circuits and requests of a store, changed by a function of both. */
export const mapAll = (
  store: Store,
  f: <A extends CircuitStore.ExchangeRequest | CircuitStore.CompareAndSet>(request: A) => A
): Partial<Store> => ({
  exchange: (requests) => store.exchange(requests.map(f)),
  compareAndSet: (request) => store.compareAndSet(f(request))
})

/** A read request by the node that writes. */
export const readFor = ({ circuit, keepMillis, node }: CircuitStore.CompareAndSet) => ({
  ...request,
  circuit,
  node,
  keepMillis
})

/** Numbers a node's reports to each window from 1, so that every report is the next one. */
export const alwaysNext = () => {
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

/** Compares and sets in two steps, between which another writer may write. */
export const inTwoSteps: Fault = (store) => ({
  compareAndSet: (request) =>
    Effect.gen(function* () {
      const [seen] = entriesOf(yield* store.exchange([readFor(request)]))
      yield* Effect.yieldNow()
      const [now] = entriesOf(yield* store.exchange([readFor(request)]))
      return seen!.revision === request.expected
        ? yield* store.compareAndSet({ ...request, expected: now!.revision })
        : now!
    })
})

/** A text as it is after UTF-8, which has no lone surrogates. */
export const wellFormed = (text: string): string => Buffer.from(text).toString()

export const mapChanges = (
  store: Store,
  f: (change: CircuitStore.Change) => CircuitStore.Change | undefined
): Partial<Store> => ({
  changes: (breaker) => Stream.filterMap(store.changes(breaker), (change) => Option.fromNullable(f(change)))
})
