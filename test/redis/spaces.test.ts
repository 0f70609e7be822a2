/** The keys and channels on a server: how applications are kept apart, and when they change. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import * as fc from "fast-check"
import { Redis } from "ioredis"
import { eventually, stays } from "./waiting.ts"
import { newPrefix, storeOptions, syncMillis } from "./options.ts"
import { connected, nodeOn, nodeWith, tagsOf } from "./Nodes.ts"
import { describeWith } from "./describe.ts"
import * as RedisServer from "./RedisServer.ts"
import { storeOn } from "./stores.ts"
import { reportOf, request } from "../kit/entries.ts"
import { anyText } from "../kit/text.ts"

const textsOf = (answer: unknown): ReadonlyArray<string> => (Array.isArray(answer) ? answer.map(String) : [])

const keysOf = (server: RedisServer.OwnRedisServer) =>
  Effect.map(server.command("KEYS", "*"), (it) => textsOf(it).toSorted())

const channelsOf = (server: RedisServer.OwnRedisServer) =>
  Effect.map(server.command("PUBSUB", "CHANNELS"), (it) => textsOf(it).toSorted())

describeWith("own", "what lies on a server", () => {
  it.scopedLive("F9 applications whose clients differ in keyPrefix do not open each other's circuits", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const prefix = newPrefix()
      const of = (keyPrefix: string) => {
        const address = { ...server.address, keyPrefix }
        return nodeOn(address, prefix)
      }
      const one = yield* of("one:")
      const oneToo = yield* of("one:")
      const two = yield* of("two:")
      const none = yield* nodeOn(server.address, prefix)
      const nodes = [one, oneToo, two, none]
      for (const node of nodes) yield* node.protect(Effect.void)
      yield* eventually(channelsOf(server), [
        `one:${prefix}v2+4:0:payments`,
        `${prefix}v2:0:payments`,
        `two:${prefix}v2+4:0:payments`
      ])
      yield* one.trip()
      yield* eventually(tagsOf(nodes), ["Open", "Open", "Closed", "Closed"])
      yield* stays(tagsOf(nodes), ["Open", "Open", "Closed", "Closed"], 2 * syncMillis)
      assert.deepStrictEqual(yield* keysOf(server), [`one:${prefix}v2+4:{payments:default}`])
    })
  )

  it.scopedLive("F9 nor do applications whose clients differ in their database", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const prefix = newPrefix()
      const of = (db: number) => {
        const address = { ...server.address, db }
        return nodeOn(address, prefix)
      }
      const nodes = [yield* of(0), yield* of(1), yield* of(1)]
      for (const node of nodes) yield* node.protect(Effect.void)
      yield* nodes[1]!.trip()
      yield* eventually(tagsOf(nodes), ["Closed", "Open", "Open"])
      yield* stays(tagsOf(nodes), ["Closed", "Open", "Open"], 2 * syncMillis)
    })
  )

  it.scopedLive("F9 nor if the program's own client has selected its database", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const prefix = newPrefix()
      const connect = Effect.acquireRelease(
        Effect.sync(() => new Redis(server.address)),
        (client) => Effect.sync(() => client.disconnect())
      )
      const client = yield* connect
      yield* Effect.promise(() => client.select(1))
      const clients = { client, subscriber: yield* connect }
      const own = nodeWith(
        RedisCircuitStore.layerFromClient(clients, { prefix, ...storeOptions() }),
        undefined
      )
      const in0 = yield* nodeOn(server.address, prefix)
      const address = { ...server.address, db: 1 }
      const in1 = yield* nodeOn(address, prefix)
      const nodes = [in0, in1, yield* connected(own)]
      for (const node of nodes) yield* node.protect(Effect.void)
      yield* eventually(channelsOf(server), [`${prefix}v2:0:payments`, `${prefix}v2:1:payments`])
      yield* nodes[2]!.trip()
      yield* eventually(tagsOf(nodes), ["Closed", "Open", "Open"])
      yield* stays(tagsOf(nodes), ["Closed", "Open", "Open"], 2 * syncMillis)
    })
  )

  it.scopedLive("F14 circuits whose keys differ in half of a surrogate pair are two, for all processes", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const prefix = newPrefix()
      const [a, b] = [yield* nodeOn(server.address, prefix), yield* nodeOn(server.address, prefix)]
      const keys = ["\ud800", "\ud801", "\ufffd"]
      for (const key of keys) for (const node of [a, b]) yield* node.protectWith(Effect.void, { key })
      yield* a.trip("\ud800")
      const tags: Effect.Effect<ReadonlyArray<ReadonlyArray<string>>> = Effect.forEach([a, b], (node) =>
        Effect.forEach(keys, (key) => Effect.map(node.state(key), ({ _tag }) => _tag))
      )
      const expected = [
        ["Open", "Closed", "Closed"],
        ["Open", "Closed", "Closed"]
      ]
      yield* eventually(tags, expected)
      yield* stays(tags, expected, 2 * syncMillis)
    })
  )

  it.scopedLive("F13 an exchange without a report leaves every byte and the time to live as they are", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const store = yield* storeOn(server.address)
      const circuit = { breaker: "payments", key: "default" }
      const keepMillis = 3_600_000
      for (const node of ["one", "two"]) {
        const window = reportOf(1)
        yield* store.exchange([{ ...request, circuit, node, window, renew: true, keepMillis }])
      }
      yield* store.compareAndSet({
        ...request,
        circuit,
        expected: "",
        revision: "a",
        state: "{}",
        keepMillis
      })
      const [key] = yield* keysOf(server)
      const stored = Effect.all([server.command("DUMP", key!), server.command("PEXPIRETIME", key!)])
      const before = yield* stored
      yield* Effect.sleep("20 millis")
      for (const keepMillis of [1, 7_200_000]) {
        for (const announce of [false, true]) {
          for (const epoch of [1, 2]) {
            const window = { name: "rules", epoch, report: undefined }
            yield* store.exchange([{ ...request, circuit, announce, keepMillis, window }])
          }
        }
      }
      assert.deepStrictEqual(yield* stored, before)
      // A read of a circuit that is not stored does not create it.
      yield* store.exchange([{ ...request, circuit: { breaker: "payments", key: "other" } }])
      assert.deepStrictEqual(yield* keysOf(server), [key])
    })
  )

  it.scopedLive("F6 a subscription survives any message on its channel, and passes on only changes", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const store = yield* storeOn(server.address)
      const channel = "circuit:v2:0:payments"
      const texts = [
        '{"_tag":"Failing","key":"k","listeners":"many"}',
        '{"_tag":"Failing","key":null}',
        '{"_tag":"Changed","key":"k","now":1,"revision":null,"state":""}',
        "null",
        ...fc.sample(fc.oneof(anyText(), fc.json()), { numRuns: 100, seed: 1 })
      ]
      const circuit = { breaker: "payments", key: "k" }
      const heard = yield* store.changes("payments").pipe(
        Stream.tap((change) =>
          change._tag === "Listening"
            ? Effect.zipRight(
                Effect.forEach(texts, (text) => server.command("PUBLISH", channel, text), {
                  concurrency: 10
                }),
                Effect.orDie(
                  store.compareAndSet({ ...request, circuit, expected: "", revision: "last", state: "{}" })
                )
              )
            : Effect.void
        ),
        Stream.takeUntil((change) => change._tag === "Changed"),
        Stream.runCollect
      )
      const [first, second, ...more] = heard
      assert.deepStrictEqual(first, { _tag: "Listening" })
      assert.deepInclude(second, { _tag: "Changed", key: "k", revision: "last", state: "{}" })
      assert.deepStrictEqual(more, [])
    })
  )
})
