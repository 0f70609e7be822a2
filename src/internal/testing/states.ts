import * as Effect from "effect/Effect"
import { exchange, expectSame, expectThat, read, replace, stateOf } from "./expectations.ts"
import { laws } from "./law.ts"

/** @internal */
export const states = laws("storage", {
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

  "the state is left out of an answer to a node that knows it": (connect, breaker) =>
    Effect.gen(function* () {
      const store = yield* connect
      const circuit = { breaker, key: "known" }
      yield* expectSame("a state that there is not", stateOf(yield* exchange(store, { circuit })), {
        revision: "",
        state: ""
      })
      for (const [expected, revision] of [
        ["", "a"],
        ["a", "b"]
      ] as const) {
        const { state } = yield* replace(store, circuit, { expected, revision })
        for (const [known, answered] of [
          [revision, undefined],
          [expected, state],
          ["never", state]
        ] as const) {
          const entry = yield* exchange(store, { circuit, revision: known })
          yield* expectSame(`the answer to a node that knows "${known}"`, stateOf(entry), {
            revision,
            state: answered
          })
        }
      }
    })
})
