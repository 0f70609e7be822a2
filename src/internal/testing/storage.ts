import * as Effect from "effect/Effect"
import type { CircuitId } from "../../CircuitStore.ts"
import {
  contributionsOf,
  exchange,
  exchangeAll,
  expectSame,
  expectThat,
  keepMillis,
  read,
  replace,
  stateOf
} from "./expectations.ts"
import { laws } from "./law.ts"
import { texts } from "./texts.ts"

/** @internal */
export const storage = laws("storage", {
  "a contribution is returned to its own node and to others, with the store's time": (connect, breaker) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const circuit = { breaker, key: "contribution" }
      const own = yield* exchange(one, { circuit, node: "one", contribution: "1 2 3" })
      const seen = yield* read(other, circuit)
      for (const entry of [own, seen]) {
        yield* expectSame("the contributions", contributionsOf(entry), [["one", "1 2 3"]])
        const { at } = entry.contributions[0]!
        yield* expectSame("the time of the contribution", at, own.now)
      }
    }),

  "a contribution replaces an earlier one of the same node only": (connect, breaker) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const circuit = { breaker, key: "contribution" }
      yield* exchange(one, { circuit, node: "one", contribution: "first" })
      yield* exchange(other, { circuit, node: "other", contribution: "other" })
      yield* exchange(one, { circuit, node: "one", contribution: "second" })
      yield* expectSame("the contributions", contributionsOf(yield* read(other, circuit)), [
        ["one", "second"],
        ["other", "other"]
      ])
    }),

  "a contribution outlives the connection that sent it": (connect, breaker) =>
    Effect.gen(function* () {
      const other = yield* connect
      const circuit = { breaker, key: "contribution" }
      yield* Effect.scoped(
        Effect.flatMap(connect, (store) => exchange(store, { circuit, node: "gone", contribution: "1" }))
      )
      yield* expectSame("the contributions", contributionsOf(yield* read(other, circuit)), [["gone", "1"]])
    }),

  "a read changes nothing": (connect, breaker) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const circuit = { breaker, key: "read" }
      yield* exchange(one, { circuit, node: "one", contribution: "1" })
      yield* replace(one, circuit, { expected: "", revision: "a" })
      const before = yield* read(one, circuit)
      yield* Effect.sleep("5 millis")
      for (const [store, node] of [
        [one, "one"],
        [other, "other"]
      ] as const) {
        yield* exchange(store, { circuit, node, contribution: undefined })
      }
      const { now: _, ...after } = yield* read(other, circuit)
      const { now: __, ...expected } = before
      yield* expectSame("the entry after two reads", after, expected)
    }),

  "a read by another client leaves an entry unchanged, however short its time to live": (connect, breaker) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const circuit = { breaker, key: "read by others" }
      yield* exchange(one, { circuit, node: "one", contribution: "1" })
      yield* exchange(one, { circuit, node: "two", contribution: "2" })
      yield* replace(one, circuit, { expected: "", revision: "a" })
      const { now: readAt, ...before } = yield* read(one, circuit)
      // The contributions are now older than the time to live that the reads ask for.
      yield* Effect.sleep("20 millis")
      for (const node of ["one", "two", "a reader"]) {
        for (const announce of [false, true]) {
          const seen = yield* exchange(other, { circuit, node, announce, keepMillis: 1 })
          yield* expectThat(seen.now >= readAt, `the time of a read is ${seen.now}, after ${readAt}`)
        }
      }
      const { now: _, ...after } = yield* read(one, circuit)
      yield* expectSame("the entry after another client has read it", after, before)
    }),

  "a contribution leaves the state unchanged, and a new state leaves the contributions unchanged": (
    connect,
    breaker
  ) =>
    Effect.gen(function* () {
      const store = yield* connect
      const circuit = { breaker, key: "both" }
      yield* exchange(store, { circuit, node: "one", contribution: "1" })
      yield* replace(store, circuit, { expected: "", revision: "a" })
      const contributed = yield* exchange(store, { circuit, node: "other", contribution: "2" })
      yield* expectSame("the state", stateOf(contributed), { revision: "a", state: "state of a" })
      const replaced = yield* replace(store, circuit, { expected: "a", revision: "b" })
      yield* expectSame("the contributions", contributionsOf(replaced), [
        ["one", "1"],
        ["other", "2"]
      ])
    }),

  "compareAndSet replaces the state that has the expected revision, and returns the new entry": (
    connect,
    breaker
  ) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const circuit = { breaker, key: "state" }
      const first = yield* replace(one, circuit, { expected: "", revision: "a" })
      yield* expectSame("the entry after the first write", stateOf(first), {
        revision: "a",
        state: "state of a"
      })
      const second = yield* replace(other, circuit, { expected: "a", revision: "b" })
      yield* expectSame("the entry after the second write", stateOf(second), {
        revision: "b",
        state: "state of b"
      })
      yield* expectSame("the state that is read", stateOf(yield* read(one, circuit)), {
        revision: "b",
        state: "state of b"
      })
    }),

  "compareAndSet leaves a state that has another revision unchanged, and returns it": (connect, breaker) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const circuit = { breaker, key: "state" }
      const current = { revision: "b", state: "state of b" }
      const early = yield* replace(one, circuit, { expected: "never", revision: "x" })
      yield* expectSame("the entry of a circuit without a state", stateOf(early), { revision: "", state: "" })
      yield* replace(one, circuit, { expected: "", revision: "a" })
      yield* replace(one, circuit, { expected: "a", revision: "b" })
      for (const stale of ["", "a", "never"]) {
        const entry = yield* replace(other, circuit, { expected: stale, revision: `after ${stale}` })
        yield* expectSame(`the entry after a write that expects "${stale}"`, stateOf(entry), current)
      }
      yield* expectSame("the state that is read", stateOf(yield* read(one, circuit)), current)
    }),

  "one of 50 concurrent writers wins, and the others receive its state": (connect, breaker) =>
    Effect.gen(function* () {
      const clients = yield* Effect.replicateEffect(connect, 5)
      const circuit = { breaker, key: "race" }
      const entries = yield* Effect.forEach(
        Array.from({ length: 50 }, (_, i) => i),
        (i) => replace(clients[i % clients.length]!, circuit, { expected: "", revision: `writer ${i}` }),
        { concurrency: "unbounded" }
      )
      const winner = yield* read(clients[0]!, circuit)
      for (const entry of entries) {
        yield* expectSame("the entry that a writer receives", stateOf(entry), stateOf(winner))
      }
      yield* expectThat(
        /^writer \d+$/.test(winner.revision),
        `no writer won: the revision is "${winner.revision}"`
      )
    }),

  "writers that retry until they win lose no update": (connect, breaker) =>
    Effect.gen(function* () {
      const clients = yield* Effect.replicateEffect(connect, 5)
      const circuit = { breaker, key: "count" }
      yield* Effect.forEach(
        clients,
        (store, i) =>
          Effect.gen(function* () {
            for (let n = 0; n < 10; n++) {
              let seen = yield* read(store, circuit)
              for (let attempt = 0; ; attempt++) {
                const revision = `${i}-${n}-${attempt}`
                seen = yield* replace(store, circuit, {
                  expected: seen.revision,
                  revision,
                  state: `${Number(seen.state) + 1}`
                })
                if (seen.revision === revision) break
              }
            }
          }),
        { concurrency: "unbounded" }
      )
      yield* expectSame("the count after 50 increments", (yield* read(clients[0]!, circuit)).state, "50")
    }),

  "an exchange returns entries in the order of its requests": (connect, breaker) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const requests = Array.from({ length: 200 }, (_, i) => ({
        circuit: { breaker, key: `${(i * 7919) % 200}` },
        node: "one",
        contribution: `${(i * 7919) % 200}`,
        announce: false,
        keepMillis
      }))
      const own = yield* exchangeAll(one, requests)
      const reads = requests.map((it) => ({ ...it, contribution: undefined }))
      const seen = yield* exchangeAll(other, reads)
      const expected = requests.map(({ contribution }) => [["one", contribution] as const])
      yield* expectSame("the entries for the contributing node", own.map(contributionsOf), expected)
      yield* expectSame("the entries for a reading node", seen.map(contributionsOf), expected)
    }),

  "names of breakers and nodes, keys, contributions and states may be any text": (connect, breaker) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      for (const text of texts) {
        const circuit = { breaker: `${breaker}${text}`, key: text }
        const revision = `revision ${text}`
        yield* exchange(one, { circuit, node: text, contribution: `1${text}` })
        yield* replace(one, circuit, { expected: "", revision, state: `state ${text}` })
        const entry = yield* read(other, circuit)
        const name = JSON.stringify(text.slice(0, 20))
        yield* expectSame(`the state of ${name}`, stateOf(entry), { revision, state: `state ${text}` })
        yield* expectSame(`the contributions of ${name}`, contributionsOf(entry), [[text, `1${text}`]])
      }
    }),

  "circuits that differ in breaker or key are separate": (connect, breaker) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const circuits: ReadonlyArray<CircuitId> = [
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
      ].map(([end, key]) => ({ breaker: `${breaker}${end}`, key: key! }))
      for (const [i, circuit] of circuits.entries()) {
        yield* exchange(one, { circuit, node: "one", contribution: `${i}` })
        yield* replace(one, circuit, { expected: "", revision: `${i}` })
      }
      for (const [i, circuit] of circuits.entries()) {
        const entry = yield* read(other, circuit)
        const what = JSON.stringify([circuit.breaker.slice(breaker.length), circuit.key])
        yield* expectSame(`the state of ${what}`, entry.revision, `${i}`)
        yield* expectSame(`the contributions to ${what}`, contributionsOf(entry), [["one", `${i}`]])
      }
    }),

  "a circuit expires when it is not written for its time to live, even if it is read": (connect, breaker) =>
    Effect.gen(function* () {
      const store = yield* connect
      const circuits = ["state", "contribution"].map((key) => ({ breaker, key }))
      const [withState, withContribution] = circuits as [CircuitId, CircuitId]
      const { now: writtenAt } = yield* store.compareAndSet({
        circuit: withState,
        expected: "",
        revision: "a",
        state: "a",
        keepMillis: shortMillis
      })
      const { now: contributedAt } = yield* exchange(store, {
        circuit: withContribution,
        node: "one",
        contribution: "1",
        keepMillis: shortMillis
      })
      // On a busy machine, the whole time to live may pass between a write and a read.
      const first = yield* read(store, withState)
      if (first.now < writtenAt + shortMillis)
        yield* expectSame("the revision before it expires", first.revision, "a")
      const second = yield* read(store, withContribution)
      if (second.now < contributedAt + shortMillis) {
        yield* expectSame("the number of contributions before they expire", second.contributions.length, 1)
      }
      yield* Effect.sleep(`${3 * shortMillis} millis`)
      for (const circuit of circuits) {
        const { contributions, revision, state } = yield* read(store, circuit)
        yield* expectSame("an expired circuit", { contributions, revision, state }, empty)
      }
      const again = yield* replace(store, withState, { expected: "", revision: "b" })
      yield* expectSame("the revision of an expired circuit that is written again", again.revision, "b")
    }),

  "a shorter time to live never shortens a longer one": (connect, breaker) =>
    Effect.gen(function* () {
      const store = yield* connect
      const circuit = { breaker, key: "time to live" }
      yield* replace(store, circuit, { expected: "", revision: "a" })
      yield* exchange(store, { circuit, node: "one", contribution: "1", keepMillis: shortMillis })
      yield* Effect.sleep(`${3 * shortMillis} millis`)
      yield* expectSame("the revision", (yield* read(store, circuit)).revision, "a")
    }),

  "the contribution of a silent node expires although another node keeps the circuit alive": (
    connect,
    breaker
  ) =>
    Effect.gen(function* () {
      const store = yield* connect
      const circuit = { breaker, key: "bounded" }
      const contribute = (node: string) =>
        exchange(store, { circuit, node, contribution: "1", keepMillis: shortMillis })
      yield* contribute("silent")
      for (let i = 0; i < 6; i++) {
        yield* Effect.sleep(`${shortMillis / 2} millis`)
        yield* contribute("active")
      }
      yield* expectSame("the contributions", contributionsOf(yield* contribute("active")), [["active", "1"]])
    })
})

const shortMillis = 100

const empty = { contributions: [], revision: "", state: "" }
