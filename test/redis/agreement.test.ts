import { assert, it } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { CircuitStore } from "effect-circuit-breaker"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import { Redis } from "ioredis"
import { rejectionOf } from "../rules/fixtures.ts"
import { eventually, historyOf, newPrefix, stays, syncMillis, tagsOf } from "./fixtures.ts"
import * as RedisServer from "./RedisServer.ts"
import { failsNow, noticed, recovered, trips, warmUp, worksNow } from "./World.ts"
import * as World from "./World.ts"

/** Both nodes are open, and the server has gone. */
const openAndCut = (openDuration: Duration.DurationInput = "10 minutes") =>
  Effect.gen(function* () {
    const world = yield* World.make({ breaker: { openDuration } })
    yield* warmUp(world)
    trips(world.nodes[0])
    yield* eventually(tagsOf(world.nodes), ["Open", "Open"])
    yield* world.proxy.cut
    yield* noticed(world)
    return world
  })

/** The same when the open time has passed: long enough for the server to have gone before. */
const halfOpenAndCut = Effect.tap(openAndCut("4 seconds"), ({ nodes }) =>
  eventually(tagsOf(nodes), ["HalfOpen", "HalfOpen"])
)

const back = (world: World.World) => Effect.zipRight(world.proxy.mend, recovered(world))

RedisServer.describeWith(
  "own",
  "C7 what a node did while Redis was away is the fleet's when it is back",
  () => {
    it.scopedLive("C7 a probe that closed", () =>
      Effect.gen(function* () {
        const world = yield* halfOpenAndCut
        worksNow(world.nodes[0])
        assert.deepStrictEqual(yield* tagsOf(world.nodes), ["Closed", "HalfOpen"])
        yield* back(world)
        yield* eventually(tagsOf(world.nodes), ["Closed", "Closed"])
        yield* stays(tagsOf(world.nodes), ["Closed", "Closed"], 2 * syncMillis)
      })
    )

    it.scopedLive("C7 a probe that failed", () =>
      Effect.gen(function* () {
        const world = yield* halfOpenAndCut
        failsNow(world.nodes[0])
        assert.deepStrictEqual(yield* tagsOf(world.nodes), ["Open", "HalfOpen"])
        yield* back(world)
        yield* eventually(tagsOf(world.nodes), ["Open", "Open"])
        assert.deepInclude(yield* world.nodes[1].state(), { openings: 2 })
      })
    )

    it.scopedLive("C7 of a probe that closed and one that failed, the one that failed", () =>
      Effect.gen(function* () {
        const world = yield* halfOpenAndCut
        const [a, b] = world.nodes
        worksNow(a)
        failsNow(b)
        assert.deepStrictEqual(yield* tagsOf(world.nodes), ["Closed", "Open"])
        yield* back(world)
        yield* eventually(tagsOf(world.nodes), ["Open", "Open"])
        assert.deepStrictEqual(historyOf(b), ["Closed > Open", "Open > HalfOpen", "HalfOpen > Open"])
      })
    )

    it.scopedLive("C7 a reset by hand", () =>
      Effect.gen(function* () {
        const world = yield* openAndCut()
        yield* world.nodes[0].reset()
        yield* back(world)
        yield* eventually(tagsOf(world.nodes), ["Closed", "Closed"])
        assert.deepStrictEqual(historyOf(world.nodes[1]), ["Closed > Open", "Open > Closed"])
      })
    )

    it.scopedLive("C7 an isolation, until it is released", () =>
      Effect.gen(function* () {
        const world = yield* openAndCut()
        const isolation = yield* Scope.make()
        yield* Scope.extend(world.nodes[0].isolate(), isolation)
        yield* back(world)
        yield* eventually(tagsOf(world.nodes), ["Isolated", "Isolated"])
        yield* stays(tagsOf(world.nodes), ["Isolated", "Isolated"], 5 * syncMillis)
        yield* Scope.close(isolation, Exit.void)
        yield* eventually(tagsOf(world.nodes), ["Closed", "Closed"])
      })
    )

    it.scopedLive("C7 the release of an isolation", () =>
      Effect.gen(function* () {
        const world = yield* World.make()
        const isolation = yield* Scope.make()
        yield* warmUp(world)
        yield* Scope.extend(world.nodes[0].isolate(), isolation)
        yield* eventually(tagsOf(world.nodes), ["Isolated", "Isolated"])
        yield* world.proxy.cut
        yield* noticed(world)
        yield* Scope.close(isolation, Exit.void)
        assert.deepStrictEqual(yield* tagsOf(world.nodes), ["Closed", "Isolated"])
        yield* back(world)
        yield* eventually(tagsOf(world.nodes), ["Closed", "Closed"])
      })
    )
  }
)

RedisServer.describeWith("own", "C7 a server that is silent", () => {
  it.scopedLive("C7 a connection that died without a word is given up for a new one", () =>
    Effect.gen(function* () {
      const world = yield* World.make({ store: { syncInterval: 50, deadline: 3_000 } })
      const [a, b] = world.nodes
      yield* warmUp(world)
      yield* world.proxy.hush
      yield* noticed(world)
      trips(a)
      assert.deepStrictEqual(yield* tagsOf(world.nodes), ["Open", "Closed"])
      yield* eventually(Effect.map(Effect.exit(b.protect(Effect.void)), Exit.isFailure), true)
      yield* recovered(world)
    })
  )

  it.scopedLive("C7 what is asked of a silent server does not pile up", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make
      const connect = Effect.acquireRelease(
        Effect.sync(
          () => new Redis({ ...server.address, enableOfflineQueue: false, maxRetriesPerRequest: 0 })
        ),
        (client) => Effect.sync(() => client.disconnect())
      )
      const client = yield* connect
      const subscriber = yield* connect
      yield* eventually(
        Effect.sync(() => [client.status, subscriber.status]),
        ["ready", "ready"]
      )
      const store = yield* Effect.provide(
        CircuitStore.CircuitStore,
        RedisCircuitStore.layerFromClient({ client, subscriber }, { prefix: newPrefix() })
      )
      yield* server.freeze
      const ask = Effect.timeoutOption(store.exchange([]), "5 millis")
      yield* Effect.replicateEffect(Effect.ignore(ask), 100)
      assert.strictEqual(client.commandQueue.length, 1)
      yield* server.thaw
      yield* eventually(Effect.map(Effect.exit(store.exchange([])), Exit.isSuccess), true)
    })
  )

  it.scopedLive("C7 holds up nobody who cannot be interrupted", () =>
    Effect.gen(function* () {
      const { nodes, server } = yield* World.make({
        store: { sync: "write-through", syncInterval: "1 hour", deadline: "1 second" }
      })
      const [a, b] = nodes
      yield* server.freeze
      // An isolation is released in a finalizer, and a call is written after its end.
      yield* Effect.scoped(a.isolate())
      assert.strictEqual(yield* b.protect(Effect.succeed("works")), "works")
    })
  )

  it.scopedLive(
    "C7 the first call of a circuit waits for no longer than the deadline, and can be interrupted",
    () =>
      Effect.gen(function* () {
        const { nodes, server } = yield* World.make({
          store: { deadline: "4 seconds", syncInterval: "1 hour" }
        })
        yield* server.freeze
        const startedAt = performance.now()
        const interrupted = yield* Effect.timeoutOption(
          nodes[0].protect(Effect.succeed("works")),
          "50 millis"
        )
        assert.strictEqual(interrupted._tag, "None")
        assert.isBelow(performance.now() - startedAt, 4_000)
        assert.strictEqual(yield* nodes[1].protect(Effect.succeed("works")), "works")
        // From then on the silence is known.
        worksNow(nodes[1], 10)
        yield* Effect.zipRight(
          server.thaw,
          rejectionOf(Effect.zipRight(nodes[1].trip(), nodes[1].protect(Effect.void)))
        )
      })
  )
})
