/** Disabled circuits of processes that could not tell each other for a while. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { CircuitStore } from "effect-circuit-breaker"
import { fleet, inStep, join, makeStore, type Node, settled, succeeding, tagsOf } from "./fixtures.ts"

const isReadOnly = new CircuitStore.CircuitStoreError({ message: "the store is read-only" })

/** Isolates or disables until it is ended. */
const holding = (hold: ReturnType<Node["isolate"]>) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    yield* Scope.extend(hold, scope)
    yield* settled
    return { end: Effect.zipRight(Scope.close(scope, Exit.void), settled) }
  })

const cutOff = Effect.gen(function* () {
  const [a, b] = yield* fleet(2)
  yield* Effect.forEach([a, b], (node) => succeeding(node, 1))
  a.link.cut()
  yield* succeeding(a, 1)
  return [a, b] as const
})

const mended = (node: Node) =>
  Effect.gen(function* () {
    node.link.mend()
    yield* inStep
    yield* succeeding(node, 1)
    yield* inStep
  })

describe("R3.3 a circuit that was disabled while its process was cut off", () => {
  it.scoped("R3.3 is Disabled for all as soon as they hear of it, and Closed after the enable", () =>
    Effect.gen(function* () {
      const [a, b] = yield* cutOff
      const disabled = yield* holding(a.disable())
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Disabled", "Closed"])
      yield* mended(a)
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Disabled", "Disabled"])
      yield* disabled.end
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Closed"])
      yield* inStep
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Closed"])
    })
  )

  it.scoped("R3.3 is Closed after the enable, also where another process has isolated it meanwhile", () =>
    Effect.gen(function* () {
      const [a, b] = yield* cutOff
      const own = yield* holding(a.isolate())
      const disabled = yield* holding(a.disable())
      yield* own.end
      const others = yield* holding(b.isolate())
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Disabled", "Isolated"])
      yield* mended(a)
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Isolated", "Isolated"])
      yield* others.end
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Disabled", "Disabled"])
      yield* disabled.end
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Closed"])
      yield* inStep
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Closed"])
    })
  )

  it.scoped("R3.3 is not Disabled again when it has been enabled before anybody heard of it", () =>
    Effect.gen(function* () {
      const [a, b] = yield* cutOff
      const disabled = yield* holding(a.disable())
      yield* disabled.end
      yield* mended(a)
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Closed"])
    })
  )

  it.scoped("R3.3 stays enabled when the store has refused to write that for a while", () =>
    Effect.gen(function* () {
      const store = yield* makeStore({ lease: "1 hour" })
      let refuses = false
      const refusing: CircuitStore.Store = {
        ...store,
        compareAndSet: (request) =>
          Effect.suspend(() => (refuses ? Effect.fail(isReadOnly) : store.compareAndSet(request)))
      }
      const a = yield* join(refusing)
      const b = yield* join(store)
      yield* Effect.forEach([a, b], (node) => succeeding(node, 1))
      const disabled = yield* holding(a.disable())
      yield* a.isolate()
      yield* settled
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Isolated", "Isolated"])

      refuses = true
      yield* disabled.end
      yield* b.isolate()
      yield* TestClock.adjust("100 millis")
      refuses = false
      yield* inStep
      yield* a.reset()
      yield* settled

      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Closed"])
    })
  )
})
