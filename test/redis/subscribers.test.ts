/** A store that subscribes with the program's own client, which the program goes on using. */
import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { CircuitBreaker } from "effect-circuit-breaker"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import { Cluster, Redis } from "ioredis"
import { recordLogs } from "../kit/index.ts"
import { subscribersOf } from "./commands.ts"
import { describeWith } from "./describe.ts"
import { nodeOn } from "./Nodes.ts"
import { breakerOptions, channelOf, newPrefix, storeOptions } from "./options.ts"
import { eventually } from "./waiting.ts"
import * as RedisServer from "./RedisServer.ts"
import { storeOf } from "./stores.ts"

/** With the defaults of ioredis, but that it does not wait long before it connects again. */
const connect = (address: RedisServer.Address) =>
  Effect.acquireRelease(
    Effect.sync(() => new Redis({ ...address, retryStrategy: () => 50 }).on("error", () => undefined)),
    (client) => Effect.sync(() => client.disconnect())
  ).pipe(
    Effect.tap((client) =>
      eventually(
        Effect.sync(() => client.status),
        "ready"
      )
    )
  )

/** Unhandled rejections while the scope is open. They would end a process. */
const unhandled = Effect.acquireRelease(
  Effect.sync(() => {
    const reasons: Array<unknown> = []
    const listener = (reason: unknown) => reasons.push(reason)
    process.on("unhandledRejection", listener)
    return { reasons, listener }
  }),
  ({ listener }) => Effect.sync(() => process.off("unhandledRejection", listener))
).pipe(Effect.map(({ reasons }) => reasons))

/** A server whose user `listener` may subscribe, with the program's own client, which also has a subscription of its own. */
const setUp = Effect.gen(function* () {
  const server = yield* RedisServer.make()
  const allow = (...channels: ReadonlyArray<string>) =>
    server.command("ACL", "SETUSER", "listener", "on", "nopass", "allkeys", "allcommands", ...channels)
  yield* allow("allchannels")
  const client = yield* connect(server.address)
  const subscriber = yield* connect({ ...server.address, username: "listener", password: "any" })
  yield* Effect.promise(() => subscriber.subscribe("news"))
  const prefix = newPrefix()
  return { server, allow, prefix, clients: { client, subscriber }, channel: channelOf(prefix) }
})

describeWith("own", "a subscriber of the program's own", () => {
  it.scopedLive(
    "F15 that may no longer subscribe does no harm: calls go on, and the store polls instead",
    () =>
      Effect.gen(function* () {
        yield* recordLogs
        const rejections = yield* unhandled
        const { allow, channel, clients, prefix, server } = yield* setUp
        const store = RedisCircuitStore.layerFromClient(clients, { prefix, ...storeOptions() })
        const context = yield* Layer.build(Layer.provideMerge(CircuitBreaker.layer(breakerOptions()), store))
        const breaker = Context.get(context, CircuitBreaker.CircuitBreaker)
        const other = yield* nodeOn(server.address, prefix)
        yield* breaker.protect(Effect.void)
        yield* eventually(subscribersOf(server, channel), 2)

        yield* allow("resetchannels", "&news")
        yield* server.command("CLIENT", "KILL", "TYPE", "pubsub")
        // The program's own subscription is renewed by ioredis as usual; the store's is refused.
        yield* eventually(subscribersOf(server, "news"), 1)
        yield* eventually(subscribersOf(server, channel), 1)
        assert.strictEqual(yield* breaker.protect(Effect.succeed("works")), "works")
        yield* other.trip()
        yield* eventually(Effect.map(Effect.exit(breaker.protect(Effect.void)), Exit.isFailure), true)

        yield* allow("allchannels")
        yield* eventually(subscribersOf(server, channel), 2)
        yield* eventually(subscribersOf(server, "news"), 1)
        assert.deepStrictEqual(rejections, [])
      })
  )

  it.scopedLive("F15 reports why it may not subscribe", () =>
    Effect.gen(function* () {
      const rejections = yield* unhandled
      const { allow, channel, clients, prefix, server } = yield* setUp
      const store = yield* storeOf(RedisCircuitStore.layerFromClient(clients, { prefix }))
      const isListening = yield* Deferred.make<void>()
      const lost = yield* store.changes("payments").pipe(
        Stream.runForEach(() => Deferred.succeed(isListening, undefined)),
        Effect.flip,
        Effect.fork
      )
      yield* Deferred.await(isListening)
      yield* allow("resetchannels", "&news")
      yield* server.command("CLIENT", "KILL", "TYPE", "pubsub")
      assert.strictEqual((yield* Fiber.join(lost)).message, "the connection is lost")
      const error = yield* Effect.flip(Stream.runDrain(store.changes("payments")))
      assert.match(error.message, /^cannot subscribe: NOPERM /)
      assert.strictEqual(yield* subscribersOf(server, channel), 0)
      yield* eventually(subscribersOf(server, "news"), 1)
      assert.deepStrictEqual(rejections, [])
    })
  )

  it.scopedLive("F19 must not be the client itself, unless that is a cluster", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const client = yield* connect(server.address)
      const made = Layer.build(RedisCircuitStore.layerFromClient({ client, subscriber: client }))
      const defect = yield* Effect.flip(Effect.sandbox(made))
      assert.include(
        String(defect),
        "RangeError: RedisCircuitStore: subscriber must be another client than client"
      )
      assert.deepStrictEqual(client.eventNames(), ["error"])
      const cluster = new Cluster([], { lazyConnect: true })
      yield* Layer.build(RedisCircuitStore.layerFromClient({ client: cluster, subscriber: cluster }))
    })
  )
})
