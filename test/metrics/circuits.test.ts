import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { type CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import { test } from "../kit/test.ts"
import type { Breaker } from "../kit/index.ts"
import {
  fails,
  make,
  makeHalfOpen,
  makeIsolated,
  makeOpen,
  makeRecovering,
  startCall,
  watch,
  works
} from "../kit/index.ts"
import { changesBy, changesOf, countedOf, gaugesOf, newName, pick } from "./fixtures.ts"

type Start = (options: CircuitBreaker.Options) => Effect.Effect<Breaker, never, Scope.Scope>

/** The breaker has its circuit already. */
const makeClosed: Start = (options) => Effect.tap(make(options), (breaker) => breaker.reset())

const makeRecovered: Start = (options) =>
  Effect.zipLeft(makeRecovering(options), TestClock.adjust("100 seconds"))

/** HalfOpen, with a recovery to come. */
const makeReady: Start = (options) => makeHalfOpen({ recovery: { duration: "100 seconds" }, ...options })

type By = (breaker: Breaker) => Effect.Effect<unknown, unknown, Scope.Scope>

const succeeds: By = (breaker) => breaker.protect(works)
const breaks: By = (breaker) => breaker.protect(fails)
const trips: By = (breaker) => breaker.trip()
const resets: By = (breaker) => breaker.reset()
const isolates: By = (breaker) => breaker.isolate()
const isolatesForAWhile: By = (breaker) =>
  Effect.scoped(Effect.zipRight(breaker.isolate(), breaker.isolate()))
const begins: By = (breaker) => startCall(breaker.protect)
const breaksOften: By = (breaker) => Effect.replicateEffect(Effect.exit(breaks(breaker)), 4)

const moves: ReadonlyArray<readonly [title: string, start: Start, by: By, ...transitions: Array<string>]> = [
  ["a failure that trips", makeClosed, breaks, "Closed > Open"],
  ["a trip by hand", makeClosed, trips, "Closed > Open"],
  ["a reset of a Closed circuit", makeClosed, resets, "Closed > Closed"],
  ["an isolation that stays", makeClosed, isolates, "Closed > Isolated"],
  ["an isolation that ends", makeClosed, isolatesForAWhile, "Closed > Isolated", "Isolated > Closed"],
  ["a reset of an isolated circuit", makeIsolated, resets, "Isolated > Closed"],
  ["a reset of an Open circuit", makeOpen, resets, "Open > Closed"],
  ["a trip of an Open circuit", makeOpen, trips, "Open > Open"],
  ["an isolation of an Open circuit", makeOpen, isolates, "Open > Isolated"],
  ["a running probe", makeHalfOpen, begins, "Open > HalfOpen"],
  ["a probe that succeeds", makeHalfOpen, succeeds, "Open > HalfOpen", "HalfOpen > Closed"],
  ["a probe that fails", makeHalfOpen, breaks, "Open > HalfOpen", "HalfOpen > Open"],
  ["a probe that begins a recovery", makeReady, succeeds, "Open > HalfOpen", "HalfOpen > Recovering"],
  ["an isolation of a HalfOpen circuit", makeHalfOpen, isolates, "Open > HalfOpen", "HalfOpen > Isolated"],
  ["a recovery that has ended", makeRecovered, succeeds, "Recovering > Closed"],
  ["a recovery that fails", makeRecovering, breaksOften, "Recovering > Open"],
  ["an isolation during a recovery", makeRecovering, isolates, "Recovering > Isolated"]
]

for (const [title, start, by, ...transitions] of moves) {
  test(`CircuitMetrics counts the published transitions of ${title}`, function* () {
    const breaker = yield* start({ name: newName() })
    const published = yield* watch(breaker.transitions)

    const changes = yield* changesBy(breaker.name, by(breaker))

    assert.deepStrictEqual(
      published.map(({ from, to }) => `${from} > ${to}`),
      transitions
    )
    assert.deepStrictEqual(
      pick(changes, (name) => !name.startsWith("calls_total")),
      changesOf(published)
    )
  })
}

test("R3.4 CircuitMetrics counts a change by time alone at the next call, not at a read", function* () {
  const breaker = yield* makeHalfOpen({ name: newName() })

  yield* Effect.all([breaker.state(), breaker.snapshot(), breaker.circuits])
  assert.deepStrictEqual(yield* gaugesOf(breaker.name), { circuits: 1, 'state{state="Open"}': 1 })

  yield* startCall(breaker.protect)
  assert.deepStrictEqual(yield* gaugesOf(breaker.name), { circuits: 1, 'state{state="HalfOpen"}': 1 })
})

const call = (breaker: Breaker, ...keys: ReadonlyArray<string>) =>
  Effect.forEach(keys, (key) => breaker.protectWith(works, { key }), { discard: true })

test("CircuitMetrics counts a circuit from the first use of its key, not from a read", function* () {
  const breaker = yield* make({ name: newName() })

  yield* Effect.all([breaker.state("eu"), breaker.snapshot("eu"), breaker.awaitReady("eu")])
  assert.deepStrictEqual(yield* gaugesOf(breaker.name), {})

  yield* breaker.protect(works)
  yield* call(breaker, "eu", "eu", "us")
  assert.deepStrictEqual(yield* gaugesOf(breaker.name), { circuits: 3, 'state{state="Closed"}': 3 })
})

test("CircuitMetrics counts a circuit that a control makes", function* () {
  const breaker = yield* make({ name: newName() })

  yield* breaker.trip("eu")

  assert.deepStrictEqual(yield* countedOf(breaker.name), {
    circuits: 1,
    'state{state="Open"}': 1,
    'transitions_total{from="Closed",to="Open"}': 1
  })
})

test("CircuitMetrics drops idle circuits from the gauges", function* () {
  const breaker = yield* make({ name: newName(), idleTimeToLive: "1 minute" })
  yield* breaker.protect(works)
  yield* call(breaker, "eu", "us")
  yield* TestClock.adjust("1 minute")

  const changes = yield* changesBy(breaker.name, call(breaker, "eu"))

  assert.deepStrictEqual(changes, {
    'calls_total{outcome="success"}': 1,
    circuits: -1,
    'state{state="Closed"}': -1
  })
  assert.deepStrictEqual(yield* gaugesOf(breaker.name), { circuits: 2, 'state{state="Closed"}': 2 })
})

test("CircuitMetrics drops a recovered idle circuit from the gauge of its last state", function* () {
  const breaker = yield* make({
    name: newName(),
    idleTimeToLive: "1 minute",
    recovery: { duration: "10 seconds" }
  })
  yield* Effect.exit(breaker.protectWith(fails, { key: "eu" }))
  yield* TestClock.adjust("10 seconds")
  yield* call(breaker, "eu")
  assert.deepStrictEqual(yield* gaugesOf(breaker.name), { circuits: 1, 'state{state="Recovering"}': 1 })

  yield* TestClock.adjust("1 minute")
  yield* call(breaker, "us")

  assert.deepStrictEqual(yield* gaugesOf(breaker.name), { circuits: 1, 'state{state="Closed"}': 1 })
})

test("CircuitMetrics counts no transition of a Closed circuit dropped for capacity", function* () {
  const breaker = yield* make({ name: newName(), capacity: 1 })
  yield* call(breaker, "eu")

  const changes = yield* changesBy(breaker.name, call(breaker, "us"))

  assert.deepStrictEqual(changes, { 'calls_total{outcome="success"}': 1 })
  assert.deepStrictEqual(yield* gaugesOf(breaker.name), { circuits: 1, 'state{state="Closed"}': 1 })
})

test("CircuitMetrics counts the transition of an Open circuit dropped for capacity", function* () {
  const breaker = yield* make({ name: newName(), capacity: 1 })
  yield* breaker.trip("eu")

  const changes = yield* changesBy(breaker.name, call(breaker, "us"))

  assert.deepStrictEqual(changes, {
    'calls_total{outcome="success"}': 1,
    'transitions_total{from="Open",to="Closed"}': 1,
    'state{state="Open"}': -1,
    'state{state="Closed"}': 1
  })
})

test("CircuitMetrics counts a dropped circuit again when the outcome of its call arrives", function* () {
  const breaker = yield* make({ name: newName(), capacity: 1, tripPolicy: TripPolicy.consecutive(2) })
  const inFlight = yield* startCall(breaker.protectWith({ key: "eu" }))
  yield* call(breaker, "us")

  yield* inFlight.end(Exit.fail("unavailable"))
  assert.deepStrictEqual(yield* gaugesOf(breaker.name), { circuits: 1, 'state{state="Closed"}': 1 })

  yield* Effect.exit(breaker.protectWith(fails, { key: "eu" }))
  assert.deepStrictEqual(yield* gaugesOf(breaker.name), { circuits: 1, 'state{state="Open"}': 1 })
})

test("CircuitMetrics counts a dropped circuit as Open when the late outcome opens it", function* () {
  const breaker = yield* make({ name: newName(), capacity: 1 })
  const inFlight = yield* startCall(breaker.protectWith({ key: "eu" }))
  yield* call(breaker, "us")

  const changes = yield* changesBy(breaker.name, inFlight.end(Exit.fail("unavailable")))

  assert.deepStrictEqual(changes, {
    'calls_total{outcome="failure"}': 1,
    'transitions_total{from="Closed",to="Open"}': 1,
    'state{state="Closed"}': -1,
    'state{state="Open"}': 1
  })
})

test("CircuitMetrics counts a circuit as Open that was dropped during its opening", function* () {
  let useAnotherKey: Effect.Effect<unknown> = Effect.void
  const breaker = yield* make({
    name: newName(),
    capacity: 1,
    openDuration: Schedule.tapOutput(Schedule.spaced("10 seconds"), () => useAnotherKey)
  })
  useAnotherKey = Effect.exit(call(breaker, "us"))

  yield* Effect.exit(breaker.protectWith(fails, { key: "eu" }))

  assert.deepStrictEqual(yield* countedOf(breaker.name), {
    'calls_total{outcome="failure"}': 1,
    'calls_total{outcome="success"}': 1,
    'transitions_total{from="Closed",to="Open"}': 1,
    circuits: 1,
    'state{state="Open"}': 1
  })
})

test("CircuitMetrics adds up breakers of one name, and subtracts the gauges of one whose scope closes", function* () {
  const name = newName()
  yield* Effect.gen(function* () {
    yield* call(yield* make({ name }), "eu")
    const scope = yield* Scope.make()
    yield* Effect.gen(function* () {
      const other = yield* makeOpen({ name, capacity: 1 })
      yield* call(other, "us", "eu")
      yield* other.isolate("eu")
    }).pipe(Scope.extend(scope))

    const counters = {
      'calls_total{outcome="success"}': 3,
      'calls_total{outcome="failure"}': 1,
      'transitions_total{from="Closed",to="Open"}': 1,
      'transitions_total{from="Closed",to="Isolated"}': 1
    }
    assert.deepStrictEqual(yield* countedOf(name), {
      ...counters,
      circuits: 3,
      'state{state="Closed"}': 1,
      'state{state="Open"}': 1,
      'state{state="Isolated"}': 1
    })

    yield* Scope.close(scope, Exit.void)
    assert.deepStrictEqual(yield* countedOf(name), {
      ...counters,
      // The isolation was released first.
      'transitions_total{from="Isolated",to="Closed"}': 1,
      circuits: 1,
      'state{state="Closed"}': 1
    })
  }).pipe(Effect.scoped)
  assert.deepStrictEqual(yield* gaugesOf(name), {})
})

test("CircuitMetrics counts calls, and no circuits, of a breaker after its scope has closed", function* () {
  const name = newName()
  const scope = yield* Scope.make()
  const breaker = yield* Scope.extend(make({ name, capacity: 2 }), scope)
  yield* call(breaker, "eu", "us")
  const inFlight = yield* startCall(breaker.protectWith({ key: "eu" }))
  yield* Scope.close(scope, Exit.void)

  yield* inFlight.end(Exit.fail("unavailable"))
  yield* call(breaker, "us", "asia")
  yield* breaker.reset("us")
  yield* breaker.protect(works)

  // Calls are counted, transitions that are no longer published are not.
  assert.deepStrictEqual(yield* countedOf(name), {
    'calls_total{outcome="success"}': 5,
    'calls_total{outcome="failure"}': 1
  })
})
