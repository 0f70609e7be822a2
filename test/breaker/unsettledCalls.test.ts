/** Calls that count as successes unless they continue: when they are settled, and how a reader counts them before. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import type { CircuitEntry } from "../../src/internal/breaker/circuitEntry.ts"
import type { UnsettledCall } from "../../src/internal/breaker/unsettledCalls.ts"
import { UnsettledCalls } from "../../src/internal/breaker/unsettledCalls.ts"
import * as Admission from "../../src/internal/core/admission.ts"
import * as Machine from "../../src/internal/core/circuit.ts"
import * as ManualControl from "../../src/internal/core/manualControl.ts"
import { entryOf, makeBreaker } from "./fixtures.ts"

const tripPolicy = TripPolicy.failureRate({ threshold: 0.5, calls: 100 })

const makeTable = (options?: CircuitBreaker.Options) =>
  Effect.map(makeBreaker({ tripPolicy, ...options }), (breaker) => {
    const reported: Array<readonly [key: string, defect: unknown]> = []
    const settled: Array<string> = []
    const unsettled = new UnsettledCalls((key, defect) => reported.push([key, defect]))
    const { rules } = breaker.settings
    /** Adds a call of a circuit, by default in its generation and without a slot. */
    const add = (name: string, entry: CircuitEntry, given: Partial<Machine.Ticket> = {}): UnsettledCall => {
      const { generation } = entry.current
      const call: UnsettledCall = {
        call: { generation, slot: 0, ...given, entry },
        settle: () => void settled.push(name)
      }
      unsettled.add(call)
      return call
    }
    const seen = (entry: CircuitEntry, now = 0) => {
      const { circuit, unsettled: count } = unsettled.seen(entry, rules, now) ?? {
        circuit: entry.current,
        unsettled: 0
      }
      return { count, circuit, calls: Machine.counts(circuit, rules, now).calls }
    }
    return { add, breaker, reported, rules, seen, settled, unsettled }
  })

/** Waits until a timer that is set now has run, and so have all that were set before. */
const nextTurn: Effect.Effect<void> = Effect.async((resume) => {
  setTimeout(() => resume(Effect.void), 0)
})

describe("E1 calls that are unsettled", () => {
  it.effect("E1 are settled in their order when the event loop turns, once", () =>
    Effect.gen(function* () {
      const { add, breaker, settled, unsettled } = yield* makeTable()
      const [eu, us] = [yield* entryOf(breaker, "eu"), yield* entryOf(breaker, "us")]
      assert.isTrue(unsettled.isEmpty)
      add("eu 1", eu)
      add("us 1", us)
      add("eu 2", eu)
      assert.isFalse(unsettled.isEmpty)
      assert.deepStrictEqual(settled, [])
      yield* nextTurn
      assert.deepStrictEqual(settled, ["eu 1", "eu 2", "us 1"])
      assert.isTrue(unsettled.isEmpty)
      add("eu 3", eu)
      yield* nextTurn
      assert.deepStrictEqual(settled, ["eu 1", "eu 2", "us 1", "eu 3"])
    })
  )

  it.effect(
    "E1 are settled before the next outcome of their circuit, but not before those of other circuits",
    () =>
      Effect.gen(function* () {
        const { add, breaker, settled, unsettled } = yield* makeTable()
        const [eu, us] = [yield* entryOf(breaker, "eu"), yield* entryOf(breaker, "us")]
        unsettled.settleAll(eu)
        add("eu 1", eu)
        add("us 1", us)
        unsettled.settleAll(eu)
        assert.deepStrictEqual(settled, ["eu 1"])
        unsettled.settleAll(eu)
        assert.isFalse(unsettled.isEmpty)
        add("eu 2", eu)
        yield* nextTurn
        assert.deepStrictEqual(settled, ["eu 1", "us 1", "eu 2"])
        assert.isTrue(unsettled.isEmpty)
      })
  )

  it.effect("E1 are not settled after they were removed, which happens once", () =>
    Effect.gen(function* () {
      const { add, breaker, settled, unsettled } = yield* makeTable()
      const eu = yield* entryOf(breaker, "eu")
      const taken = add("taken", eu)
      const other = add("other", eu)
      unsettled.takeBack(taken)
      unsettled.takeBack(taken)
      assert.isFalse(unsettled.isEmpty)
      unsettled.settleAll(eu)
      assert.deepStrictEqual(settled, ["other"])
      unsettled.takeBack(other)
      assert.isTrue(unsettled.isEmpty)
      const last = add("last", eu)
      unsettled.takeBack(last)
      assert.isTrue(unsettled.isEmpty)
      yield* nextTurn
      assert.deepStrictEqual(settled, ["other"])
    })
  )

  it.effect("E1 of a circuit from which all were removed leave room for the next ones", () =>
    Effect.gen(function* () {
      const { add, breaker, seen, settled, unsettled } = yield* makeTable()
      const [eu, us] = [yield* entryOf(breaker, "eu"), yield* entryOf(breaker, "us")]
      add("us", us)
      unsettled.takeBack(add("taken", eu))
      unsettled.settleAll(eu)
      add("next", eu)
      assert.strictEqual(seen(eu).count, 1)
      yield* nextTurn
      assert.deepStrictEqual(settled, ["us", "next"])
    })
  )

  it.effect("E1 that are added during settling are settled in the next turn", () =>
    Effect.gen(function* () {
      const { add, breaker, settled, unsettled } = yield* makeTable()
      const [eu, us] = [yield* entryOf(breaker, "eu"), yield* entryOf(breaker, "us")]
      const { generation } = eu.current
      unsettled.add({
        call: { generation, slot: 0, entry: eu },
        settle: () => {
          unsettled.settleAll(us)
          add("late", us)
        }
      })
      add("us", us)
      const turn = nextTurn
      yield* turn
      assert.deepStrictEqual(settled, ["us"])
      yield* nextTurn
      assert.deepStrictEqual(settled, ["us", "late"])
    })
  )

  it.effect("E1 are settled even if another one of them throws, which is reported with its key", () =>
    Effect.gen(function* () {
      const { add, breaker, reported, settled, unsettled } = yield* makeTable()
      const eu = yield* entryOf(breaker, "eu")
      unsettled.add({
        call: { generation: eu.current.generation, slot: 0, entry: eu },
        settle: () => {
          throw "broken"
        }
      })
      add("next", eu)
      yield* nextTurn
      assert.deepStrictEqual(settled, ["next"])
      assert.deepStrictEqual(reported, [["eu", "broken"]])
      assert.isTrue(unsettled.isEmpty)
    })
  )
})

describe("E1 a reader", () => {
  it.effect("E1 sees a circuit without unsettled calls as it is", () =>
    Effect.gen(function* () {
      const { breaker, seen } = yield* makeTable()
      const eu = yield* entryOf(breaker, "eu")
      assert.deepStrictEqual(seen(eu), { circuit: eu.current, count: 0, calls: 0 })
    })
  )

  it.effect("E1 counts unsettled calls as successes, each once, however often it reads", () =>
    Effect.gen(function* () {
      const { add, breaker, seen, settled, unsettled } = yield* makeTable()
      const eu = yield* entryOf(breaker, "eu")
      const calls = ["1", "2", "3"].map((name) => add(name, eu))
      for (const _ of [1, 2]) assert.deepInclude(seen(eu), { count: 3, calls: 3 })
      unsettled.takeBack(calls[0]!)
      assert.deepInclude(seen(eu), { count: 2, calls: 2 })
      add("4", eu)
      add("5", eu)
      assert.deepInclude(seen(eu), { count: 4, calls: 4 })
      assert.deepStrictEqual(settled, [])
    })
  )

  it.effect("E1 computes its result again when the circuit has changed, or a millisecond has passed", () =>
    Effect.gen(function* () {
      const { add, breaker, rules, seen } = yield* makeTable()
      const eu = yield* entryOf(breaker, "eu")
      add("1", eu)
      const first = seen(eu, 0.1).circuit
      assert.strictEqual(seen(eu, 0.9).circuit, first)
      assert.notStrictEqual(seen(eu, 1.1).circuit, first)
      const before = eu.current
      eu.current = Machine.settle(
        before,
        rules,
        { generation: 0, slot: 0 },
        { outcome: { _tag: "Success" } as never, interrupted: false, at: 1, elapsedMillis: 0 }
      )
      assert.deepInclude(seen(eu, 1.2), { count: 1, calls: 2 })
    })
  )

  it.effect("R3.2.6 E1 does not count calls of an older generation", () =>
    Effect.gen(function* () {
      const { add, breaker, rules, seen, unsettled } = yield* makeTable()
      const eu = yield* entryOf(breaker, "eu")
      const older = add("older", eu)
      eu.current = ManualControl.reset(eu.current, rules, 0)
      assert.deepInclude(seen(eu), { count: 0, calls: 0 })
      add("newer", eu)
      assert.deepInclude(seen(eu), { count: 1, calls: 1 })
      add("newest", eu)
      assert.deepInclude(seen(eu), { count: 2, calls: 2 })
      unsettled.takeBack(older)
      assert.deepInclude(seen(eu), { count: 2, calls: 2 })
    })
  )

  it.effect("E1 reuses its result for one generation again once the others are gone", () =>
    Effect.gen(function* () {
      const { add, breaker, rules, seen, unsettled } = yield* makeTable()
      const eu = yield* entryOf(breaker, "eu")
      unsettled.takeBack(add("older", eu))
      eu.current = ManualControl.reset(eu.current, rules, 0)
      add("newer", eu)
      const { circuit } = seen(eu)
      // The result for all calls of one generation is kept; computed one by one, it would be another object each time.
      assert.strictEqual(seen(eu).circuit, circuit)
    })
  )

  it.effect("E1 counts an unsettled probe as succeeded, and no probe of another slot", () =>
    Effect.gen(function* () {
      const { add, breaker, rules, seen } = yield* makeTable({ halfOpen: { probes: 2 } })
      const eu = yield* entryOf(breaker, "eu")
      const open = Machine.open(eu.current, 0, { openings: 1, openMillis: 10, openedAt: 0 })
      const [decision, halfOpen] = Admission.admit(open, rules, 10)
      eu.current = halfOpen
      assert.isTrue(decision._tag === "Admitted")
      const { slot } = (decision as Extract<Admission.Decision, { readonly _tag: "Admitted" }>).ticket
      add("of another slot", eu, { slot: slot + 7 })
      assert.deepInclude(seen(eu, 11), { count: 0, circuit: halfOpen })
      add("probe", eu, { slot })
      const { circuit, count } = seen(eu, 11)
      assert.strictEqual(count, 1)
      assert.deepInclude(circuit, { _tag: "HalfOpen", succeeded: 1 })
    })
  )
})
