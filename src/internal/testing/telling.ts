import * as Effect from "effect/Effect"
import type { Change } from "../../CircuitStore.ts"
import { exchange, expectSame, hear, read, replace } from "./expectations.ts"
import { laws } from "./law.ts"
import { texts } from "./texts.ts"

/** @internal */
export const telling = laws("telling", {
  "says first that it listens, and then tells of a circuit's failures and changes in their order, the node's own included":
    (connect, breaker) =>
      Effect.gen(function* () {
        const [one, other] = [yield* connect, yield* connect]
        const hearings = [yield* hear(one, breaker), yield* hear(other, breaker)]
        const circuit = { breaker, key: "a" }
        yield* exchange(one, { circuit, node: "one", contribution: "1", announce: true })
        yield* replace(one, circuit, { expected: "", revision: "1" })
        yield* replace(other, circuit, { expected: "1", revision: "2" })
        yield* exchange(other, { circuit, node: "other", contribution: "1", announce: true })
        yield* replace(other, circuit, { expected: "2", revision: "3" })
        const told = [failing("a"), changed("a", "1"), changed("a", "2"), failing("a"), changed("a", "3")]
        for (const { until } of hearings) {
          yield* expectSame("what is heard", summary(yield* until("3")), told)
        }
      }),

  "tells of all circuits of a breaker": (connect, breaker) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const { until } = yield* hear(one, breaker)
      for (const key of ["a", "b"]) {
        yield* replace(other, { breaker, key }, { expected: "", revision: `of ${key}` })
        yield* until(`of ${key}`)
      }
    }),

  "tells who begins to listen of what comes from then on": (connect, breaker) =>
    Effect.gen(function* () {
      const store = yield* connect
      const circuit = { breaker, key: "late" }
      yield* replace(store, circuit, { expected: "", revision: "before" })
      const { until } = yield* hear(store, breaker)
      yield* replace(store, circuit, { expected: "before", revision: "after" })
      // Of what was before, news may still be on its way.
      const heard = summary(yield* until("after")).slice(-1)
      yield* expectSame("what is heard", heard, [changed("late", "after")])
    }),

  "tells of nothing that did not happen: neither of a read, nor of a write that lost, nor unasked": (
    connect,
    breaker
  ) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const { until } = yield* hear(one, breaker)
      const circuit = { breaker, key: "quiet" }
      yield* read(other, circuit)
      yield* replace(other, circuit, { expected: "never", revision: "lost" })
      yield* exchange(other, { circuit, node: "other", contribution: "1" })
      yield* replace(other, circuit, { expected: "", revision: "end" })
      yield* expectSame("what is heard", summary(yield* until("end")), [changed("quiet", "end")])
    }),

  "tells of the breaker that is asked for, and of no other": (connect, breaker) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const { until } = yield* hear(one, breaker)
      for (const end of [":", ":a", "*", " ", "}", "x"]) {
        const circuit = { breaker: `${breaker}${end}`, key: "a" }
        yield* exchange(other, { circuit, node: "other", contribution: "1", announce: true })
        yield* replace(other, circuit, { expected: "", revision: "of another" })
      }
      yield* replace(other, { breaker, key: "a" }, { expected: "", revision: "end" })
      yield* expectSame("what is heard", summary(yield* until("end")), [changed("a", "end")])
    }),

  "tells the time of a change, which is the store's": (connect, breaker) =>
    Effect.gen(function* () {
      const store = yield* connect
      const circuit = { breaker, key: "time" }
      const { until } = yield* hear(store, breaker)
      const { now } = yield* replace(store, circuit, { expected: "", revision: "a" })
      const change = (yield* until("a")).at(-1)
      yield* expectSame("the time of the change", change?._tag === "Changed" && change.now, now)
    }),

  "keys and states may be any text": (connect, breaker) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      for (const [i, text] of texts.entries()) {
        const circuit = { breaker: `${breaker}${text}`, key: text }
        const { until } = yield* hear(one, circuit.breaker)
        yield* exchange(other, { circuit, node: "other", contribution: "1", announce: true })
        yield* replace(other, circuit, { expected: "", revision: `${i}`, state: `state ${text}` })
        yield* expectSame(
          `what is heard of ${JSON.stringify(text.slice(0, 20))}`,
          summary(yield* until(`${i}`)),
          [failing(text), changed(text, `${i}`, `state ${text}`)]
        )
      }
    })
})

const failing = (key: string) => ["Failing", key]

const changed = (key: string, revision: string, state = `state of ${revision}`) => [
  "Changed",
  key,
  revision,
  state
]

/** Changes, their times aside. */
const summary = (heard: ReadonlyArray<Change>): ReadonlyArray<ReadonlyArray<string>> =>
  heard.map((change) => {
    switch (change._tag) {
      case "Listening":
        return ["Listening"]
      case "Failing":
        return failing(change.key)
      case "Changed":
        return changed(change.key, change.revision, change.state)
    }
  })
