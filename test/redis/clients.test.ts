/** A store on the program's own clients. */
import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { CircuitBreaker, CircuitStore } from "effect-circuit-breaker"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import { Redis } from "ioredis"
import { liveTest } from "../kit/test.ts"
import { recordLogs } from "../kit/index.ts"
import { subscribersOf } from "./commands.ts"
import { describeWith } from "./describe.ts"
import { isRejected, nodeOn, unavailable } from "./Nodes.ts"
import { breakerOptions, channelOf, deadlineMillis, newPrefix, syncMillis } from "./options.ts"
import * as RedisServer from "./RedisServer.ts"
import { eventually, stays, until } from "./waiting.ts"

/** A client with an offline queue. */
const connect = (address: RedisServer.Address) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      new Redis({ ...address, retryStrategy: () => 50, maxRetriesPerRequest: null }).on(
        "error",
        () => undefined
      )
    ),
    (client) => Effect.sync(() => client.disconnect())
  ).pipe(Effect.tap((client) => eventually(statusOf(client), "ready")))

const statusOf = (client: Redis) => Effect.sync(() => client.status)

/** The number of a client's commands that were not sent or not answered. */
const queueOf = (client: Redis) =>
  Effect.sync(() => client.commandQueue.length + (Reflect.get(client, "offlineQueue")?.length ?? 0))

const breakerOn = (
  clients: Parameters<typeof RedisCircuitStore.layerFromClient>[0],
  options: RedisCircuitStore.Options
) =>
  Effect.gen(function* () {
    yield* recordLogs
    const store = RedisCircuitStore.layerFromClient(clients, {
      syncInterval: syncMillis,
      deadline: deadlineMillis,
      ...options
    })
    const layer = Layer.provide(CircuitBreaker.layer(breakerOptions()), store)
    return Context.get(yield* Layer.build(layer), CircuitBreaker.CircuitBreaker)
  })

/** A server that may go down, and clients of it. */
const connections = Effect.gen(function* () {
  const server = yield* RedisServer.make()
  const client = yield* connect(server.address)
  const subscriber = yield* connect(server.address)
  const goesDown = Effect.zipRight(server.kill, until(Effect.map(statusOf(client), (it) => it !== "ready")))
  return { server, clients: { client, subscriber }, goesDown, queue: queueOf(client) }
})

describeWith("own", "RedisCircuitStore.layerFromClient", () => {
  liveTest(
    "layerFromClient leaves its clients connected, and without a listener, when its scope closes",
    function* () {
      const { clients, server } = yield* connections
      const listeners = () =>
        [clients.client, clients.subscriber].map((client) =>
          client.eventNames().map((name) => [name, client.listenerCount(name)])
        )
      const before = listeners()
      const prefix = newPrefix()
      const subscribed = subscribersOf(server, channelOf(prefix))
      const scope = yield* Scope.make()
      const breaker = yield* Scope.extend(breakerOn(clients, { prefix }), scope)
      yield* breaker.trip()
      yield* eventually(subscribed, 1)
      yield* Scope.close(scope, Exit.void)

      yield* eventually(subscribed, 0)
      assert.deepStrictEqual([clients.client.status, clients.subscriber.status], ["ready", "ready"])
      assert.strictEqual(yield* Effect.promise(() => clients.client.ping()), "PONG")
      assert.deepStrictEqual(listeners(), before)
    }
  )

  liveTest("R3.5 layerFromClient refuses options out of range by name", function* () {
    const { clients } = yield* connections
    for (const [option, value] of [
      ["deadline", 0],
      ["syncInterval", Infinity],
      ["lease", -1],
      ["quorum", 0],
      ["sync", "often"],
      ["onStoreError", "ignore"],
      ["prefx", "app:"]
    ]) {
      const layer = RedisCircuitStore.layerFromClient(clients, { [String(option)]: value })
      const cause = yield* Effect.flip(Effect.sandbox(Layer.build(layer)))
      assert.match(String(cause), new RegExp(`RangeError.*RedisCircuitStore.*${option}`))
    }
  })

  liveTest("C7 a client that queues commands is asked nothing more while one question waits", function* () {
    const { clients, goesDown, queue, server } = yield* connections
    const layer = RedisCircuitStore.layerFromClient(clients, { prefix: newPrefix() })
    const store = yield* Effect.provide(CircuitStore.CircuitStore, layer)
    yield* goesDown
    const ask = Effect.timeoutOption(store.exchange([]), "5 millis")
    yield* Effect.replicateEffect(Effect.exit(ask), 100)
    assert.strictEqual(yield* queue, 1)
    yield* server.start
    yield* until(Effect.map(Effect.exit(store.exchange([])), Exit.isSuccess))
    assert.strictEqual(yield* queue, 0)
  })

  liveTest("C7 calls of many circuits do not make the queue of such a client grow", function* () {
    const { clients, goesDown, queue } = yield* connections
    const breaker = yield* breakerOn(clients, { prefix: newPrefix(), deadline: 500 })
    yield* goesDown
    const failing = (keys: string) =>
      Effect.forEach(
        Array.from({ length: 50 }, (_, i) => `${keys}-${i}`),
        (key) => Effect.exit(breaker.protectWith(unavailable, { key })),
        { concurrency: "unbounded" }
      )
    // Each of these circuits is new, so its first call asks; then the breaker knows that the server does not answer.
    yield* failing("first")
    const first = yield* queue
    assert.isAtMost(first, 50)
    for (const keys of ["first", "second", "third"]) {
      yield* failing(keys)
      yield* Effect.sleep(syncMillis)
    }
    assert.strictEqual(yield* queue, first)
  })

  liveTest("C7 a write that such a client sends late does not undo later changes", function* () {
    const { clients, goesDown, queue, server } = yield* connections
    const prefix = newPrefix()
    const a = yield* breakerOn(clients, { prefix, deadline: 2_000 })
    const b = yield* nodeOn(server.address, prefix)
    for (const node of [a, b]) yield* node.protect(Effect.void)
    yield* goesDown
    yield* a.trip()
    yield* a.reset()
    assert.isAtLeast(yield* queue, 1)
    yield* server.start
    yield* eventually(queue, 0)
    const both = Effect.all([isRejected(a), isRejected(b)])
    yield* eventually(both, [false, false])
    yield* Effect.sleep(syncMillis)
    yield* eventually(both, [false, false])
    yield* stays(both, [false, false], 2 * syncMillis)
  })
})
