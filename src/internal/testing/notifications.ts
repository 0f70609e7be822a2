import * as Effect from "effect/Effect"
import type { Change } from "../../CircuitStore.ts"
import { exchange, expectSame, read, replace, subscribe, windowWith } from "./expectations.ts"
import { laws } from "./law.ts"
import { texts } from "./texts.ts"

/** @internal */
export const notifications = laws("notifications", {
  "a subscriber receives Listening first, and then the failures and changes of all nodes in order": (
    connect,
    breaker
  ) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const subscriptions = [yield* subscribe(one, breaker), yield* subscribe(other, breaker)]
      const circuit = { breaker, key: "a" }
      yield* exchange(one, { circuit, node: "one", window: windowWith(1), announce: true })
      yield* replace(one, circuit, { expected: "", revision: "1" })
      yield* replace(other, circuit, { expected: "1", revision: "2" })
      yield* exchange(other, { circuit, node: "other", window: windowWith(1), announce: true })
      yield* replace(other, circuit, { expected: "2", revision: "3" })
      const expected = [failing("a"), changed("a", "1"), changed("a", "2"), failing("a"), changed("a", "3")]
      for (const { until } of subscriptions) {
        yield* expectSame("the changes received", summary(yield* until("3")), expected)
      }
    }),

  "a subscriber receives the changes of every circuit of its breaker": (connect, breaker) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const { until } = yield* subscribe(one, breaker)
      for (const key of ["a", "b"]) {
        yield* replace(other, { breaker, key }, { expected: "", revision: `of ${key}` })
        yield* until(`of ${key}`)
      }
    }),

  "a subscriber receives the changes made after it has subscribed": (connect, breaker) =>
    Effect.gen(function* () {
      const store = yield* connect
      const circuit = { breaker, key: "late" }
      yield* replace(store, circuit, { expected: "", revision: "before" })
      const { until } = yield* subscribe(store, breaker)
      yield* replace(store, circuit, { expected: "before", revision: "after" })
      // A notification of an earlier change may still be under way.
      const latest = summary(yield* until("after")).slice(-1)
      yield* expectSame("the latest change received", latest, [changed("late", "after")])
    }),

  "a subscriber receives nothing for a read, a lost write or an exchange without an announcement": (
    connect,
    breaker
  ) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const { until } = yield* subscribe(one, breaker)
      const circuit = { breaker, key: "quiet" }
      yield* read(other, circuit)
      yield* replace(other, circuit, { expected: "never", revision: "lost" })
      yield* exchange(other, { circuit, node: "other", window: windowWith(1) })
      yield* replace(other, circuit, { expected: "", revision: "end" })
      yield* expectSame("the changes received", summary(yield* until("end")), [changed("quiet", "end")])
    }),

  "a subscriber receives the changes of its own breaker only": (connect, breaker) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const { until } = yield* subscribe(one, breaker)
      for (const end of [":", ":a", "*", " ", "}", "x"]) {
        const circuit = { breaker: `${breaker}${end}`, key: "a" }
        yield* exchange(other, { circuit, node: "other", window: windowWith(1), announce: true })
        yield* replace(other, circuit, { expected: "", revision: "of another breaker" })
      }
      yield* replace(other, { breaker, key: "a" }, { expected: "", revision: "end" })
      yield* expectSame("the changes received", summary(yield* until("end")), [changed("a", "end")])
    }),

  "a change carries the store's time": (connect, breaker) =>
    Effect.gen(function* () {
      const store = yield* connect
      const circuit = { breaker, key: "time" }
      const { until } = yield* subscribe(store, breaker)
      const { now } = yield* replace(store, circuit, { expected: "", revision: "a" })
      const change = (yield* until("a")).at(-1)
      yield* expectSame("the time of the change", change?._tag === "Changed" && change.now, now)
    }),

  "names of breakers, keys and states in a change may be any text": (connect, breaker) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      for (const [i, text] of texts.entries()) {
        const circuit = { breaker: `${breaker}${text}`, key: text }
        const { until } = yield* subscribe(one, circuit.breaker)
        yield* exchange(other, { circuit, node: "other", window: windowWith(1), announce: true })
        yield* replace(other, circuit, { expected: "", revision: `${i}`, state: `state ${text}` })
        yield* expectSame(
          `the changes received of ${JSON.stringify(text.slice(0, 20))}`,
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

/** Changes without their times. */
const summary = (changes: ReadonlyArray<Change>): ReadonlyArray<ReadonlyArray<string>> =>
  changes.map((change) => {
    switch (change._tag) {
      case "Listening":
        return ["Listening"]
      case "Failing":
        return failing(change.key)
      case "Changed":
        return changed(change.key, change.revision, change.state)
    }
  })
