import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { recordLogs, rejectionOf, tagOf, works } from "../rules/fixtures.ts"
import {
  failing,
  fleet,
  historyOf,
  inStep,
  join,
  makeStore,
  openFleet,
  settled,
  startCall,
  succeeding,
  tagsOf
} from "./fixtures.ts"
import type { Node } from "./fixtures.ts"

/** An isolation that lasts until it is released. */
const isolation = (node: Node) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    yield* Scope.extend(node.isolate(), scope)
    yield* settled
    return { release: Effect.zipRight(Scope.close(scope, Exit.void), settled) }
  })

describe("R3.3 disable, for the whole fleet", () => {
  /** A circuit that stays disabled until it is enabled. */
  const disabling = (node: Node) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* Scope.extend(node.disable(), scope)
      yield* settled
      return { enable: Effect.zipRight(Scope.close(scope, Exit.void), settled) }
    })

  it.scoped("R3.3 has every node admit every call until the last of them enables it", () =>
    Effect.gen(function* () {
      const [a, b] = yield* openFleet(2)
      const first = yield* disabling(a)
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Disabled", "Disabled"])
      const second = yield* disabling(b)
      assert.strictEqual(yield* b.protect(works), "worked")
      yield* first.enable
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Disabled", "Disabled"])
      yield* second.enable
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Closed"])
      yield* inStep
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Closed"])
    })
  )

  it.scoped("R3.3 an isolation by another node comes first, and leaves it disabled", () =>
    Effect.gen(function* () {
      const [a, b] = yield* openFleet(2)
      const disabled = yield* disabling(a)
      const isolated = yield* isolation(b)
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Isolated", "Isolated"])
      yield* isolated.release
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Disabled", "Disabled"])
      yield* disabled.enable
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Closed"])
    })
  )

  it.scoped("R3.3 ends when its node is gone for longer than a lease", () =>
    Effect.gen(function* () {
      const [a, b] = yield* openFleet(2)
      yield* disabling(a)
      yield* inStep
      a.link.cut()
      yield* TestClock.adjust("30 seconds")
      yield* settled
      assert.strictEqual(yield* tagOf(b), "Closed")
    })
  )
})

describe("R3.4 the origin of a transition", () => {
  it.scoped("R3.4 is Local where this process decided, and Fleet where another one did", () =>
    Effect.gen(function* () {
      const [a, b] = yield* openFleet(2)
      const origins = ({ seen }: Node) => seen.map(({ origin, to }) => `${to} ${origin}`)
      assert.deepStrictEqual(origins(a), ["Open Local"])
      assert.deepStrictEqual(origins(b), ["Open Fleet"])
    })
  )

  it.scoped("R3.4 is in the line of an opening, too", () =>
    Effect.gen(function* () {
      const lines = yield* recordLogs
      yield* openFleet(2)
      assert.deepStrictEqual(
        lines.map(({ message }) => message),
        [
          "Circuit opened for 10s (consecutive: 1 failure in a row, opening 1)",
          "Circuit opened for 10s (tripped by its policy, opening 1, decided by another process)"
        ]
      )
    })
  )
})

describe("by hand, for the whole fleet", () => {
  it.scoped("trip opens every node, and heals as after any trip", () =>
    Effect.gen(function* () {
      const [a, b] = yield* fleet(2)
      yield* succeeding(b, 1)
      yield* a.trip()
      yield* settled
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Open", "Open"])
      assert.deepStrictEqual(
        b.seen.map((transition) => (transition.to === "Open" ? transition.reason : transition.to)),
        ["Manual"]
      )
      yield* TestClock.adjust("10 seconds")
      yield* succeeding(b, 1)
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Closed"])
      assert.deepStrictEqual(historyOf(a), historyOf(b))
    })
  )

  it.scoped("trip of an open circuit begins its open time anew for all, without a step of the backoff", () =>
    Effect.gen(function* () {
      const [a, b] = yield* openFleet(2, { openDuration: Schedule.exponential("10 seconds") })
      yield* TestClock.adjust("6 seconds")
      yield* b.trip()
      yield* settled
      yield* TestClock.adjust("9999 millis")
      for (const node of [a, b]) {
        const state = yield* node.state()
        assert.deepInclude(state, { _tag: "Open", openings: 1 })
      }
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["HalfOpen", "HalfOpen"])
    })
  )

  it.scoped("reset closes every node and starts the backoff over", () =>
    Effect.gen(function* () {
      const [a, b] = yield* openFleet(2, { openDuration: Schedule.exponential("10 seconds") })
      yield* b.reset()
      yield* settled
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Closed"])
      yield* failing(a, 1)
      yield* settled
      for (const node of [a, b]) assert.deepInclude(yield* node.state(), { _tag: "Open", openings: 1 })
    })
  )

  it.scoped("reset empties the windows of all", () =>
    Effect.gen(function* () {
      const [a, b] = yield* fleet(2)
      yield* failing(a, 1)
      yield* failing(b, 3)
      yield* inStep
      yield* a.reset()
      yield* settled
      yield* failing(a, 2)
      yield* inStep
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Closed"])
      yield* failing(b, 2)
      yield* inStep
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Closed"])
      yield* failing(a, 1)
      yield* inStep
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Open", "Open"])
    })
  )

  it.scoped("reset fences out the calls that are in flight on any node", () =>
    Effect.gen(function* () {
      const [a, b] = yield* fleet(2)
      const calls = yield* Effect.replicateEffect(startCall(b), 5)
      yield* a.reset()
      yield* settled
      yield* Effect.forEach(calls, ({ end }) => end(Exit.fail("late")))
      yield* inStep
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Closed"])
      const { window } = yield* b.snapshot()
      assert.strictEqual(window.failures, 0)
    })
  )

  it.scoped("a control has reached the store when it returns", () =>
    Effect.gen(function* () {
      const store = yield* makeStore()
      const a = yield* join(store)
      yield* a.trip("eu")
      const b = yield* join(store)
      assert.strictEqual((yield* rejectionOf(b.protectWith(works, { key: "eu" }))).state, "Open")
    })
  )

  it.scoped("an isolation nests over the nodes: it ends with the last", () =>
    Effect.gen(function* () {
      const [a, b, c] = yield* fleet(3)
      yield* succeeding(c!, 1)
      const first = yield* isolation(a)
      const second = yield* isolation(b)
      assert.deepStrictEqual(yield* tagsOf([a, b, c!]), ["Isolated", "Isolated", "Isolated"])
      yield* first.release
      assert.deepStrictEqual(yield* tagsOf([a, b, c!]), ["Isolated", "Isolated", "Isolated"])
      yield* inStep
      assert.deepStrictEqual(yield* tagsOf([a, b, c!]), ["Isolated", "Isolated", "Isolated"])
      yield* second.release
      assert.deepStrictEqual(yield* tagsOf([a, b, c!]), ["Closed", "Closed", "Closed"])
      assert.deepStrictEqual(historyOf(c!), ["Closed > Isolated 1", "Isolated > Closed 2"])
    })
  )

  it.scoped("an isolation lasts as long as it is held, however long that is", () =>
    Effect.gen(function* () {
      const [a, b] = yield* fleet(2)
      yield* succeeding(b, 1)
      const held = yield* isolation(a)
      // Of what else is on, too, the nodes keep each other informed.
      yield* failing(b, 1, "another")
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Isolated", "Isolated"])
      yield* held.release
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Closed"])
    })
  )

  it.scoped("an isolation held by a node that died ends with its lease, not before", () =>
    Effect.gen(function* () {
      const [a, b, c] = yield* fleet(3, {}, { lease: "6 seconds" })
      yield* Effect.forEach([b, c!], (node) => succeeding(node, 1))
      yield* isolation(a)
      yield* TestClock.adjust("10 seconds")
      a.link.freeze()
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(yield* tagsOf([b, c!]), ["Isolated", "Isolated"])
      yield* TestClock.adjust("6 seconds")
      assert.deepStrictEqual(yield* tagsOf([b, c!]), ["Closed", "Closed"])
      assert.strictEqual(yield* b.protect(works), "worked")
    })
  )

  it.scoped("reset ends the isolations of others, whose releases then do nothing", () =>
    Effect.gen(function* () {
      const [a, b] = yield* fleet(2)
      const old = yield* isolation(a)
      yield* b.reset()
      yield* settled
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Closed"])
      const current = yield* isolation(b)
      yield* old.release
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Isolated", "Isolated"])
      yield* current.release
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Closed"])
    })
  )

  it.scoped("a release from before a reset leaves the node's own later isolation alone", () =>
    Effect.gen(function* () {
      const [a, b] = yield* fleet(2)
      yield* succeeding(b, 1)
      const old = yield* isolation(a)
      yield* a.reset()
      const current = yield* isolation(a)
      yield* old.release
      yield* inStep
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Isolated", "Isolated"])
      yield* current.release
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Closed"])
    })
  )

  it.scoped("a trip of an isolated circuit does nothing on any node", () =>
    Effect.gen(function* () {
      const [a, b] = yield* fleet(2)
      const held = yield* isolation(a)
      yield* b.trip()
      yield* settled
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Isolated", "Isolated"])
      yield* held.release
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Closed"])
    })
  )

  it.scoped("awaitReady on one node ends when another closes the circuit", () =>
    Effect.gen(function* () {
      const [a, b] = yield* openFleet(2)
      const waiting = yield* Effect.fork(b.awaitReady())
      const done = yield* Deferred.make<void>()
      yield* Effect.fork(Effect.zipRight(Fiber.join(waiting), Deferred.succeed(done, undefined)))
      yield* settled
      assert.strictEqual(yield* Deferred.isDone(done), false)
      yield* a.reset()
      yield* settled
      assert.strictEqual(yield* Deferred.isDone(done), true)
      assert.strictEqual(yield* tagOf(b), "Closed")
    })
  )
})
