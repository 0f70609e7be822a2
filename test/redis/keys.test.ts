import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TripPolicy } from "effect-circuit-breaker"
import { inLongRun } from "../runLength.ts"
import type { Node, Options } from "./fixtures.ts"
import { eventually, newPrefix, nodeOn, syncMillis, tagsOf } from "./fixtures.ts"
import type { OwnRedisServer } from "./RedisServer.ts"
import * as RedisServer from "./RedisServer.ts"

const nodesOn = (count: number, options?: Options) =>
  Effect.gen(function* () {
    const server = yield* RedisServer.make
    const prefix = newPrefix()
    const nodes = yield* Effect.replicateEffect(nodeOn(server.address, prefix, options), count)
    return { server, prefix, nodes, a: nodes[0]!, b: nodes[1]! }
  })

const textsOf = (answer: unknown): ReadonlyArray<string> => (Array.isArray(answer) ? answer.map(String) : [])

const keysOf = (server: OwnRedisServer) => Effect.map(server.command("KEYS", "*"), textsOf)

const fails = Effect.fail("unavailable")

/** Calls of a circuit that the node knows: none of them waits. */
const calls = (node: Node, count: number, call: Effect.Effect<void, string>, key?: string) => {
  const expected = Effect.runSyncExit(call)
  for (let i = 0; i < count; i++) assert.deepStrictEqual(node.callNow(call, key), expected)
}

/** How often each command was run since the statistics were reset; those of the test itself are left out. */
const commandsOf = (server: OwnRedisServer) =>
  Effect.map(server.command("INFO", "commandstats"), (info) =>
    Object.fromEntries(
      Array.from(String(info).matchAll(/cmdstat_(\S+):calls=(\d+)/g), ([, name, count]) => [
        name,
        Number(count)
      ]).filter(([name]) => !/^(info|config|client|command|select)/.test(String(name)))
    )
  )

const policies: Record<string, TripPolicy.TripPolicy> = {
  consecutive: TripPolicy.consecutive(100),
  failureCount: TripPolicy.failureCount({ failures: 100, within: "1 minute" }),
  "failureRate over time": TripPolicy.failureRate({
    threshold: 1,
    within: "1 minute",
    minimumCalls: 1_000_000
  }),
  "failureRate over calls": TripPolicy.failureRate({ threshold: 1, calls: 10_000 }),
  anyOf: TripPolicy.anyOf(
    TripPolicy.consecutive(100),
    TripPolicy.slowCallRate({
      slowerThan: "1 second",
      threshold: 1,
      within: "1 minute",
      minimumCalls: 1_000_000
    })
  )
}

RedisServer.describeWith("own", "C8 what is in Redis", () => {
  it.scopedLive("C8 one key a circuit, with the prefix, in one hash slot, and with an expiry", () =>
    Effect.gen(function* () {
      const { a, b, nodes, prefix, server } = yield* nodesOn(2, { breaker: { openDuration: "3 minutes" } })
      const names = ["default", "eu", "us:east", "{curly}", "with space", "ü"]
      for (const key of names) {
        for (const node of nodes) yield* node.protectWith(Effect.void, { key })
        calls(a, 1, fails, key)
      }
      yield* a.trip("us:east")
      yield* b.isolate("ü")
      calls(a, 4, fails)
      yield* eventually(tagsOf(nodes), ["Open", "Open"])
      yield* eventually(
        Effect.map(keysOf(server), ({ length }) => length),
        names.length
      )
      for (const key of yield* keysOf(server)) {
        assert.isTrue(key.startsWith(prefix), key)
        assert.match(key.slice(prefix.length), /^v1:\{[^}]+\}/)
        const millis = Number(yield* server.command("PTTL", key))
        // Longer than the opening and the time after which the backoff starts over, but not for ever.
        assert.isAbove(millis, 360_000)
        assert.isBelow(millis, 86_400_000)
      }
    })
  )

  it.scopedLive("C8 what is not used goes by itself", () =>
    Effect.gen(function* () {
      const { a, server } = yield* nodesOn(1, {
        breaker: {
          idleTimeToLive: "1 second",
          openDuration: "1 second",
          halfOpen: { probeTimeout: "1 second" },
          tripPolicy: TripPolicy.failureCount({ failures: 5, within: "1 second" })
        }
      })
      for (const key of ["eu", "us"]) yield* Effect.exit(a.protectWith(fails, { key }))
      yield* a.trip("eu")
      yield* eventually(server.command("DBSIZE"), 2)
      yield* eventually(
        Effect.map(a.state("eu"), ({ _tag }) => _tag),
        "HalfOpen"
      )
      assert.strictEqual(yield* a.protectWith(Effect.succeed("works"), { key: "eu" }), "works")
      yield* eventually(server.command("DBSIZE"), 0)
    })
  )

  for (const [name, tripPolicy] of Object.entries(policies)) {
    it.scopedLive(`C8 memory per circuit is bounded, whatever the number of outcomes: ${name}`, () =>
      Effect.gen(function* () {
        const { a, nodes, server } = yield* nodesOn(2, { breaker: { tripPolicy } })
        for (const node of nodes) yield* node.protect(Effect.void)
        for (let round = 0; round < inLongRun(50, 15); round++) {
          yield* a.reset()
          for (const node of nodes) {
            calls(node, 100, Effect.void)
            calls(node, 40, fails)
          }
        }
        // Until all that is counted has been told.
        yield* Effect.sleep(2 * syncMillis)
        yield* eventually(
          Effect.map(keysOf(server), ({ length }) => length),
          1
        )
        const [key] = yield* keysOf(server)
        const bytes = Number(yield* server.command("MEMORY", "USAGE", key!))
        assert.isAbove(bytes, 0)
        assert.isBelow(bytes, 4_096)
      })
    )
  }

  it.scopedLive("C8 a circuit that nobody sees failing costs no command, however many calls it has", () =>
    Effect.gen(function* () {
      const { a, b, nodes, server } = yield* nodesOn(2)
      for (const node of nodes) yield* node.protect(Effect.void)
      yield* eventually(
        Effect.map(server.command("PUBSUB", "CHANNELS"), textsOf).pipe(Effect.map((it) => it.length)),
        1
      )
      yield* server.command("CONFIG", "RESETSTAT")
      calls(a, 10_000, Effect.void)
      yield* Effect.sleep(3 * syncMillis)
      calls(b, 10_000, Effect.void)
      assert.deepStrictEqual(yield* commandsOf(server), {})
    })
  )

  it.scopedLive("C8 commands do not grow with calls where some of them fail", () =>
    Effect.gen(function* () {
      const tripPolicy = TripPolicy.failureRate({ threshold: 0.9, within: "1 minute" })
      const { a, nodes, server } = yield* nodesOn(2, { breaker: { tripPolicy } })
      for (const node of nodes) yield* node.protect(Effect.void)
      calls(a, 1_000, Effect.void)
      calls(a, 1, fails)
      yield* Effect.sleep(2 * syncMillis)
      yield* server.command("CONFIG", "RESETSTAT")
      const startedAt = performance.now()
      for (let round = 0; round < 10; round++) {
        calls(a, 1_000, Effect.void)
        yield* Effect.sleep(syncMillis / 5)
      }
      const intervals = Math.ceil((performance.now() - startedAt) / syncMillis)
      const { evalsha = 0 } = yield* commandsOf(server)
      assert.isAbove(evalsha, 0)
      assert.isAtMost(evalsha, nodes.length * (intervals + 2))
    })
  )
})
