/** The law about reads catches each of these stores, which write when they are read. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { CircuitStore } from "effect-circuit-breaker"
import * as testing from "effect-circuit-breaker/testing"
import { entriesOf } from "../kit/entries.ts"

type Store = CircuitStore.Store
type Request = CircuitStore.ExchangeRequest

const law = testing.storeLaws.find(({ name }) => name.startsWith("a read by another client leaves"))!

const isRead = ({ renew, window }: Request): boolean => !renew && window?.report === undefined

/** Changes each answer, given its request. */
const answering = (
  store: Store,
  change: (entry: CircuitStore.Entry, request: Request) => CircuitStore.Entry
): Store => ({
  ...store,
  exchange: (requests) =>
    Effect.map(store.exchange(requests), (answers) =>
      entriesOf(answers).map((entry, i) => change(entry, requests[i]!))
    )
})

/** Drops, on every request, the leases that are older than the request's time to live. */
const forgetful = (store: Store): Store => {
  const forgotten = new Set<string>()
  return answering(store, (entry, { circuit, keepMillis }) => {
    const nameOf = ({ at, node }: CircuitStore.Entry["leases"][number]) => JSON.stringify([circuit, node, at])
    for (const lease of entry.leases) if (entry.now - lease.at > keepMillis) forgotten.add(nameOf(lease))
    return { ...entry, leases: entry.leases.filter((it) => !forgotten.has(nameOf(it))) }
  })
}

/** Keeps a circuit only for the time to live of the latest request. */
const shortening = (store: Store): Store => {
  const until = new Map<string, number>()
  return answering(store, (entry, request) => {
    const id = JSON.stringify(request.circuit)
    const hasEnded = entry.now > (until.get(id) ?? Infinity)
    if (isRead(request)) until.set(id, Math.min(until.get(id) ?? Infinity, entry.now))
    else until.set(id, entry.now + request.keepMillis)
    return hasEnded ? { now: entry.now, revision: "", state: "", window: undefined, leases: [] } : entry
  })
}

/** Treats a read as a renewal of the reading node's lease. */
const renewing = (store: Store): Store => ({
  ...store,
  exchange: (requests) => store.exchange(requests.map((it) => ({ ...it, renew: true })))
})

/** Counts the reads of a window among its exchanges. */
const counting = (store: Store): Store => {
  const reads = new Map<string, number>()
  return answering(store, (entry, request) => {
    if (entry.window === undefined) return entry
    const id = JSON.stringify(request.circuit)
    if (isRead(request)) reads.set(id, (reads.get(id) ?? 0) + 1)
    return { ...entry, window: { ...entry.window, exchanges: entry.window.exchanges + (reads.get(id) ?? 0) } }
  })
}

describe("F13 the laws catch a store that, on a read,", { concurrent: true }, () => {
  for (const [name, wrong] of Object.entries({ forgetful, shortening, renewing, counting })) {
    it.live(`F13 is ${name}`, () =>
      Effect.gen(function* () {
        const store = yield* CircuitStore.makeMemory()
        const broken = yield* Effect.flip(law.check(Effect.succeed(wrong(store))))
        assert.strictEqual(broken.law, law.name)
        assert.include(broken.message, "the entry after another client has read it")
      })
    )
  }
})
