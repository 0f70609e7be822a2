import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { type CircuitBreaker, Outcome, TripPolicy } from "effect-circuit-breaker"
import { test } from "../kit/test.ts"
import type { Breaker } from "../kit/index.ts"
import {
  fails,
  make,
  makeHalfOpen,
  makeOpen,
  rejecting,
  rejectionOf,
  startCall,
  works
} from "../kit/index.ts"
import { changesBy, newName, pick } from "./fixtures.ts"

const succeeded = { 'calls_total{outcome="success"}': 1 }
const failed = { 'calls_total{outcome="failure"}': 1 }
const ignored = { 'calls_total{outcome="ignored"}': 1 }
const rejected = { 'calls_total{outcome="rejected"}': 1 }

const patient = { tripPolicy: TripPolicy.consecutive(10) }
const slowCalls = TripPolicy.slowCallRate({ slowerThan: "1 second", threshold: 1, calls: 5 })

const noVerdict = () => {
  throw new Error("no verdict")
}

type Calls = (breaker: Breaker) => Effect.Effect<unknown, unknown, Scope.Scope>

const succeeds: Calls = (breaker) => breaker.protect(works)
const breaks: Calls = (breaker) => breaker.protect(fails)
const isInterrupted: Calls = (breaker) =>
  Effect.flatMap(startCall(breaker.protect), ({ interrupt }) => interrupt)

const endingAfter = (between: Calls, exit: Exit.Exit<string, string>, key?: string) =>
  Effect.fnUntraced(function* (breaker: Breaker) {
    const call = yield* startCall(key === undefined ? breaker.protect : breaker.protectWith({ key }))
    yield* between(breaker)
    yield* call.end(exit)
  })

type Start = (options: CircuitBreaker.Options) => Effect.Effect<Breaker, never, Scope.Scope>

const cases: ReadonlyArray<
  readonly [
    title: string,
    start: Start,
    options: CircuitBreaker.Options,
    calls: Calls,
    counted: Record<string, number>
  ]
> = [
  ["a success", make, {}, succeeds, succeeded],
  ["a typed failure", make, {}, breaks, failed],
  ["a defect", make, {}, (it) => it.protect(Effect.die("broken")), failed],
  ["a value that is judged a failure", make, { classify: () => Outcome.failure() }, succeeds, failed],
  [
    "an error that its own call judges Ignored",
    make,
    {},
    (it) => it.protectWith(fails, { classify: () => Outcome.ignored }),
    ignored
  ],
  ["a call whose classifier throws", make, { classify: noVerdict }, breaks, ignored],
  ["an effect that interrupts itself", make, {}, (it) => it.protect(Effect.interrupt), ignored],
  ["an interrupted call", make, {}, isInterrupted, ignored],
  ["an interrupted call under a slow-call policy", make, { tripPolicy: slowCalls }, isInterrupted, ignored],
  ["a probe that succeeds", makeHalfOpen, {}, succeeds, succeeded],
  ["a probe that fails", makeHalfOpen, {}, breaks, failed],
  ["a probe that is interrupted", makeHalfOpen, {}, isInterrupted, ignored],
  ["a probe that uses its circuit", makeHalfOpen, {}, (it) => it.protect(it.protect(works)), succeeded],
  ["a call that a dry run would have rejected", makeOpen, { mode: "observe" }, succeeds, rejected],
  [
    "no success after the circuit was opened",
    make,
    {},
    endingAfter((it) => it.trip(), Exit.succeed("late")),
    {}
  ],
  [
    "no failure after the circuit was reset",
    make,
    {},
    endingAfter((it) => it.reset(), Exit.fail("late")),
    {}
  ],
  [
    "no success of a probe that has lost its slot",
    makeHalfOpen,
    { halfOpen: { probeTimeout: "1 second" } },
    endingAfter(() => TestClock.adjust("1 second"), Exit.succeed("late")),
    {}
  ],
  [
    "no failure of a key that has another circuit by now",
    make,
    { ...patient, capacity: 1 },
    endingAfter(
      (it) => Effect.forEach(["us", "eu"], (key) => it.protectWith(works, { key })),
      Exit.fail("late"),
      "eu"
    ),
    { 'calls_total{outcome="success"}': 2 }
  ],
  [
    "each of many calls",
    make,
    patient,
    (it) =>
      Effect.forEach([works, fails, works, Effect.interrupt, fails, works], (call) =>
        Effect.exit(it.protect(call))
      ),
    {
      'calls_total{outcome="success"}': 3,
      'calls_total{outcome="failure"}': 2,
      'calls_total{outcome="ignored"}': 1
    }
  ]
]

for (const [title, start, options, calls, counted] of cases) {
  test(`CircuitMetrics counts ${title}, once, by its outcome`, function* () {
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
    // The breaker notices a change by time at this call.
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
