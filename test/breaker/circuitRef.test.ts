/** The state of a circuit is a `Ref`: a change through that interface has the same effects as one by the breaker. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Queue from "effect/Queue"
import * as Ref from "effect/Ref"
import { CircuitMetrics, type Transition } from "effect-circuit-breaker"
import { Breaker } from "../../src/internal/breaker/breaker.ts"
import * as Controls from "../../src/internal/breaker/controls.ts"
import { circuits, state } from "../../src/internal/breaker/reading.ts"
import { decode } from "../../src/internal/circuitBreaker/options.ts"
import type * as Machine from "../../src/internal/core/circuit.ts"
import * as ManualControl from "../../src/internal/core/manualControl.ts"

const key = "eu"

const makeBreaker = (name: string, options: object = {}) =>
  Effect.withFiberRuntime<{
    readonly breaker: Breaker
    readonly published: ReadonlyArray<Transition.Transition>
  }>((caller) => {
    const published: Array<Transition.Transition> = []
    const breaker = new Breaker(
      { settings: decode({ name, ...options }), publish: (transition) => published.push(transition) },
      caller
    )
    return Effect.succeed({ breaker, published })
  })

const refOf = (breaker: Breaker, key: string) =>
  Effect.withFiberRuntime<Ref.Ref<Machine.Circuit<unknown>>>((caller) =>
    Effect.succeed(breaker.use(key, caller))
  )

const unnamed = <A extends { readonly breaker: string }>(it: A) => ({ ...it, breaker: "" })

describe("the Ref of a circuit", () => {
  it.effect("is the state that the breaker reads and changes", () =>
    Effect.gen(function* () {
      const { breaker } = yield* makeBreaker("read")
      const ref = yield* refOf(breaker, key)
      assert.strictEqual((yield* ref)._tag, "Closed")
      yield* Controls.trip(breaker, key)
      assert.strictEqual((yield* Ref.get(ref))._tag, "Open")
    })
  )

  it.scoped("changed by Ref.modify lists, counts and publishes the circuit as a control does", () =>
    Effect.gen(function* () {
      const byRef = yield* makeBreaker("by-ref")
      const byControl = yield* makeBreaker("by-control")
      const queue = yield* byRef.breaker.transitions.queue
      const ref = yield* refOf(byRef.breaker, key)

      const before = yield* Ref.modify(ref, (circuit) => [circuit._tag, ManualControl.isolate(circuit)])
      yield* Controls.isolate(byControl.breaker, key)

      assert.strictEqual(before, "Closed")
      assert.strictEqual(byRef.published.length, 1)
      assert.deepStrictEqual(byRef.published.map(unnamed), byControl.published.map(unnamed))
      assert.deepStrictEqual(Array.from(yield* Queue.takeAll(queue)), byRef.published)
      assert.deepStrictEqual(
        (yield* circuits(byRef.breaker)).map(unnamed),
        (yield* circuits(byControl.breaker)).map(unnamed)
      )
      for (const state of ["Closed", "Isolated"] as const) {
        const gauge = (breaker: string) => Metric.value(CircuitMetrics.state({ breaker, state }))
        assert.deepStrictEqual(yield* gauge("by-ref"), yield* gauge("by-control"))
      }
    })
  )

  it.effect("changed by Ref.set to a state other than Closed protects the circuit from being dropped", () =>
    Effect.gen(function* () {
      const { breaker } = yield* makeBreaker("kept", { capacity: 2 })
      const ref = yield* refOf(breaker, key)
      yield* Ref.set(ref, ManualControl.isolate(yield* ref))
      for (const other of ["a", "b", "c"]) yield* refOf(breaker, other)
      assert.deepStrictEqual(yield* state(breaker, key), { _tag: "Isolated" })
      assert.deepStrictEqual(
        (yield* circuits(breaker)).map((it) => it.key),
        ["c", key]
      )
    })
  )

  it.effect("set to its own value publishes nothing", () =>
    Effect.gen(function* () {
      const { breaker, published } = yield* makeBreaker("same")
      yield* Ref.update(yield* refOf(breaker, key), (circuit) => circuit)
      assert.deepStrictEqual(published, [])
    })
  )
})
