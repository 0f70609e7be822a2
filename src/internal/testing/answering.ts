import * as Effect from "effect/Effect"
import { exchange, expectSame, expectThat, keepMillis, read, replace } from "./expectations.ts"
import { dayMillis } from "../core/millis.ts"
import { laws } from "./law.ts"

/** @internal */
export const answering = laws("answering", {
  "a circuit that nobody has told of is empty": (connect, breaker) =>
    Effect.gen(function* () {
      const store = yield* connect
      const { contributions, revision, state } = yield* read(store, { breaker, key: "unknown" })
      yield* expectSame("an unknown circuit", { contributions, revision, state }, empty)
    }),

  "an exchange of nothing has no answers": (connect) =>
    Effect.gen(function* () {
      const store = yield* connect
      yield* expectSame("the answers", yield* store.exchange([]), [])
    }),

  "an exchange of many circuits has as many answers": (connect, breaker) =>
    Effect.gen(function* () {
      const store = yield* connect
      const entries = yield* store.exchange(
        Array.from({ length: 200 }, (_, i) => ({
          circuit: { breaker, key: `${i}` },
          node: "reader",
          contribution: undefined,
          announce: false,
          keepMillis
        }))
      )
      yield* expectSame("answers to 200 requests", entries.length, 200)
    }),

  "its time goes on, and never backwards, whoever asks and how": (connect, breaker) =>
    Effect.gen(function* () {
      const clients = [yield* connect, yield* connect]
      const circuit = { breaker, key: "time" }
      const times: Array<number> = []
      for (let i = 0; i < 20; i++) {
        for (const store of clients) {
          const contribution = i % 3 === 0 ? "1" : undefined
          times.push((yield* exchange(store, { circuit, contribution, node: "node" })).now)
          times.push((yield* replace(store, circuit, { expected: "", revision: `${i}` })).now)
        }
        yield* Effect.sleep("2 millis")
      }
      const steps = times.slice(1).map((time, i) => time - times[i]!)
      yield* expectThat(
        steps.every((step) => step >= 0),
        `time goes backwards: ${times.join(", ")}`
      )
      // 40 milliseconds have passed; a store's clock may be a little slow.
      const passed = times.at(-1)! - times[0]!
      yield* expectThat(passed >= 20 && passed < 20_000, `40 milliseconds are ${passed} of the store's`)
    }),

  "its time is in epoch milliseconds": (connect, breaker) =>
    Effect.gen(function* () {
      const { now } = yield* read(yield* connect, { breaker, key: "time" })
      const here = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
      yield* expectThat(Math.abs(now - here) < dayMillis, `the store's time is ${now}, here it is ${here}`)
    })
})

const empty = { contributions: [], revision: "", state: "" }
