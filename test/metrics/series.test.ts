import { assert } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as MetricState from "effect/MetricState"
import { CircuitBreaker, CircuitMetrics } from "effect-circuit-breaker"
import { test } from "../kit/test.ts"
import { fails, make, makeOpen, rejectionOf, works } from "../kit/index.ts"
import { changesBy, countedOf, labelled, metricsOf, newName } from "./fixtures.ts"

const outcomes = ["success", "failure", "ignored", "rejected"]
const states = ["Closed", "Open", "HalfOpen", "Recovering", "Isolated", "Disabled"]
const transitions = [
  ["Closed", "Closed"],
  ["Closed", "Open"],
  ["Closed", "Isolated"],
  ["Closed", "Disabled"],
  ["Open", "Closed"],
  ["Open", "Open"],
  ["Open", "HalfOpen"],
  ["Open", "Isolated"],
  ["HalfOpen", "Closed"],
  ["HalfOpen", "Open"],
  ["HalfOpen", "Recovering"],
  ["HalfOpen", "Isolated"],
  ["Recovering", "Closed"],
  ["Recovering", "Open"],
  ["Recovering", "Isolated"],
  ["Isolated", "Closed"],
  ["Disabled", "Closed"]
] as const

/** The series that a breaker, or one of its keys, has of everything but the number of its circuits. */
const allWith = (before: ReadonlyArray<[string, string]>, after: ReadonlyArray<[string, string]> = []) => [
  ...outcomes.map((outcome) => labelled("calls_total", ...before, ["outcome", outcome], ...after)),
  ...transitions.map(([from, to]) =>
    labelled("transitions_total", ...before, ["from", from], ["to", to], ...after)
  ),
  ...states.map((state) => labelled("state", ...before, ["state", state], ...after))
]

const seriesOf = (breaker: string) => Effect.map(metricsOf(breaker), (metrics) => Object.keys(metrics).sort())

/** The metrics of a breaker and how they are made, as an exporter sees them. */
const keysOf = (breaker: string) =>
  Effect.map(Metric.snapshot, (pairs) =>
    pairs.filter(({ metricKey }) => metricKey.tags.some(({ value }) => value === breaker))
  )

test("CircuitMetrics has every series of a new breaker, at zero", function* () {
  const { name } = yield* make({ name: newName() })

  const expected = Object.fromEntries([...allWith([]), "circuits"].map((series) => [series, 0]))
  assert.deepStrictEqual(yield* metricsOf(name), expected)
})

test("CircuitMetrics has counters and gauges, each with a description", function* () {
  const { name } = yield* make({ name: newName() })

  for (const { metricKey, metricState } of yield* keysOf(name)) {
    const isCounter = metricKey.name.endsWith("_total")
    assert.strictEqual(MetricState.isCounterState(metricState), isCounter, metricKey.name)
    assert.strictEqual(MetricState.isGaugeState(metricState), !isCounter, metricKey.name)
    assert.strictEqual(metricKey.description._tag, "Some", metricKey.name)
  }
})

test("CircuitMetrics gets no new series from calls and transitions", function* () {
  const breaker = yield* make({ name: newName() })
  const before = yield* seriesOf(breaker.name)

  yield* Effect.exit(breaker.protectWith(fails, { key: "eu" }))
  yield* Effect.scoped(breaker.isolate())
  yield* breaker.protect(works)

  assert.deepStrictEqual(yield* seriesOf(breaker.name), before)
})

test("E23 CircuitMetrics names a series in whatever order its labels are given", function* () {
  const { name, ...breaker } = yield* makeOpen({ name: newName() })
  yield* rejectionOf(breaker.protect(works))
  yield* rejectionOf(breaker.protect(works))

  const labels = { breaker: name }
  const rejected = CircuitMetrics.calls({ outcome: "rejected", ...labels })
  assert.strictEqual((yield* Metric.value(rejected)).count, 2)
  const opened = CircuitMetrics.transitions({ to: "Open", from: "Closed", ...labels })
  assert.strictEqual((yield* Metric.value(opened)).count, 1)
  const open = CircuitMetrics.state({ state: "Open", ...labels })
  assert.strictEqual((yield* Metric.value(open)).value, 1)
  assert.strictEqual((yield* Metric.value(CircuitMetrics.circuits(labels))).value, 1)
})

test("metricsByKey adds the key to all metrics but the number of circuits", function* () {
  const breaker = yield* make({ name: newName(), metricsByKey: true })
  assert.deepStrictEqual(yield* seriesOf(breaker.name), ["circuits"])

  yield* Effect.exit(breaker.protectWith(fails, { key: "eu" }))
  yield* breaker.protect(works)

  assert.deepStrictEqual(
    yield* seriesOf(breaker.name),
    [...allWith([["key", "eu"]]), ...allWith([["key", "default"]]), "circuits"].sort()
  )
  assert.deepStrictEqual(yield* countedOf(breaker.name), {
    circuits: 2,
    'calls_total{key="eu",outcome="failure"}': 1,
    'transitions_total{key="eu",from="Closed",to="Open"}': 1,
    'state{key="eu",state="Open"}': 1,
    'calls_total{key="default",outcome="success"}': 1,
    'state{key="default",state="Closed"}': 1
  })
})

test("metricsByKey continues the series of a key that returns", function* () {
  const breaker = yield* make({ name: newName(), metricsByKey: true, capacity: 1 })

  yield* Effect.forEach(["eu", "us", "eu"], (key) => breaker.protectWith(works, { key }))

  assert.deepStrictEqual(yield* countedOf(breaker.name), {
    circuits: 1,
    'calls_total{key="eu",outcome="success"}': 2,
    'state{key="eu",state="Closed"}': 1,
    'calls_total{key="us",outcome="success"}': 1
  })
})

test("CircuitMetrics adds the labels that are set around the layer", function* () {
  const name = newName()
  const BreakerLive = CircuitBreaker.layer({ name }).pipe(Layer.build, Effect.tagMetrics("region", "eu"))

  yield* Effect.gen(function* () {
    const breaker = Context.get(yield* BreakerLive, CircuitBreaker.CircuitBreaker)
    yield* breaker.protect(works)

    const region: [string, string] = ["region", "eu"]
    assert.deepStrictEqual(
      yield* seriesOf(name),
      [...allWith([], [region]), labelled("circuits", region)].sort()
    )
    assert.deepStrictEqual(yield* countedOf(name), {
      'circuits{region="eu"}': 1,
      'calls_total{outcome="success",region="eu"}': 1,
      'state{state="Closed",region="eu"}': 1
    })
  }).pipe(Effect.scoped)
})

test("CircuitMetrics ignores the labels of a caller", function* () {
  const breaker = yield* make({ name: newName() })

  const calls = Effect.gen(function* () {
    yield* breaker.protect(works)
    yield* Effect.exit(breaker.protect(fails))
    yield* rejectionOf(breaker.protect(works))
  }).pipe(Effect.tagMetrics("user", "42"))
  const changes = yield* changesBy(breaker.name, calls)

  assert.deepStrictEqual(changes, {
    circuits: 1,
    'calls_total{outcome="success"}': 1,
    'calls_total{outcome="failure"}': 1,
    'calls_total{outcome="rejected"}': 1,
    'transitions_total{from="Closed",to="Open"}': 1,
    'state{state="Open"}': 1
  })
})

test("R3.5 metricsByKey is refused unless it is true or false", function* () {
  const options = JSON.parse('{ "name": "Payments", "metricsByKey": "yes" }')

  const exit = yield* Effect.exit(Effect.scoped(CircuitBreaker.make(options)))

  const defect = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  assert.instanceOf(defect, RangeError)
  assert.strictEqual(
    defect.message,
    'CircuitBreaker "Payments": metricsByKey must be true or false, received "yes"'
  )
})
