import * as Effect from "effect/Effect"
import type { CircuitId, Entry } from "../../CircuitStore.ts"
import {
  callsIn,
  contentsOf,
  empty,
  exchange,
  exchangeAll,
  expectSame,
  expectThat,
  read,
  reading,
  replace,
  shortMillis,
  stateOf,
  windowOf,
  windowWith
} from "./expectations.ts"
import { laws } from "./law.ts"
import { texts } from "./texts.ts"

/** @internal */
export const storage = laws("storage", {
  "a read changes nothing": (connect, breaker) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const circuit = { breaker, key: "read" }
      yield* exchange(one, {
        circuit,
        node: "one",
        window: windowWith(1, { failing: true, listed: 3 }),
        renew: true
      })
      yield* replace(one, circuit, { expected: "", revision: "a" })
      const before = yield* read(one, circuit)
      yield* Effect.sleep("5 millis")
      for (const [store, node] of [
        [one, "one"],
        [other, "other"]
      ] as const) {
        for (const window of [undefined, windowOf(), windowOf("rules", 2), windowOf("others")]) {
          yield* exchange(store, { circuit, node, window })
        }
      }
      yield* expectSame("the entry after reads", contentsOf(yield* read(other, circuit)), contentsOf(before))
    }),

  "a read by another client leaves an entry unchanged, however short its time to live": (connect, breaker) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const circuit = { breaker, key: "read by others" }
      for (const node of ["one", "two"]) {
        const window = windowWith(1, { failing: true, listed: 3 })
        yield* exchange(one, { circuit, node, window, renew: true })
      }
      yield* replace(one, circuit, { expected: "", revision: "a" })
      const before = yield* read(one, circuit)
      const known = yield* exchange(one, { circuit, node: "two", window: windowOf() })
      // The contents of the entry are now older than the time to live in the reads.
      yield* Effect.sleep("20 millis")
      for (const node of ["one", "two", "a reader"]) {
        for (const announce of [false, true]) {
          const request = { circuit, node, announce, keepMillis: 1 }
          const seen = yield* exchange(other, { ...request, window: windowOf() })
          yield* expectThat(seen.now >= before.now, `the time of a read is ${seen.now}, after ${before.now}`)
          yield* exchange(other, request)
        }
      }
      const after = yield* read(one, circuit)
      yield* expectSame("the entry after another client has read it", contentsOf(after), contentsOf(before))
      const still = yield* exchange(one, { circuit, node: "two", window: windowOf() })
      yield* expectSame("the window for a node that reported", still.window, known.window)
    }),

  "an exchange returns entries in the order of its requests": (connect, breaker) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const numbers = Array.from({ length: 200 }, (_, i) => (i * 7919) % 200)
      const requests = numbers.map((i) => ({
        ...reading,
        circuit: { breaker, key: `${i}` },
        window: windowOf()
      }))
      const reports = requests.map((it, k) => ({ ...it, window: windowWith(numbers[k]! + 1) }))
      const expected = numbers.map((i) => i + 1)
      yield* expectSame(
        "the entries for a node that reports",
        (yield* exchangeAll(one, reports)).map(callsIn),
        expected
      )
      yield* expectSame(
        "the entries for one that reads",
        (yield* exchangeAll(other, requests)).map(callsIn),
        expected
      )
    }),

  "names of breakers, windows and nodes, keys, revisions and states may be any text": (connect, breaker) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      for (const text of texts) {
        const circuit = { breaker: `${breaker}${text}`, key: text }
        const revision = `revision ${text}`
        const window = windowWith(1, { name: text, failing: true, listed: 1 })
        yield* exchange(one, { circuit, node: text, window, renew: true })
        yield* replace(one, circuit, { expected: "", revision, state: `state ${text}` })
        const entry = yield* exchange(other, { circuit, node: text, window: windowOf(text) })
        const name = JSON.stringify(text.slice(0, 20))
        yield* expectSame(`the state of ${name}`, stateOf(entry), { revision, state: `state ${text}` })
        yield* expectSame(`the window of ${name}`, [callsIn(entry), entry.window?.latestReport], [1, 1])
        const nodes = [entry.window?.failing, entry.leases.map(({ node }) => node)]
        yield* expectSame(`the nodes of ${name}`, nodes, [[text], [text]])
        const known = yield* exchange(other, { circuit, revision })
        yield* expectSame(`the state of ${name} for a node that knows it`, known.state, undefined)
      }
    }),

  "circuits that differ in breaker or key are separate": (connect, breaker) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const circuits = alike.map(([end, key]): CircuitId => ({ breaker: `${breaker}${end}`, key }))
      for (const [i, circuit] of circuits.entries()) {
        yield* exchange(one, { circuit, node: `${i}`, window: windowWith(i + 1), renew: true })
        yield* replace(one, circuit, { expected: "", revision: `${i}` })
      }
      for (const [i, circuit] of circuits.entries()) {
        const entry = yield* read(other, circuit)
        const what = JSON.stringify([circuit.breaker.slice(breaker.length), circuit.key])
        yield* expectSame(`the state of ${what}`, entry.revision, `${i}`)
        yield* expectSame(`the calls of ${what}`, callsIn(entry), i + 1)
        yield* expectSame(
          `the leases of ${what}`,
          entry.leases.map(({ node }) => node),
          [`${i}`]
        )
      }
    }),

  "a circuit expires when it is not written for its time to live, even if it is read": (connect, breaker) =>
    Effect.gen(function* () {
      const store = yield* connect
      const keepMillis = shortMillis
      const writes = {
        state: (circuit: CircuitId) => replace(store, circuit, { expected: "", revision: "a", keepMillis }),
        window: (circuit: CircuitId) => exchange(store, { circuit, window: windowWith(1), keepMillis }),
        lease: (circuit: CircuitId) => exchange(store, { circuit, renew: true, keepMillis })
      }
      for (const [key, write] of Object.entries(writes)) {
        const circuit = { breaker, key }
        const { now: writtenAt } = yield* write(circuit)
        // On a busy machine, the whole time to live may pass between a write and a read.
        const { now, ...first } = yield* read(store, circuit)
        if (now < writtenAt + keepMillis) {
          yield* expectThat(!isEmpty(first), `the ${key} is not there before it expires`)
        }
      }
      yield* Effect.sleep(`${3 * shortMillis} millis`)
      for (const key of Object.keys(writes)) {
        const after = contentsOf(yield* read(store, { breaker, key }))
        yield* expectThat(isEmpty(after), `the ${key} has not expired: ${JSON.stringify(after)}`)
      }
      const again = yield* replace(store, { breaker, key: "state" }, { expected: "", revision: "b" })
      yield* expectSame("the revision of an expired circuit that is written again", again.revision, "b")
    }),

  "a shorter time to live never shortens a longer one": (connect, breaker) =>
    Effect.gen(function* () {
      const store = yield* connect
      const circuit = { breaker, key: "time to live" }
      yield* replace(store, circuit, { expected: "", revision: "a" })
      yield* exchange(store, { circuit, node: "one", window: windowWith(1) })
      yield* exchange(store, { circuit, node: "two", window: windowWith(1), keepMillis: shortMillis })
      yield* exchange(store, { circuit, node: "two", renew: true, keepMillis: shortMillis })
      yield* Effect.sleep(`${3 * shortMillis} millis`)
      const entry = yield* read(store, circuit)
      yield* expectSame("the revision and the calls", [entry.revision, callsIn(entry)], ["a", 2])
    }),

  "a report and a lease lengthen the life of a circuit": (connect, breaker) =>
    Effect.gen(function* () {
      const store = yield* connect
      const requests = {
        report: { window: windowWith(1) },
        lease: { renew: true }
      }
      for (const [key, request] of Object.entries(requests)) {
        const circuit = { breaker, key }
        const write = { expected: "", revision: "a", keepMillis: shortMillis }
        const { now: writtenAt } = yield* replace(store, circuit, write)
        const { now } = yield* exchange(store, { circuit, ...request })
        yield* Effect.sleep(`${3 * shortMillis} millis`)
        // On a busy machine, the circuit may have expired before its life was lengthened.
        if (now >= writtenAt + shortMillis) continue
        yield* expectSame(`the revision after a ${key}`, (yield* read(store, circuit)).revision, "a")
      }
    })
})

/** Whether an entry is that of a circuit that is not in the store. */
const isEmpty = ({ leases, revision, state, window }: Omit<Entry, "now">): boolean =>
  JSON.stringify({ revision, state, window, leases }) === JSON.stringify(empty)

/** Pairs of the end of a breaker's name and a key that a store could confuse with each other. */
const alike: ReadonlyArray<readonly [end: string, key: string]> = [
  ["", "a:b"],
  [":a", "b"],
  [":a:b", ""],
  ["", ":a:b"],
  ["}", "{a"],
  ["}{", "a"],
  ["/a", "b"],
  ["", "/a/b"],
  ["", "A"],
  ["", "a"],
  ["", "a "],
  ["", " a"],
  ["", "1"],
  ["", "01"],
  ["", "é"],
  ["", "e\u0301"],
  ["", "\ud800"],
  ["", "\ud801"],
  ["", "\ufffd"],
  ["\udc00", "a"],
  ["\udc01", "a"]
]
