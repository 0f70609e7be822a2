import { setImmediate as nextTurn } from "node:timers/promises"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Scope from "effect/Scope"
import { CircuitBreaker, Outcome, TripPolicy } from "effect-circuit-breaker"
import * as fc from "fast-check"
import { inLongRun } from "../kit/runLength.ts"
import type { Breaker, ManualClock, Running } from "../kit/index.ts"
import { settled, startCall, useManualClock, watch } from "../kit/index.ts"
import { countedOf, gaugesOf, labelled, newName, pick } from "./fixtures.ts"

/** A step in the history of a breaker of few keys, fewer circuits and short times. */
type Step =
  | { readonly _tag: "Call"; readonly key: string; readonly ending: Ending }
  | { readonly _tag: "Start"; readonly key: string }
  | { readonly _tag: "End"; readonly which: number; readonly ending: Ending }
  | { readonly _tag: "Trip" | "Reset" | "Isolate"; readonly key: string }
  | { readonly _tag: "Release"; readonly which: number }
  | { readonly _tag: "Advance"; readonly millis: number }

type Ending = "works" | "fails" | "says nothing" | "is interrupted"

const key = fc.constantFrom("default", "a", "b", "c", "d")
const ending = fc.constantFrom<Ending>("works", "works", "fails", "fails", "says nothing", "is interrupted")
const which = fc.nat(3)

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ _tag: fc.constant("Call"), key, ending }) },
  { weight: 2, arbitrary: fc.record({ _tag: fc.constant("Start"), key }) },
  { weight: 2, arbitrary: fc.record({ _tag: fc.constant("End"), which, ending }) },
  { weight: 2, arbitrary: fc.record({ _tag: fc.constantFrom("Trip", "Reset", "Isolate"), key }) },
  { weight: 1, arbitrary: fc.record({ _tag: fc.constant("Release"), which }) },
  {
    weight: 3,
    arbitrary: fc.record({ _tag: fc.constant("Advance"), millis: fc.constantFrom(1, 500, 1_000) })
  }
)

const options: fc.Arbitrary<CircuitBreaker.Options> = fc.record(
  {
    tripPolicy: fc.constantFrom(TripPolicy.consecutive(1), TripPolicy.consecutive(2)),
    capacity: fc.constantFrom(1, 2, 3),
    idleTimeToLive: fc.constantFrom(1_500, 3_000),
    recovery: fc.constant({ duration: "1 second" }),
    mode: fc.constant("observe"),
    metricsByKey: fc.boolean()
  },
  { requiredKeys: ["tripPolicy"] }
)

const classify: CircuitBreaker.Classify = (exit) =>
  Exit.isFailure(exit) ? Outcome.failure() : exit.value === "says nothing" ? Outcome.ignored : Outcome.success

const exitOf = (ending: Ending): Exit.Exit<string, string> =>
  ending === "fails" ? Exit.fail("unavailable") : Exit.succeed(ending)

const run = Effect.fnUntraced(function* (breaker: Breaker, clock: ManualClock, history: ReadonlyArray<Step>) {
  const calls: Array<Running> = []
  const isolations: Array<Scope.CloseableScope> = []
  for (const step of history) {
    switch (step._tag) {
      case "Call": {
        const call = step.ending === "is interrupted" ? Effect.interrupt : exitOf(step.ending)
        yield* Effect.exit(breaker.protectWith(call, { key: step.key }))
        break
      }
      case "Start":
        calls.push(yield* startCall(breaker.protectWith({ key: step.key })))
        break
      case "End": {
        const [call] = calls.splice(step.which, 1)
        if (call === undefined) break
        yield* step.ending === "is interrupted" ? call.interrupt : call.end(exitOf(step.ending))
        break
      }
      case "Trip":
        yield* breaker.trip(step.key)
        break
      case "Reset":
        yield* breaker.reset(step.key)
        break
      case "Isolate": {
        const scope = yield* Scope.make()
        yield* Scope.extend(breaker.isolate(step.key), scope)
        isolations.push(scope)
        break
      }
      case "Release": {
        const [scope] = isolations.splice(step.which, 1)
        if (scope !== undefined) yield* Scope.close(scope, Exit.void)
        break
      }
      case "Advance":
        clock.advance(step.millis)
    }
  }
})

/** Makes calls until idle circuits are dropped (each call drops a few) and the others have changed state by time. */
const notice = Effect.fnUntraced(function* (breaker: Breaker) {
  const touch = (key: string) => Effect.exit(breaker.protectWith(exitOf("says nothing"), { key }))
  yield* Effect.repeatN(touch("a"), 5)
  for (const { key } of yield* breaker.circuits) yield* touch(key)
})

const countBy = <A>(items: Iterable<A>, seriesOf: (item: A) => string): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const item of items) counts[seriesOf(item)] = (counts[seriesOf(item)] ?? 0) + 1
  return counts
}

const isTransitions = (name: string) => name.startsWith("transitions_total")

const agrees = (options: CircuitBreaker.Options, history: ReadonlyArray<Step>) =>
  Effect.gen(function* () {
    const name = newName()
    const keyOf = (key: string) => (options.metricsByKey === true ? [["key", key] as const] : [])
    yield* Effect.gen(function* () {
      const clock = yield* useManualClock
      const breaker = yield* CircuitBreaker.make({ openDuration: "1 second", classify, ...options, name })
      const published = yield* watch(breaker.transitions)

      yield* run(breaker, clock, history)
      yield* notice(breaker)
      yield* settled

      const circuits = yield* breaker.circuits
      assert.deepStrictEqual(yield* gaugesOf(name), {
        circuits: circuits.length,
        ...countBy(circuits, ({ key, state }) => labelled("state", ...keyOf(key), ["state", state._tag]))
      })
      assert.deepStrictEqual(
        pick(yield* countedOf(name), isTransitions),
        countBy(published, ({ from, key, to }) =>
          labelled("transitions_total", ...keyOf(key), ["from", from], ["to", to])
        )
      )
    }).pipe(Effect.scoped)
    assert.deepStrictEqual(yield* gaugesOf(name), {})
  }).pipe(Logger.withMinimumLogLevel(LogLevel.None))

it("CircuitMetrics after any history has the circuits as gauges and the transitions as counters", () =>
  fc.assert(
    fc.asyncProperty(options, fc.array(step, { maxLength: 60, size: "max" }), async (options, history) => {
      // A history never yields to the event loop, and the test runner needs to reach its worker.
      await nextTurn()
      await Effect.runPromise(agrees(options, history))
    }),
    { seed: Number(process.env["FC_SEED"] ?? 20_260_101), numRuns: inLongRun(200, 40) }
  ))
