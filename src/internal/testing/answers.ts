import * as Effect from "effect/Effect"
import {
  empty,
  exchange,
  expectSame,
  expectThat,
  read,
  reading,
  replace,
  windowOf,
  windowWith
} from "./expectations.ts"
import { dayMillis } from "../core/millis.ts"
import { laws } from "./law.ts"

/** @internal */
export const answers = laws("answers", {
  "an unknown circuit has an empty entry": (connect, breaker) =>
    Effect.gen(function* () {
      const store = yield* connect
      const entry = yield* read(store, { breaker, key: "unknown" })
      const { leases, revision, state, window } = entry
      yield* expectSame("an unknown circuit", { revision, state, window, leases }, empty)
    }),

  "an exchange of no requests returns no entries": (connect) =>
    Effect.gen(function* () {
      const store = yield* connect
      yield* expectSame("the entries", yield* store.exchange([]), [])
    }),

  "an exchange returns one entry for each request": (connect, breaker) =>
    Effect.gen(function* () {
      const store = yield* connect
      const entries = yield* store.exchange(
        Array.from({ length: 200 }, (_, i) => ({
          ...reading,
          circuit: { breaker, key: `${i}` }
        }))
      )
      yield* expectSame("the number of entries for 200 requests", entries.length, 200)
    }),

  "the store's clock advances and never runs backwards, for every client and operation": (connect, breaker) =>
    Effect.gen(function* () {
      const clients = [yield* connect, yield* connect]
      const circuit = { breaker, key: "time" }
      const times: Array<number> = []
      for (let i = 0; i < 20; i++) {
        for (const store of clients) {
          const window = i % 3 === 0 ? windowWith(1, { number: i + 1 }) : windowOf()
          times.push((yield* exchange(store, { circuit, window })).now)
          times.push((yield* replace(store, circuit, { expected: "", revision: `${i}` })).now)
        }
        yield* Effect.sleep("2 millis")
      }
      const steps = times.slice(1).map((time, i) => time - times[i]!)
      yield* expectThat(
        steps.every((step) => step >= 0),
        `the clock runs backwards: ${times.join(", ")}`
      )
      // At least 40 milliseconds have passed; a store's clock may be a little slow.
      const passed = times.at(-1)! - times[0]!
      yield* expectThat(
        passed >= 20 && passed < 20_000,
        `the clock advances by ${passed} milliseconds in at least 40`
      )
    }),

  "the store's clock reads epoch milliseconds": (connect, breaker) =>
    Effect.gen(function* () {
      const { now } = yield* read(yield* connect, { breaker, key: "time" })
      const here = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
      yield* expectThat(
        Math.abs(now - here) < dayMillis,
        `the store's clock reads ${now}, this process's clock ${here}`
      )
    })
})
