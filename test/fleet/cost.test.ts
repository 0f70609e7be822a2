import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { TripPolicy } from "effect-circuit-breaker"
import { metricsOf, newName } from "../metrics/fixtures.ts"
import { counted, fails, make, works } from "../rules/fixtures.ts"
import {
  failing,
  fleet,
  inStep,
  join,
  makeStore,
  openFleet,
  settled,
  succeeding,
  tagsOf
} from "./fixtures.ts"

describe("what sharing costs the store", () => {
  it.scoped("one question for a circuit that nobody sees failing, however many calls there are", () =>
    Effect.gen(function* () {
      const [a, b] = yield* fleet(2)
      assert.strictEqual(a.link.commands, 0)
      for (let minute = 0; minute < 10; minute++) {
        yield* succeeding(a, 100)
        yield* TestClock.adjust("1 minute")
      }
      assert.deepStrictEqual([a.link.commands, b.link.commands], [1, 0])
    })
  )

  it.scoped("calls that come together ask once", () =>
    Effect.gen(function* () {
      const [a] = yield* fleet(2)
      const call = counted(works)
      yield* Effect.all(Effect.replicate(a.protect(call.effect), 50), { concurrency: "unbounded" })
      assert.deepStrictEqual([call.runs, a.link.commands], [50, 1])
    })
  )

  it.scoped("a circuit that has healed and whose window is empty costs nothing again", () =>
    Effect.gen(function* () {
      const [a, b] = yield* openFleet(2)
      yield* TestClock.adjust("10 seconds")
      yield* succeeding(a, 1)
      // Two intervals of quiet, and what was under way.
      yield* TestClock.adjust("8 seconds")
      const before = [a.link.commands, b.link.commands]
      yield* TestClock.adjust("10 minutes")
      yield* succeeding(a, 100)
      assert.deepStrictEqual([a.link.commands, b.link.commands], before)
    })
  )

  it.scoped("a storm of failures asks hardly more than ten times an interval", () =>
    Effect.gen(function* () {
      const [a] = yield* fleet(2, { tripPolicy: TripPolicy.consecutive(1_000_000) })
      for (let failures = 0; failures < 400; failures++) {
        yield* Effect.exit(a.protect(fails))
        yield* TestClock.adjust("20 millis")
      }
      // Four intervals of two seconds, and what is saved up before.
      assert.isAtMost(a.link.commands, 5 * 10 + 1)
      assert.isAtLeast(a.link.commands, 4 * 10)
    })
  )

  it.scoped("failures after a quiet time are told at once", () =>
    Effect.gen(function* () {
      const [a, b] = yield* fleet(2, { tripPolicy: TripPolicy.consecutive(6) })
      yield* succeeding(b, 1)
      for (let failures = 0; failures < 3; failures++) {
        yield* failing(a, 1)
        yield* TestClock.adjust("20 millis")
        yield* failing(b, 1)
        yield* TestClock.adjust("20 millis")
      }
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Open", "Open"])
    })
  )

  it.scoped("very many circuits are exchanged some at a time, and all within an interval", () =>
    Effect.gen(function* () {
      const sizes: Array<number> = []
      const store = yield* makeStore()
      const node = yield* join({
        ...store,
        exchange: (requests) =>
          Effect.suspend(() => {
            sizes.push(requests.length)
            return store.exchange(requests)
          })
      })
      const keys = Array.from({ length: 1_000 }, (_, i) => `key-${i}`)
      yield* Effect.forEach(keys, (key) => Effect.exit(node.protectWith(fails, { key })))
      yield* inStep
      sizes.length = 0
      yield* TestClock.adjust("2 seconds")
      yield* settled
      assert.strictEqual(Math.max(...sizes), 256)
      assert.strictEqual(
        sizes.reduce((sum, size) => sum + size, 0),
        1_000
      )
    })
  )

  it.scoped("where very many nodes contribute, each asks less often", () =>
    Effect.gen(function* () {
      const [a, b] = yield* fleet(2, { tripPolicy: TripPolicy.consecutive(1_000) })
      yield* a.link.store.exchange(
        Array.from({ length: 499 }, (_, i) => ({
          circuit: { breaker: "default", key: "default" },
          node: `node-${i}`,
          contribution: "[]",
          announce: false,
          keepMillis: 3_600_000
        }))
      )
      yield* failing(a, 1)
      yield* inStep
      const before = a.link.commands
      yield* TestClock.adjust("200 seconds")
      // Every 20 seconds instead of every two.
      assert.strictEqual(a.link.commands - before, 10)
      assert.strictEqual(b.link.commands, 0)
    })
  )

  it.scoped("but whoever holds an isolation is heard of within the lease", () =>
    Effect.gen(function* () {
      const [a, b] = yield* fleet(2)
      yield* a.link.store.exchange(
        Array.from({ length: 500 }, (_, i) => ({
          circuit: { breaker: "default", key: "default" },
          node: `node-${i}`,
          contribution: "[]",
          announce: false,
          keepMillis: 3_600_000
        }))
      )
      yield* succeeding(b, 1)
      yield* a.isolate()
      yield* TestClock.adjust("5 minutes")
      yield* settled
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Isolated", "Isolated"])
    })
  )
})

describe("the metric of a store that fails", () => {
  it.scoped("is there for breakers that share, is 1 while the store does not answer, and 0 again", () =>
    Effect.gen(function* () {
      const name = newName()
      const failing = Effect.map(metricsOf(name), (metrics) => metrics["store_failing"])
      yield* make({ name })
      assert.isUndefined(yield* failing)
      const node = yield* join(yield* makeStore(), { name })
      assert.strictEqual(yield* failing, 0)
      node.link.cut()
      yield* succeeding(node, 1)
      assert.strictEqual(yield* failing, 1)
      yield* inStep
      assert.strictEqual(yield* failing, 1)
      node.link.mend()
      yield* inStep
      assert.strictEqual(yield* failing, 0)
    })
  )

  it.effect("does not outlive its breaker", () =>
    Effect.gen(function* () {
      const name = newName()
      yield* Effect.scoped(
        Effect.gen(function* () {
          const node = yield* join(yield* makeStore(), { name })
          node.link.cut()
          yield* succeeding(node, 1)
        })
      )
      assert.strictEqual((yield* metricsOf(name))["store_failing"], 0)
    })
  )
})
