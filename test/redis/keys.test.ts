import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TripPolicy } from "effect-circuit-breaker"
import { liveTest } from "../kit/test.ts"
import { tagOf } from "../kit/index.ts"
import { inLongRun } from "../kit/runLength.ts"
import { infoOf, keysIn, subscribersOf } from "./commands.ts"
import { describeWith } from "./describe.ts"
import { callsNow, failsNow, type Node, nodeOn, tagsOf, unavailable } from "./Nodes.ts"
import { channelOf, newPrefix, type Options, syncMillis } from "./options.ts"
import * as RedisServer from "./RedisServer.ts"
import { eventually, until } from "./waiting.ts"

const nodesOn = (count: number, options?: Options) =>
  Effect.gen(function* () {
    const server = yield* RedisServer.make()
    const prefix = newPrefix()
    const nodes = yield* Effect.replicateEffect(nodeOn(server.address, prefix, options), count)
    return { server, prefix, nodes, a: nodes[0]!, b: nodes[1]! }
  })

/** The number of times that each command was run since the statistics were reset, without those of the test. */
const commandsOf = (server: RedisServer.RedisServer) =>
  Effect.map(server.command("INFO", "commandstats"), (info) =>
    Object.fromEntries(
      Array.from(String(info).matchAll(/cmdstat_(\S+):calls=(\d+)/g), ([, name, count]) => [
        name,
        Number(count)
      ]).filter(([name]) => !/^(info|config|client|command|select)/.test(String(name)))
    )
  )

const failuresSeenBy = (node: Node) => Effect.map(node.snapshot(), ({ window }) => window.failures)

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

describeWith("own", "C8 keys and commands", () => {
  liveTest("C8 a circuit has one key, with the prefix, in one hash slot, that expires", function* () {
    const { a, b, nodes, prefix, server } = yield* nodesOn(2, { breaker: { openDuration: "3 minutes" } })
    const names = ["default", "eu", "us:east", "{curly}", "with space", "ü"]
    for (const key of names) {
      for (const node of nodes) yield* node.protectWith(Effect.void, { key })
      callsNow(a, unavailable, 1, key)
    }
    yield* a.trip("us:east")
    yield* b.isolate("ü")
    failsNow(a, 4)
    yield* eventually(tagsOf(nodes), ["Open", "Open"])
    yield* eventually(server.command("DBSIZE"), names.length)
    for (const key of yield* keysIn(server)) {
      assert.isTrue(key.startsWith(prefix), key)
      assert.match(key.slice(prefix.length), /^v2:\{[^}]+\}/)
      const millis = Number(yield* server.command("PTTL", key))
      // Longer than the opening and the time after which the backoff starts over, but not forever.
      assert.isAbove(millis, 360_000)
      assert.isBelow(millis, 86_400_000)
    }
  })

  liveTest("C8 the key of a circuit that is no longer used expires", function* () {
    const { a, server } = yield* nodesOn(1, {
      breaker: {
        idleTimeToLive: "1 second",
        openDuration: "1 second",
        halfOpen: { probeTimeout: "1 second" },
        tripPolicy: TripPolicy.failureCount({ failures: 1_000_000, within: "1 second" })
      }
    })
    // A key may have expired before a busy machine looks at it, so the test counts the expired ones.
    const written = Effect.zipWith(
      Effect.map(server.command("DBSIZE"), Number),
      Effect.map(infoOf(server, "stats", "expired_keys"), Number),
      (present, expired) => present + expired
    )
    const hasExpired = eventually(server.command("DBSIZE"), 0)
    // The failure may be older than the window when a busy machine comes to report it; then it is not written.
    const failure = Effect.exit(a.protectWith(unavailable, { key: "us" }))
    yield* until(Effect.map(Effect.zipRight(failure, written), (count) => count > 0))
    yield* hasExpired

    const before = yield* written
    yield* a.trip("eu")
    assert.isAbove(yield* written, before)
    yield* eventually(tagOf(a, "eu"), "HalfOpen")
    // On a busy machine, a probe may outlast its probeTimeout, and then does not close the circuit.
    const probe = Effect.exit(a.protectWith(Effect.void, { key: "eu" }))
    yield* eventually(Effect.zipRight(probe, tagOf(a, "eu")), "Closed")
    yield* hasExpired
  })

  for (const [name, tripPolicy] of Object.entries(policies)) {
    liveTest(`C8 memory of a circuit does not grow with its outcomes: ${name}`, function* () {
      const { a, nodes, server } = yield* nodesOn(2, { breaker: { tripPolicy } })
      for (const node of nodes) yield* node.protect(Effect.void)
      for (let round = 0; round < inLongRun(50, 15); round++) {
        yield* a.reset()
        // With the failures of the round before, those of this one would open the circuit.
        for (const node of nodes) yield* eventually(failuresSeenBy(node), 0)
        for (const node of nodes) {
          callsNow(node, Effect.void, 100)
          failsNow(node, 40)
        }
      }
      // The nodes report their counts.
      yield* Effect.sleep(2 * syncMillis)
      yield* eventually(server.command("DBSIZE"), 1)
      const [key] = yield* keysIn(server)
      const bytes = Number(yield* server.command("MEMORY", "USAGE", key!))
      assert.isAbove(bytes, 0)
      assert.isBelow(bytes, 4_096)
    })
  }

  liveTest("C8 calls on a circuit that does not fail send no command", function* () {
    const { a, b, nodes, prefix, server } = yield* nodesOn(2)
    for (const node of nodes) yield* node.protect(Effect.void)
    yield* eventually(subscribersOf(server, channelOf(prefix)), 2)
    yield* server.command("CONFIG", "RESETSTAT")
    callsNow(a, Effect.void, 10_000)
    yield* Effect.sleep(3 * syncMillis)
    callsNow(b, Effect.void, 10_000)
    assert.deepStrictEqual(yield* commandsOf(server), {})
  })

  liveTest("C8 calls on a circuit that fails send commands by the interval, not by the call", function* () {
    const tripPolicy = TripPolicy.failureRate({ threshold: 0.9, within: "1 minute" })
    const { a, nodes, server } = yield* nodesOn(2, { breaker: { tripPolicy } })
    for (const node of nodes) yield* node.protect(Effect.void)
    callsNow(a, Effect.void, 1_000)
    failsNow(a)
    yield* Effect.sleep(2 * syncMillis)
    yield* server.command("CONFIG", "RESETSTAT")
    const startedAt = performance.now()
    for (let round = 0; round < 10; round++) {
      callsNow(a, Effect.void, 1_000)
      yield* Effect.sleep(syncMillis / 5)
    }
    const intervals = Math.ceil((performance.now() - startedAt) / syncMillis)
    const { evalsha = 0 } = yield* commandsOf(server)
    assert.isAbove(evalsha, 0)
    assert.isAtMost(evalsha, nodes.length * (intervals + 2))
  })
})
