/** Each of the stores in `faults.ts` breaks one law, and that law fails on it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { CircuitStore } from "effect-circuit-breaker"
import * as testing from "effect-circuit-breaker/testing"
import { liveTest } from "../kit/test.ts"
import type { Store } from "./brokenStores.ts"
import { faults } from "./faults.ts"

const lawOf = (expected: RegExp): testing.StoreLaw | undefined =>
  testing.storeLaws.find((it) => expected.test(it.name))

describe("CircuitStore laws", () => {
  it("F13 each law has a store that breaks it", () => {
    const caught = new Set(faults.map(([, , expected]) => lawOf(expected)))
    assert.deepStrictEqual(
      testing.storeLaws.filter((law) => !caught.has(law)).map(({ name }) => name),
      []
    )
  })
})

describe("CircuitStore laws catch a store that", { concurrent: true }, () => {
  for (const [name, fault, expected] of faults) {
    liveTest(`CircuitStore law catches a store that ${name}`, function* () {
      const store = yield* CircuitStore.makeMemory()
      const connections = { closed: 0 }
      const wrong = { ...store, ...fault(store, connections) }
      const connect = Effect.acquireRelease(Effect.succeed(wrong), () =>
        Effect.sync(() => connections.closed++)
      )
      const law = lawOf(expected)
      assert.isDefined(law)
      const broken = yield* Effect.flip(law.check(connect))
      assert.strictEqual(broken.law, law.name)
      assert.include(broken.message, `${law.name}: `)
    })
  }

  liveTest("F13 CircuitStore law catches a store that throws, and names its error", function* () {
    const store = yield* CircuitStore.makeMemory()
    const throwing: Partial<Store> = {
      exchange: () => {
        throw new TypeError("it has no connection")
      },
      compareAndSet: () => Effect.die(new TypeError("it has no connection")),
      changes: () => Stream.dieMessage("it has no connection")
    }
    for (const law of testing.storeLaws) {
      const broken = yield* Effect.flip(law.check(Effect.succeed({ ...store, ...throwing })))
      assert.match(broken.message, /: the store has a defect: .*it has no connection$/)
    }
  })

  liveTest("F13 CircuitStore law catches a store whose subscriptions fail or end, and says so", function* () {
    const store = yield* CircuitStore.makeMemory()
    const error = new CircuitStore.CircuitStoreError({ message: "cannot subscribe" })
    for (const law of testing.storeLaws.filter(({ about }) => about === "notifications")) {
      const failing: Store = { ...store, changes: () => Stream.fail(error) }
      const failed = yield* Effect.flip(law.check(Effect.succeed(failing)))
      assert.strictEqual(failed.message, `${law.name}: cannot subscribe`)
      const ending: Store = { ...store, changes: () => Stream.empty }
      const ended = yield* Effect.flip(law.check(Effect.succeed(ending)))
      assert.strictEqual(ended.message, `${law.name}: the subscription has ended`)
    }
  })
})
