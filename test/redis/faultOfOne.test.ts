/** What is wrong with one circuit is not taken for a fault of the store. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { CircuitStore } from "effect-circuit-breaker"
import { entriesOf } from "../kit/entries.ts"
import { describeWith } from "./describe.ts"
import * as RedisServer from "./RedisServer.ts"
import { request, storeOn } from "./stores.ts"

const wrong = "key-77"

const requests = Array.from({ length: 200 }, (_, i) => ({
  ...request,
  circuit: { breaker: "payments", key: `key-${i}` },
  contribution: `${i}`
}))

/** A key of a type that is not the store's lies where one circuit should be. */
const setUp = Effect.gen(function* () {
  const server = yield* RedisServer.make()
  const store = yield* storeOn(server.address)
  yield* server.command("SET", `circuit:v1:{payments:${wrong}}`, "somebody else's")
  return { server, store }
})

const isFault = (
  answer: CircuitStore.Entry | CircuitStore.CircuitStoreError
): answer is CircuitStore.CircuitStoreError => answer instanceof CircuitStore.CircuitStoreError

describeWith("own", "a key of a wrong type", () => {
  it.scopedLive("F7 among 200 is the fault of its circuit; the others are answered, in their order", () =>
    Effect.gen(function* () {
      const { store } = yield* setUp
      const answers = yield* store.exchange(requests)
      const faults = answers.filter(isFault)
      assert.deepStrictEqual(faults, [answers[77]])
      assert.match(faults[0]!.message, /WRONGTYPE/)
      assert.deepStrictEqual(
        entriesOf(answers.filter((it) => !isFault(it))).map(({ contributions }) => contributions[0]?.value),
        requests.filter(({ circuit }) => circuit.key !== wrong).map(({ contribution }) => contribution)
      )
    })
  )

  it.scopedLive("F7 is the fault of its circuit also where nobody asks for another", () =>
    Effect.gen(function* () {
      const { store } = yield* setUp
      const answers = yield* store.exchange([requests[77]!])
      assert.deepStrictEqual(answers.map(isFault), [true])
    })
  )

  it.scopedLive("F7 does not hide that the server is gone, which fails the whole", () =>
    Effect.gen(function* () {
      const { server, store } = yield* setUp
      yield* server.kill
      const error = yield* Effect.flip(store.exchange(requests))
      assert.strictEqual(error._tag, "CircuitStoreError")
    })
  )

  it.scopedLive("F7 a field that is no contribution is passed over", () =>
    Effect.gen(function* () {
      const { server, store } = yield* setUp
      const [one, two] = requests
      const fields = ["node:x", "nonsense", "node:y", "", "node:z", "1e3 text", "more", "text"]
      yield* server.command("HSET", `circuit:v1:{payments:${one!.circuit.key}}`, ...fields)
      const entries = entriesOf(yield* store.exchange([one!, two!]))
      assert.deepStrictEqual(
        entries.map(({ contributions }) => contributions.map(({ node, value }) => [node, value])),
        [[["one", "0"]], [["one", "1"]]]
      )
    })
  )
})
