/** The rights of a Redis user that the guide recommends: they are sufficient, and each is necessary. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TripPolicy } from "effect-circuit-breaker"
import { Redis } from "ioredis"
import * as Scripts from "../../src/internal/stores/redis/scripts.ts"
import { liveTest } from "../kit/test.ts"
import { read } from "../examples/documents.ts"
import { keysIn, subscribersOf } from "./commands.ts"
import { describeWith } from "./describe.ts"
import type { Node } from "./Nodes.ts"
import { nodeOn, storeLinesOf, tagsOf, trips } from "./Nodes.ts"
import * as RedisServer from "./RedisServer.ts"
import { eventually } from "./waiting.ts"

const guide = read("examples/fleet/README.md")

/** The words of the guide's command, as a shell passes them to `redis-cli`. */
const pasted = (() => {
  const block = /<!-- acl -->\s+```sh\n(.*?)```/s.exec(guide)![1]!
  const [cli, ...words] = block.replaceAll("\\\n", " ").trim().split(/\s+/)
  assert.strictEqual(cli, "redis-cli")
  return words.map((word) => word.replace(/^'(.*)'$/, "$1"))
})()

const password = pasted.find((word) => word.startsWith(">"))!.slice(1)
const prefix = pasted.find((word) => word.startsWith("~"))!.replace(/^~(.*)\*$/, "$1")
const commands = pasted.filter((word) => word.startsWith("+")).map((word) => word.slice(1))

/** A server that knows the user of the guide. */
const restricted = Effect.gen(function* () {
  const server = yield* RedisServer.make()
  const [name = "", ...words] = pasted
  assert.strictEqual(yield* server.command(name, ...words), "OK")
  return { ...server, address: { ...server.address, username: "circuits", password } }
})

const both = (nodes: ReadonlyArray<Node>, state: string) => eventually(tagsOf(nodes), [state, state])

describeWith("own", "the user of the guide", () => {
  liveTest("C7 shares circuits: openings, counts, probes and controls, and nothing is refused", function* () {
    const server = yield* restricted
    const options = { breaker: { tripPolicy: TripPolicy.consecutive(5), openDuration: 1_000 } }
    const nodes = [
      yield* nodeOn(server.address, prefix, options),
      yield* nodeOn(server.address, prefix, options)
    ]
    const [a, b] = nodes as [Node, Node]
    yield* eventually(subscribersOf(server, channelOfGuide()), 2)

    yield* b.protect(Effect.void)
    trips(a)
    yield* both(nodes, "HalfOpen")
    yield* b.protect(Effect.void)
    yield* both(nodes, "Closed")
    yield* Effect.scoped(Effect.zipRight(a.isolate(), both(nodes, "Isolated")))
    yield* both(nodes, "Closed")
    yield* Effect.scoped(Effect.zipRight(b.disable(), both(nodes, "Disabled")))
    yield* a.trip()
    yield* b.reset()
    yield* both(nodes, "Closed")

    assert.deepStrictEqual(yield* keysIn(server), [keyOfGuide()])
    assert.deepStrictEqual(yield* server.command("ACL", "LOG"), [])
    assert.deepStrictEqual(nodes.map(storeLinesOf), [[], []])
  })

  liveTest("C7 may do nothing else, and nothing elsewhere", function* () {
    const { address } = yield* restricted
    const client = yield* Effect.acquireRelease(
      Effect.sync(() => new Redis({ ...address, enableReadyCheck: false })),
      (client) => Effect.sync(() => client.disconnect())
    )
    const refused: ReadonlyArray<ReadonlyArray<string>> = [
      ["GET", `${prefix}key`],
      ["DEL", `${prefix}key`],
      ["KEYS", "*"],
      ["FLUSHALL"],
      ["CONFIG", "GET", "*"],
      ["ACL", "LIST"],
      ["SCRIPT", "FLUSH"],
      ["PUBSUB", "CHANNELS"],
      ["HGET", "other", "state"],
      ["SUBSCRIBE", "other"],
      ["PUBLISH", "other", "text"],
      ["EVAL", "return redis.call('HSET', KEYS[1], 'a', 'b')", "1", "other"],
      ["EVAL", "return redis.call('DEL', KEYS[1])", "1", `${prefix}key`],
      ["EVAL", "return redis.call('PUBLISH', 'other', 'text')", "0"]
    ]
    for (const [name = "", ...args] of refused) {
      const answer = yield* Effect.flip(Effect.tryPromise(() => client.call(name, ...args)))
      assert.match(
        String(answer.error),
        /NOPERM|ACL failure|The user executing the script can't/,
        [name, ...args].join(" ")
      )
    }
  })
})

it("C7 the guide's rights are the commands that a connection sends and that the scripts call, and no others", () => {
  const connection = ["eval", "evalsha", "info", "ping", "subscribe", "unsubscribe"]
  const called = `${Scripts.read}${Scripts.exchange}${Scripts.compareAndSet}`.matchAll(
    /\bp?call\('(\w+)'(?:, '([A-Z]+)')?/g
  )
  const scripts = Array.from(called, ([, name, subcommand]) =>
    [name, ...(subcommand === undefined ? [] : [subcommand])].join("|").toLowerCase()
  )
  assert.deepStrictEqual([...commands].sort(), [...new Set([...connection, ...scripts])].sort())
})

/** A name in the guide, which has to be the one that a breaker uses. */
const shown = (pattern: RegExp): string => pattern.exec(guide)![1]!
const keyOfGuide = () => shown(/HGET '(circuit:[^']*)'/)
const channelOfGuide = () => shown(/NUMSUB '(circuit:[^']*)'/)
