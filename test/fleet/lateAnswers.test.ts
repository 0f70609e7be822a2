import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import type { CircuitStore } from "effect-circuit-breaker"
import { historyOf, join, makeStore, settled, succeeding, tagsOf } from "./fixtures.ts"

/** A store whose answers to exchanges can be kept back. */
const keepingBack = (store: CircuitStore.Store) => {
  const gate = Effect.unsafeMakeLatch(true)
  return {
    gate,
    store: {
      ...store,
      exchange: (requests: ReadonlyArray<CircuitStore.ExchangeRequest>) =>
        Effect.zipLeft(store.exchange(requests), gate.await)
    }
  }
}

describe("an answer from the store that a change has overtaken", () => {
  it.scoped("C6 does not bring back what was: a reset stays a reset", () =>
    Effect.gen(function* () {
      const store = yield* makeStore({ deadline: "1 minute" })
      const slow = keepingBack(store)
      const [a, b] = [yield* join(store), yield* join(slow.store)]
      for (const node of [a, b]) yield* succeeding(node, 1)
      yield* a.trip()
      yield* settled
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Open", "Open"])

      slow.gate.unsafeClose()
      yield* TestClock.adjust("3 seconds")
      yield* a.reset()
      yield* settled
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Closed"])
      slow.gate.unsafeOpen()
      yield* settled
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Closed"])
      assert.deepStrictEqual(historyOf(b), ["Closed > Open 1", "Open > Closed 2"])
    })
  )
})
