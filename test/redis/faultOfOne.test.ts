/** A fault of one circuit does not count as a fault of the store. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { CircuitStore } from "effect-circuit-breaker"
import { callsIn, entriesOf, reportOf, request } from "../kit/entries.ts"
import { describeWith } from "./describe.ts"
import * as RedisServer from "./RedisServer.ts"
import { storeOn } from "./stores.ts"

const wrong = "key-77"

const requests = Array.from({ length: 200 }, (_, i) => ({
  ...request,
  circuit: { breaker: "payments", key: `key-${i}` },
  window: reportOf(i + 1)
}))

/** The key of one circuit has a type that the store does not use. */
const setUp = Effect.gen(function* () {
  const server = yield* RedisServer.make()
  const store = yield* storeOn(server.address)
  yield* server.command("SET", `circuit:v2:{payments:${wrong}}`, "somebody else's")
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
        entriesOf(answers.filter((it) => !isFault(it))).map(callsIn),
        requests.flatMap(({ circuit }, i) => (circuit.key === wrong ? [] : [i + 1]))
      )
    })
  )

  it.scopedLive("F7 is the fault of its circuit also if no other circuit is exchanged", () =>
    Effect.gen(function* () {
      const { store } = yield* setUp
      const answers = yield* store.exchange([requests[77]!])
      assert.deepStrictEqual(answers.map(isFault), [true])
    })
  )

  it.scopedLive("F7 is the fault of its circuit also if its state is written", () =>
    Effect.gen(function* () {
      const { server, store } = yield* setUp
      const write = { ...request, expected: "", revision: "a", state: "{}" }
      const answer = yield* store.compareAndSet({ ...write, circuit: requests[77]!.circuit })
      assert.isTrue(isFault(answer))
      const other = yield* store.compareAndSet({ ...write, circuit: requests[78]!.circuit })
      assert.deepInclude(other, { revision: "a", leases: [] })
      yield* server.kill
      const error = yield* Effect.flip(store.compareAndSet({ ...write, circuit: requests[77]!.circuit }))
      assert.strictEqual(error._tag, "CircuitStoreError")
    })
  )

  it.scopedLive("F7 does not hide that the server is down, which fails the whole exchange", () =>
    Effect.gen(function* () {
      const { server, store } = yield* setUp
      yield* server.kill
      const error = yield* Effect.flip(store.exchange(requests))
      assert.strictEqual(error._tag, "CircuitStoreError")
    })
  )
})

describeWith("own", "a revision that another program wrote", () => {
  for (const [name, revision] of [
    ["with a percent sign", "100%"],
    ["with an escape that this package does not make", "%41"],
    ["with an escape that it does not need", "%3A"],
    ["that is no text", Buffer.from([0xff, 0xfe, 0x80])]
  ] as const) {
    it.scopedLive(`F5 ${name} can be replaced, and is not sent again where it is known`, () =>
      Effect.gen(function* () {
        const server = yield* RedisServer.make()
        const store = yield* storeOn(server.address)
        const { circuit } = requests[0]!
        yield* server.command(
          "HSET",
          `circuit:v2:{payments:${circuit.key}}`,
          "revision",
          revision,
          "state",
          "~~~"
        )
        const read = { ...request, circuit }
        const [entry] = entriesOf(yield* store.exchange([read]))
        assert.strictEqual(entry!.state, "~~~")
        const known = entriesOf(yield* store.exchange([{ ...read, revision: entry!.revision }]))
        assert.isUndefined(known[0]!.state)
        const write = { ...read, expected: entry!.revision, revision: "a", state: "{}" }
        assert.deepInclude(yield* store.compareAndSet(write), { revision: "a" })
      })
    )
  }
})
