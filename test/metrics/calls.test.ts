import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { type CircuitBreaker, Outcome, TripPolicy } from "effect-circuit-breaker"
import { test } from "../kit/test.ts"
import type { Breaker } from "../rules/fixtures.ts"
import {
  fails,
  make,
  makeHalfOpen,
  makeOpen,
  rejecting,
  rejectionOf,
  startCall,
  works
} from "../rules/fixtures.ts"
import { changesBy, newName, pick } from "./fixtures.ts"

interface Case {
  readonly breaker?: (options: CircuitBreaker.Options) => Effect.Effect<Breaker, never, Scope.Scope>
  readonly options?: CircuitBreaker.Options
  readonly calls: (breaker: Breaker) => Effect.Effect<unknown, unknown, Scope.Scope>
  readonly counted: Record<string, number>
}

const succeeded = { 'calls_total{outcome="success"}': 1 }
const failed = { 'calls_total{outcome="failure"}': 1 }
const ignored = { 'calls_total{outcome="ignored"}': 1 }
const rejected = { 'calls_total{outcome="rejected"}': 1 }
const nothing = {}

const patient = { tripPolicy: TripPolicy.consecutive(10) }

const endAfter = (
  between: (breaker: Breaker) => Effect.Effect<unknown, unknown>,
  exit: Exit.Exit<string, string>
) =>
  Effect.fnUntraced(function* (breaker: Breaker) {
    const call = yield* startCall(breaker.protectWith({ key: "eu" }))
    yield* between(breaker)
    yield* call.end(exit)
  })

const cases: Record<string, Case> = {
  "a success": { calls: (breaker) => breaker.protect(works), counted: succeeded },
  "a typed failure": { calls: (breaker) => breaker.protect(fails), counted: failed },
  "a defect": { calls: (breaker) => breaker.protect(Effect.die("broken")), counted: failed },
  "a value that is judged a failure": {
    options: { classify: () => Outcome.failure() },
    calls: (breaker) => breaker.protect(works),
    counted: failed
  },
  "an error that is judged Ignored": {
    calls: (breaker) => breaker.protectWith(fails, { classify: () => Outcome.ignored }),
    counted: ignored
  },
  "a call whose classifier throws": {
    options: {
      classify: () => {
        throw new Error("no verdict")
      }
    },
    calls: (breaker) => breaker.protect(fails),
    counted: ignored
  },
  "an effect that interrupts itself": {
    calls: (breaker) => breaker.protect(Effect.interrupt),
    counted: ignored
  },
  "an interrupted call": {
    calls: (breaker) => Effect.flatMap(startCall(breaker.protect), ({ interrupt }) => interrupt),
    counted: ignored
  },
  "an interrupted call of a policy that counts interruptions": {
    options: { tripPolicy: TripPolicy.slowCallRate({ slowerThan: "1 second", threshold: 1, calls: 5 }) },
    calls: (breaker) => Effect.flatMap(startCall(breaker.protect), ({ interrupt }) => interrupt),
    counted: ignored
  },
  "a probe that succeeds": {
    breaker: makeHalfOpen,
    calls: (breaker) => breaker.protect(works),
    counted: succeeded
  },
  "a probe that fails": {
    breaker: makeHalfOpen,
    calls: (breaker) => breaker.protect(fails),
    counted: failed
  },
  "a probe that is interrupted": {
    breaker: makeHalfOpen,
    calls: (breaker) => Effect.flatMap(startCall(breaker.protect), ({ interrupt }) => interrupt),
    counted: ignored
  },
  "a probe that uses its circuit itself": {
    breaker: makeHalfOpen,
    calls: (breaker) => breaker.protect(breaker.protect(works)),
    counted: succeeded
  },
  "a call that a dry run would have rejected": {
    breaker: makeOpen,
    options: { mode: "observe" },
    calls: (breaker) => breaker.protect(works),
    counted: rejected
  },
  "a success after the circuit was opened": {
    calls: endAfter((breaker) => breaker.trip("eu"), Exit.succeed("late")),
    counted: nothing
  },
  "a failure after the circuit was closed anew": {
    calls: endAfter((breaker) => breaker.reset("eu"), Exit.fail("late")),
    counted: nothing
  },
  "a probe's success after its slot was lost": {
    breaker: makeHalfOpen,
    options: { halfOpen: { probeTimeout: "1 second" } },
    calls: Effect.fnUntraced(function* (breaker) {
      const probe = yield* startCall(breaker.protect)
      yield* TestClock.adjust("1 second")
      yield* probe.end(Exit.succeed("late"))
    }),
    counted: nothing
  },
  "a failure of a key that has another circuit by now": {
    options: { ...patient, capacity: 1 },
    calls: endAfter(
      (breaker) => Effect.forEach(["us", "eu"], (key) => breaker.protectWith(works, { key })),
      Exit.fail("late")
    ),
    counted: { 'calls_total{outcome="success"}': 2 }
  },
  "many calls": {
    options: patient,
    calls: (breaker) =>
      Effect.forEach([works, fails, works, Effect.interrupt, fails, works], (call) =>
        Effect.exit(breaker.protect(call))
      ),
    counted: {
      'calls_total{outcome="success"}': 3,
      'calls_total{outcome="failure"}': 2,
      'calls_total{outcome="ignored"}': 1
    }
  }
}

describe("the metric calls_total", () => {
  for (const [title, { breaker: start = make, calls, counted, options }] of Object.entries(cases)) {
    test(`CircuitMetrics counts ${title} once, by its outcome`, function* () {
      const breaker = yield* start({ name: newName(), ...options })

      const changes = yield* changesBy(breaker.name, calls(breaker))

      assert.deepStrictEqual(
        pick(changes, (name) => name.startsWith("calls_total")),
        counted
      )
    })
  }

  for (const [state, start] of Object.entries(rejecting)) {
    test(`CircuitMetrics counts a rejection while ${state}, and changes nothing else`, function* () {
      const breaker = yield* start({ name: newName() })
      // What time has changed is noticed here.
      yield* rejectionOf(breaker.protect(works))

      assert.deepStrictEqual(yield* changesBy(breaker.name, breaker.protect(works)), rejected)
    })
  }

  test("CircuitMetrics counts all circuits of a breaker together", function* () {
    const breaker = yield* make({ name: newName() })

    const calls = Effect.forEach(["eu", "us", "eu"], (key) => breaker.protectWith(works, { key }))
    const changes = yield* changesBy(breaker.name, calls)

    assert.deepStrictEqual(changes, {
      circuits: 2,
      'calls_total{outcome="success"}': 3,
      'state{state="Closed"}': 2
    })
  })
})
