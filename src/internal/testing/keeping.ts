import * as Effect from "effect/Effect"
import type { CircuitId } from "../../CircuitStore.ts"
import {
  contributionsOf,
  exchange,
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
export const keeping = laws("keeping", {
  "a contribution is in the answer to whoever made it, and to the others, with the store's time": (
    connect,
    breaker
  ) =>
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

  "a contribution replaces the node's own, and no other's": (connect, breaker) =>
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

  "a contribution outlives the connection over which it came": (connect, breaker) =>
    Effect.gen(function* () {
      const other = yield* connect
      const circuit = { breaker, key: "contribution" }
      yield* Effect.scoped(
        Effect.flatMap(connect, (store) => exchange(store, { circuit, node: "gone", contribution: "1" }))
      )
      yield* expectSame("the contributions", contributionsOf(yield* read(other, circuit)), [["gone", "1"]])
    }),

  "a read writes nothing": (connect, breaker) =>
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
      yield* expectSame("a circuit after it was read", after, expected)
    }),

  "a contribution leaves the state as it is, and a state the contributions": (connect, breaker) =>
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

  "compareAndSet replaces what has the revision that is expected, and answers how the circuit stands then": (
    connect,
    breaker
  ) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const circuit = { breaker, key: "state" }
      const first = yield* replace(one, circuit, { expected: "", revision: "a" })
      yield* expectSame("the answer to the first write", stateOf(first), {
        revision: "a",
        state: "state of a"
      })
      const second = yield* replace(other, circuit, { expected: "a", revision: "b" })
      yield* expectSame("the answer to the second", stateOf(second), { revision: "b", state: "state of b" })
      yield* expectSame("what is read", stateOf(yield* read(one, circuit)), {
        revision: "b",
        state: "state of b"
      })
    }),

  "compareAndSet leaves what has another revision, and answers it": (connect, breaker) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const circuit = { breaker, key: "state" }
      const current = { revision: "b", state: "state of b" }
      const early = yield* replace(one, circuit, { expected: "never", revision: "x" })
      yield* expectSame("the answer where there was none", stateOf(early), { revision: "", state: "" })
      yield* replace(one, circuit, { expected: "", revision: "a" })
      yield* replace(one, circuit, { expected: "a", revision: "b" })
      for (const stale of ["", "a", "never"]) {
        const answer = yield* replace(other, circuit, { expected: stale, revision: `after ${stale}` })
        yield* expectSame(`the answer to a write that expects "${stale}"`, stateOf(answer), current)
      }
      yield* expectSame("what is read", stateOf(yield* read(one, circuit)), current)
    }),

  "of 50 writers at once one wins, and the others are answered what it wrote": (connect, breaker) =>
    Effect.gen(function* () {
      const clients = yield* Effect.replicateEffect(connect, 5)
      const circuit = { breaker, key: "race" }
      const answers = yield* Effect.forEach(
        Array.from({ length: 50 }, (_, i) => i),
        (i) => replace(clients[i % clients.length]!, circuit, { expected: "", revision: `writer ${i}` }),
        { concurrency: "unbounded" }
      )
      const winner = yield* read(clients[0]!, circuit)
      for (const answer of answers)
        yield* expectSame("the answer to a writer", stateOf(answer), stateOf(winner))
      yield* expectThat(/^writer \d+$/.test(winner.revision), `nobody won: ${winner.revision}`)
    }),

  "writers that try again until they win lose nothing": (connect, breaker) =>
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
      yield* expectSame("50 times one more", (yield* read(clients[0]!, circuit)).state, "50")
    }),

  "many circuits in one exchange are answered in their order": (connect, breaker) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const requests = Array.from({ length: 200 }, (_, i) => ({
        circuit: { breaker, key: `${(i * 7919) % 200}` },
        node: "one",
        contribution: `${(i * 7919) % 200}`,
        announce: false,
        keepMillis
      }))
      const own = yield* one.exchange(requests)
      const seen = yield* other.exchange(requests.map((it) => ({ ...it, contribution: undefined })))
      const expected = requests.map(({ contribution }) => [["one", contribution] as const])
      yield* expectSame("the answers to who contributes", own.map(contributionsOf), expected)
      yield* expectSame("the answers to who reads", seen.map(contributionsOf), expected)
    }),

  "breakers, keys, nodes and what they tell may be any text": (connect, breaker) =>
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

  "circuits of different breakers or keys never meet": (connect, breaker) =>
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
        ["", "e\u0301"]
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

  "a circuit is forgotten when it has not been written for as long as it was to be kept, reads or not": (
    connect,
    breaker
  ) =>
    Effect.gen(function* () {
      const store = yield* connect
      const circuits = ["state", "contribution"].map((key) => ({ breaker, key }))
      const [stated, contributed] = circuits as [CircuitId, CircuitId]
      const { now: writtenAt } = yield* store.compareAndSet({
        circuit: stated,
        expected: "",
        revision: "a",
        state: "a",
        keepMillis: shortMillis
      })
      const { now: contributedAt } = yield* exchange(store, {
        circuit: contributed,
        node: "one",
        contribution: "1",
        keepMillis: shortMillis
      })
      // Between a write and a read, a busy machine may let the whole time pass.
      const first = yield* read(store, stated)
      if (first.now < writtenAt + shortMillis) yield* expectSame("what is kept still", first.revision, "a")
      const second = yield* read(store, contributed)
      if (second.now < contributedAt + shortMillis) {
        yield* expectSame("how many contributions still", second.contributions.length, 1)
      }
      yield* Effect.sleep(`${3 * shortMillis} millis`)
      for (const circuit of circuits) {
        const { contributions, revision, state } = yield* read(store, circuit)
        yield* expectSame("what was to be kept no longer", { contributions, revision, state }, empty)
      }
      const again = yield* replace(store, stated, { expected: "", revision: "b" })
      yield* expectSame("what is written anew", again.revision, "b")
    }),

  "what is to be kept longer is not cut short by what is to be kept less": (connect, breaker) =>
    Effect.gen(function* () {
      const store = yield* connect
      const circuit = { breaker, key: "kept" }
      yield* replace(store, circuit, { expected: "", revision: "a" })
      yield* exchange(store, { circuit, node: "one", contribution: "1", keepMillis: shortMillis })
      yield* Effect.sleep(`${3 * shortMillis} millis`)
      yield* expectSame("what is to be kept", (yield* read(store, circuit)).revision, "a")
    }),

  "a node that is not heard of is forgotten, although others keep the circuit": (connect, breaker) =>
    Effect.gen(function* () {
      const store = yield* connect
      const circuit = { breaker, key: "bounded" }
      const contribute = (node: string) =>
        exchange(store, { circuit, node, contribution: "1", keepMillis: shortMillis })
      yield* contribute("gone")
      for (let i = 0; i < 6; i++) {
        yield* Effect.sleep(`${shortMillis / 2} millis`)
        yield* contribute("still here")
      }
      yield* expectSame("the contributions", contributionsOf(yield* contribute("still here")), [
        ["still here", "1"]
      ])
    })
})

const shortMillis = 100

const empty = { contributions: [], revision: "", state: "" }
