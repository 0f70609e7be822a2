/** Reads of many circuits share a command, and each is answered as if it had been asked alone. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { CircuitStore } from "effect-circuit-breaker"
import { callsIn, entriesOf, reportOf, request } from "../kit/entries.ts"
import { liveTest } from "../kit/test.ts"
import { infoOf } from "./commands.ts"
import { describeWith } from "./describe.ts"
import * as RedisCluster from "./RedisCluster.ts"
import * as RedisServer from "./RedisServer.ts"
import { storeOn } from "./stores.ts"

const circuit = (i: number) => ({ breaker: "payments", key: `key-${i}` })

const keys = Array.from({ length: 10 }, (_, i) => i)

const read = (i: number, revision = ""): CircuitStore.ExchangeRequest => ({
  ...request,
  circuit: circuit(i),
  revision,
  window: { name: "rules", epoch: 1, report: undefined }
})

/** Circuits 2, 5 and 8 have a state, and circuits 5 and 6 a window. */
const fill = (store: CircuitStore.Store) =>
  Effect.gen(function* () {
    for (const i of [2, 5, 8]) {
      const state = `state ${i}`
      yield* store.compareAndSet({ ...request, circuit: circuit(i), expected: "", revision: `r${i}`, state })
    }
    for (const i of [5, 6]) {
      yield* store.exchange([{ ...request, circuit: circuit(i), window: reportOf(i) }])
    }
  })

const revisions = ["", "", "r2", "", "", "r5", "", "", "r8", ""]

/** The number of commands of a name that the server has run, including those of scripts. */
const callsOf = (server: RedisServer.RedisServer, command: string) =>
  Effect.map(infoOf(server, "commandstats", `cmdstat_${command}`), (it) =>
    Number(/calls=(\d+)/.exec(it ?? "")?.[1] ?? 0)
  )

describeWith("own", "reads of many circuits", () => {
  liveTest("F1 are one command, and answered in their order", function* () {
    const server = yield* RedisServer.make()
    const store = yield* storeOn(server.address)
    yield* fill(store)
    yield* store.exchange(keys.map((i) => read(i)))
    const before = yield* callsOf(server, "evalsha")
    const entries = entriesOf(yield* store.exchange(keys.map((i) => read(i))))
    assert.strictEqual((yield* callsOf(server, "evalsha")) - before, 1)
    assert.deepStrictEqual(
      entries.map(({ revision }) => revision),
      revisions
    )
    assert.deepStrictEqual(
      entries.map(({ state }) => state),
      revisions.map((revision) => revision.replace("r", "state "))
    )
    assert.deepStrictEqual(entries.map(callsIn), [0, 0, 0, 0, 0, 5, 6, 0, 0, 0])
  })

  liveTest("F1 leave out each state that the node knows, and no other", function* () {
    const store = yield* storeOn((yield* RedisServer.make()).address)
    yield* fill(store)
    const known = ["", "r2", "r2", "", "", "other", "", "", "r8", ""]
    const entries = entriesOf(yield* store.exchange(keys.map((i) => read(i, known[i]))))
    const states = entries.map(({ state }) => state)
    assert.deepStrictEqual(states, ["", "", undefined, "", "", "state 5", "", "", undefined, ""])
  })

  liveTest("F7 a key of a wrong type among them is the fault of its circuit alone", function* () {
    const server = yield* RedisServer.make()
    const store = yield* storeOn(server.address)
    yield* fill(store)
    yield* server.command("SET", "circuit:v2:{payments:key-3}", "somebody else's")
    const answers = yield* store.exchange(keys.map((i) => read(i)))
    const faults = answers.filter((it) => "_tag" in it)
    assert.deepStrictEqual(faults, [answers[3]])
    assert.match(faults[0]!.message, /WRONGTYPE/)
    assert.deepStrictEqual(
      answers.map((it) => ("_tag" in it ? it._tag : it.revision)),
      revisions.with(3, "CircuitStoreError")
    )
  })

  liveTest("F1 keep their places among requests that report", function* () {
    const store = yield* storeOn((yield* RedisServer.make()).address)
    const report = { ...request, circuit: circuit(1), window: reportOf(7) }
    const answers = yield* store.exchange([read(0), report, read(1), read(0), { ...report, node: "two" }])
    assert.deepStrictEqual(entriesOf(answers).map(callsIn), [0, 7, 7, 0, 14])
  })

  liveTest("F1 are a command each on a server of a cluster whose client is of none", function* () {
    const server = yield* RedisCluster.makeSingle
    const store = yield* storeOn(server.address)
    yield* fill(store)
    const entries = entriesOf(yield* store.exchange(keys.map((i) => read(i))))
    assert.deepStrictEqual(
      entries.map(({ revision }) => revision),
      revisions
    )
    const before = yield* callsOf(server, "hmget")
    yield* store.exchange(keys.map((i) => read(i)))
    assert.strictEqual((yield* callsOf(server, "hmget")) - before, keys.length)
  })
})
