import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { CircuitStore } from "effect-circuit-breaker"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import { Redis } from "ioredis"
import { liveTest } from "../kit/test.ts"
import { rejectionOf } from "../kit/index.ts"
import { describeWith } from "./describe.ts"
import {
  failsNow,
  historyOf,
  isRejected,
  type Node,
  noticed,
  recovered,
  tagsOf,
  trips,
  worksNow
} from "./Nodes.ts"
import { newPrefix, syncMillis } from "./options.ts"
import * as RedisServer from "./RedisServer.ts"
import * as TwoNodes from "./TwoNodes.ts"
import { eventually, stays, until } from "./waiting.ts"

/** Two nodes in the same state, which then lose their server. */
const cutWhile = (state: "Open" | "HalfOpen") =>
  Effect.gen(function* () {
    const openDuration = state === "Open" ? "10 minutes" : "4 seconds"
    const fleet = yield* TwoNodes.make({ breaker: { openDuration } })
    yield* TwoNodes.startExchanging(fleet)
    trips(fleet.nodes[0])
    // On a busy machine, the open time may have passed before the test looks.
    yield* until(Effect.sync(() => fleet.nodes.every(({ seen }) => seen.length > 0)))
    yield* fleet.proxy.cut
    yield* noticed(fleet)
    yield* eventually(tagsOf(fleet.nodes), [state, state])
    return fleet
  })

const mended = (fleet: TwoNodes.TwoNodes) => Effect.zipRight(fleet.proxy.mend, recovered(fleet))

interface Change {
  readonly from: "Open" | "HalfOpen"
  readonly by: (a: Node, b: Node) => Effect.Effect<void>
  readonly alone: readonly [a: string, b: string]
  readonly agreed: string
  /** The history of the other node. */
  readonly seen?: ReadonlyArray<string>
}

const changes: Record<string, Change> = {
  "a probe that closed the circuit closes it on the other node": {
    from: "HalfOpen",
    by: (a) => Effect.sync(() => worksNow(a)),
    alone: ["Closed", "HalfOpen"],
    agreed: "Closed"
  },
  "a probe that reopened the circuit reopens it on the other node": {
    from: "HalfOpen",
    by: (a) => Effect.sync(() => failsNow(a)),
    alone: ["Open", "HalfOpen"],
    agreed: "Open"
  },
  "a probe that reopened the circuit prevails over one that closed it": {
    from: "HalfOpen",
    by: (a, b) => Effect.sync(() => (worksNow(a), failsNow(b))),
    alone: ["Closed", "Open"],
    agreed: "Open",
    seen: ["Closed > Open", "Open > HalfOpen", "HalfOpen > Open"]
  },
  "a reset by hand resets the circuit on the other node": {
    from: "Open",
    by: (a) => a.reset(),
    alone: ["Closed", "Open"],
    agreed: "Closed",
    seen: ["Closed > Open", "Open > Closed"]
  }
}

describeWith(
  "own",
  "C7 a change by one node during an outage of Redis reaches the other node afterwards",
  () => {
    for (const [title, { agreed, alone, by, from, seen }] of Object.entries(changes)) {
      liveTest(`C7 ${title}`, function* () {
        const fleet = yield* cutWhile(from)
        const [a, b] = fleet.nodes
        yield* by(a, b)
        assert.deepStrictEqual(yield* tagsOf(fleet.nodes), alone)
        yield* mended(fleet)
        yield* eventually(tagsOf(fleet.nodes), [agreed, agreed])
        if (seen !== undefined) assert.deepStrictEqual(historyOf(b), seen)
        yield* stays(tagsOf(fleet.nodes), [agreed, agreed], 2 * syncMillis)
        if (agreed === "Open") assert.deepInclude(yield* b.state(), { openings: 2 })
      })
    }

    liveTest("C7 an isolation isolates the other until it is released", function* () {
      const fleet = yield* cutWhile("Open")
      const isolation = yield* Scope.make()
      yield* Scope.extend(fleet.nodes[0].isolate(), isolation)
      yield* mended(fleet)
      yield* eventually(tagsOf(fleet.nodes), ["Isolated", "Isolated"])
      yield* stays(tagsOf(fleet.nodes), ["Isolated", "Isolated"], 5 * syncMillis)
      yield* Scope.close(isolation, Exit.void)
      yield* eventually(tagsOf(fleet.nodes), ["Closed", "Closed"])
    })

    liveTest("C7 the release of an isolation closes the circuit of the other", function* () {
      const fleet = yield* TwoNodes.make()
      const isolation = yield* Scope.make()
      yield* TwoNodes.startExchanging(fleet)
      yield* Scope.extend(fleet.nodes[0].isolate(), isolation)
      yield* eventually(tagsOf(fleet.nodes), ["Isolated", "Isolated"])
      yield* fleet.proxy.cut
      yield* noticed(fleet)
      yield* Scope.close(isolation, Exit.void)
      assert.deepStrictEqual(yield* tagsOf(fleet.nodes), ["Closed", "Isolated"])
      yield* mended(fleet)
      yield* eventually(tagsOf(fleet.nodes), ["Closed", "Closed"])
    })
  }
)

describeWith("own", "C7 a server that does not answer", () => {
  liveTest("C7 a connection on which nothing arrives any more is replaced", function* () {
    const fleet = yield* TwoNodes.make({ store: { syncInterval: 50, deadline: 3_000 } })
    const [a, b] = fleet.nodes
    yield* TwoNodes.startExchanging(fleet)
    yield* fleet.proxy.hush
    yield* noticed(fleet)
    trips(a)
    assert.deepStrictEqual(yield* tagsOf(fleet.nodes), ["Open", "Closed"])
    yield* until(isRejected(b))
    yield* recovered(fleet)
  })

  liveTest("C7 no more than one question waits for its answer", function* () {
    const server = yield* RedisServer.make()
    const connect = Effect.acquireRelease(
      Effect.sync(() => new Redis({ ...server.address, enableOfflineQueue: false, maxRetriesPerRequest: 0 })),
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
    yield* until(Effect.map(Effect.exit(store.exchange([])), Exit.isSuccess))
  })

  liveTest(
    "C7 calls and finalizers that cannot be interrupted wait no longer than the deadline",
    function* () {
      const { nodes, server } = yield* TwoNodes.make({
        store: { sync: "write-through", syncInterval: "1 hour", deadline: "1 second" }
      })
      const [a, b] = nodes
      yield* server.freeze
      // An isolation is released in a finalizer, and a call is written after its end.
      yield* Effect.scoped(a.isolate())
      assert.strictEqual(yield* b.protect(Effect.succeed("works")), "works")
    }
  )

  liveTest(
    "C7 the first call of a circuit waits no longer than the deadline, and can be interrupted",
    function* () {
      const { nodes, server } = yield* TwoNodes.make({
        store: { deadline: "4 seconds", syncInterval: "1 hour" }
      })
      const [a, b] = nodes
      yield* server.freeze
      const startedAt = performance.now()
      const interrupted = yield* Effect.timeoutOption(a.protect(Effect.succeed("works")), "50 millis")
      assert.strictEqual(interrupted._tag, "None")
      assert.isBelow(performance.now() - startedAt, 4_000)
      assert.strictEqual(yield* b.protect(Effect.succeed("works")), "works")
      // From then on the node knows that the server does not answer, so its calls do not wait.
      worksNow(b, 10)
      yield* Effect.zipRight(server.thaw, rejectionOf(Effect.zipRight(b.trip(), b.protect(Effect.void))))
    }
  )
})
