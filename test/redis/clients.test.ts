/** A store on connections of the program's own. */
import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { CircuitBreaker, CircuitStore } from "effect-circuit-breaker"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import { Redis } from "ioredis"
import type { RedisOptions } from "ioredis"
import { recordLogs } from "../rules/fixtures.ts"
import {
  breakerDefaults,
  deadlineMillis,
  eventually,
  newPrefix,
  nodeOn,
  stays,
  syncMillis
} from "./fixtures.ts"
import * as RedisServer from "./RedisServer.ts"

const connect = (address: RedisServer.Address, options: RedisOptions = {}) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      new Redis({ ...address, retryStrategy: () => 50, ...options }).on("error", () => undefined)
    ),
    (client) => Effect.sync(() => client.disconnect())
  ).pipe(Effect.tap((client) => eventually(statusOf(client), "ready")))

type Clients = Parameters<typeof RedisCircuitStore.layerFromClient>[0]

const statusOf = (client: Redis) => Effect.sync(() => client.status)

/** How much a client has not sent, or has had no answer to. */
const queueOf = (client: Redis) =>
  Effect.sync(() => client.commandQueue.length + (Reflect.get(client, "offlineQueue")?.length ?? 0))

const breakerOn = (clients: Clients, options: RedisCircuitStore.Options) =>
  Effect.gen(function* () {
    yield* recordLogs
    const store = RedisCircuitStore.layerFromClient(clients, {
      syncInterval: syncMillis,
      deadline: deadlineMillis,
      ...options
    })
    const layer = Layer.provide(CircuitBreaker.layer(breakerDefaults), store)
    return Context.get(yield* Layer.build(layer), CircuitBreaker.CircuitBreaker)
  })

/** A server that may go down, with clients that keep what they cannot send. */
const queueing = Effect.gen(function* () {
  const server = yield* RedisServer.make
  const client = yield* connect(server.address, { maxRetriesPerRequest: null })
  const subscriber = yield* connect(server.address, { maxRetriesPerRequest: null })
  const goesDown = Effect.zipRight(
    server.kill,
    eventually(
      Effect.map(statusOf(client), (it) => it === "ready"),
      false
    )
  )
  return { server, clients: { client, subscriber }, goesDown, queue: queueOf(client) }
})

RedisServer.describeWith("own", "a store on clients of the program's own", () => {
  it.scopedLive("leaves them as they were when it ends: connected, with nothing that listens", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make
      const clients = { client: yield* connect(server.address), subscriber: yield* connect(server.address) }
      const listeners = () =>
        [clients.client, clients.subscriber].map((client) =>
          client.eventNames().map((name) => [name, client.listenerCount(name)])
        )
      const before = listeners()
      const prefix = newPrefix()
      const subscribed = Effect.map(
        server.command("PUBSUB", "NUMSUB", `${prefix}v1:0:payments`),
        (it) => Array.isArray(it) && it[1]
      )
      const scope = yield* Scope.make()
      const breaker = yield* Scope.extend(breakerOn(clients, { prefix, deadline: "10 seconds" }), scope)
      yield* breaker.trip()
      yield* eventually(subscribed, 1)
      yield* Scope.close(scope, Exit.void)

      yield* eventually(subscribed, 0)
      assert.deepStrictEqual([clients.client.status, clients.subscriber.status], ["ready", "ready"])
      assert.strictEqual(yield* Effect.promise(() => clients.client.ping()), "PONG")
      assert.deepStrictEqual(listeners(), before)
    })
  )

  const refused: ReadonlyArray<readonly [option: string, value: unknown]> = [
    ["deadline", 0],
    ["syncInterval", Infinity],
    ["lease", -1],
    ["quorum", 0],
    ["sync", "often"],
    ["onStoreError", "ignore"],
    ["prefx", "app:"]
  ]
  for (const [option, value] of refused) {
    it.scopedLive(`refuses the option ${option} with ${value}`, () =>
      Effect.gen(function* () {
        const { clients } = yield* queueing
        const layer = RedisCircuitStore.layerFromClient(clients, { [option]: value })
        const cause = yield* Effect.flip(Effect.sandbox(Layer.build(layer)))
        assert.match(String(cause), new RegExp(`RangeError.*RedisCircuitStore.*${option}`))
      })
    )
  }

  it.scopedLive("asks nothing more of a client that queues while one question waits", () =>
    Effect.gen(function* () {
      const { clients, goesDown, queue, server } = yield* queueing
      const layer = RedisCircuitStore.layerFromClient(clients, { prefix: newPrefix() })
      const store = yield* Effect.provide(CircuitStore.CircuitStore, layer)
      yield* goesDown
      const ask = Effect.timeoutOption(store.exchange([]), "5 millis")
      yield* Effect.replicateEffect(Effect.exit(ask), 100)
      assert.strictEqual(yield* queue, 1)
      yield* server.start
      yield* eventually(Effect.map(Effect.exit(store.exchange([])), Exit.isSuccess), true)
      assert.strictEqual(yield* queue, 0)
    })
  )

  it.scopedLive("calls of many circuits do not make such a queue grow", () =>
    Effect.gen(function* () {
      const { clients, goesDown, queue } = yield* queueing
      const breaker = yield* breakerOn(clients, { prefix: newPrefix(), deadline: 500 })
      yield* goesDown
      const failing = (keys: string) =>
        Effect.forEach(
          Array.from({ length: 50 }, (_, i) => `${keys}-${i}`),
          (key) => Effect.exit(breaker.protectWith(Effect.fail("unavailable"), { key })),
          { concurrency: "unbounded" }
        )
      // Each of them is new, and asks; then it is known that nobody answers.
      yield* failing("first")
      const first = yield* queue
      assert.isAtMost(first, 50)
      for (const keys of ["first", "second", "third"]) {
        yield* failing(keys)
        yield* Effect.sleep(syncMillis)
      }
      assert.strictEqual(yield* queue, first)
    })
  )

  it.scopedLive("what such a client sends late does not undo what was done since", () =>
    Effect.gen(function* () {
      const { clients, goesDown, queue, server } = yield* queueing
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
      const isRejected = (node: CircuitBreaker.CircuitBreaker) =>
        Effect.map(Effect.exit(node.protect(Effect.void)), Exit.isFailure)
      const both = Effect.all([isRejected(a), isRejected(b)])
      yield* eventually(both, [false, false])
      yield* Effect.sleep(syncMillis)
      yield* eventually(both, [false, false])
      yield* stays(both, [false, false], 2 * syncMillis)
    })
  )
})
