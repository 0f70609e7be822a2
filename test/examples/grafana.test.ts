import * as fs from "node:fs"
import * as path from "node:path"
import * as Metrics from "@effect/opentelemetry/Metrics"
import * as Resource from "@effect/opentelemetry/Resource"
import { assert, describe, it } from "@effect/vitest"
import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Schema from "effect/Schema"
import { CircuitBreaker, CircuitStore } from "effect-circuit-breaker"
import { root } from "./program.ts"

const Datasource = Schema.Struct({ type: Schema.Literal("prometheus"), uid: Schema.Literal("${datasource}") })

const Dashboard = Schema.Struct({
  schemaVersion: Schema.Int.pipe(Schema.greaterThanOrEqualTo(38)),
  templating: Schema.Struct({
    list: Schema.Tuple(
      Schema.Struct({
        name: Schema.Literal("datasource"),
        type: Schema.Literal("datasource"),
        query: Schema.Literal("prometheus")
      }),
      Schema.Struct({
        name: Schema.Literal("breaker"),
        type: Schema.Literal("query"),
        datasource: Datasource,
        query: Schema.Struct({ query: Schema.String })
      })
    )
  }),
  panels: Schema.NonEmptyArray(
    Schema.Struct({
      id: Schema.Int,
      title: Schema.NonEmptyString,
      datasource: Datasource,
      targets: Schema.NonEmptyArray(
        Schema.Struct({ datasource: Datasource, expr: Schema.String, legendFormat: Schema.String })
      )
    })
  )
})

const dashboard = Schema.decodeUnknownSync(Schema.parseJson(Dashboard))(
  fs.readFileSync(path.join(root, "examples/observing/grafana/circuit-breaker.json"), "utf8")
)
const targets = dashboard.panels.flatMap((panel) => panel.targets)
const breakers = dashboard.templating.list[1].query.query

interface Query {
  readonly metric: string
  readonly groupedBy: ReadonlyArray<string>
  readonly matchers: ReadonlyArray<{ readonly label: string; readonly values: ReadonlyArray<string> }>
}

/** The queries of an expression, all of which have the form `sum by (label) (rate(metric{label="value"}[range]))`. */
const queriesIn = (expr: string): ReadonlyArray<Query> => {
  const form = /sum by \(([^)]*)\) \((?:(?:rate|increase)\()?(circuit_breaker_\w+)\{([^}]*)\}/g
  const queries = Array.from(expr.matchAll(form), ([, groupedBy = "", metric = "", matchers = ""]) => ({
    metric,
    groupedBy: groupedBy.split(", "),
    matchers: Array.from(
      matchers.matchAll(/(\w+)(?:=~|!~|!=|=)"([^"]*)"/g),
      ([, label = "", values = ""]) => ({
        label,
        values: values.split("|")
      })
    )
  }))
  assert.strictEqual(
    queries.length,
    expr.match(/circuit_breaker_/g)?.length,
    `a query of another form: ${expr}`
  )
  return queries
}

const queries = targets.flatMap(({ expr }) => queriesIn(expr))

type Series = ReadonlyArray<{ readonly metric: string; readonly labels: Record<string, string> }>

/** The output of an exporter. */
const exportedText = Effect.gen(function* () {
  const producer = yield* Metrics.makeProducer
  const { resourceMetrics } = yield* Effect.promise(() => producer.collect())
  // Without the exporter's own labels, as in `examples/observing/metrics.ts`.
  return new PrometheusSerializer("", false, undefined, true, true).serialize(resourceMetrics)
}).pipe(Effect.provide(Resource.layerEmpty))

/** The series that an exporter writes for a breaker. */
const exported = Effect.fnUntraced(function* (breaker: string) {
  const text = yield* exportedText
  const series = Array.from(
    text.matchAll(/^(circuit_breaker_\w+)\{(.*)\} /gm),
    ([, metric = "", labels = ""]) => ({
      metric,
      labels: Object.fromEntries(
        Array.from(labels.matchAll(/(\w+)="([^"]*)"/g), ([, label = "", value = ""]) => [label, value])
      )
    })
  )
  return series.filter(({ labels }) => labels["breaker"] === breaker)
})

/** The registered metrics of a breaker. */
const registered = (breaker: string) =>
  Effect.map(Metric.snapshot, (pairs) =>
    pairs
      .map(({ metricKey: { name, tags } }) => ({
        metric: name,
        labels: Object.fromEntries(tags.map(({ key, value }) => [key, value]))
      }))
      .filter(({ labels }) => labels["breaker"] === breaker)
  )

const labelsOf = (uses: Iterable<readonly [metric: string, labels: ReadonlyArray<string>]>) => {
  const byMetric: Record<string, ReadonlyArray<string>> = {}
  for (const [metric, labels] of uses) {
    byMetric[metric] = [...new Set([...(byMetric[metric] ?? []), ...labels])].sort()
  }
  return byMetric
}

const labelsOfSeries = (series: Series) =>
  labelsOf(series.map(({ labels, metric }) => [metric, Object.keys(labels)]))

const name = "of the dashboard's test"

/** A breaker that shares its circuits has all the metrics. */
const makeBreaker = Effect.flatMap(CircuitStore.makeMemory(), (store) =>
  Effect.provideService(CircuitBreaker.make({ name }), CircuitStore.CircuitStore, store)
)

describe("the Grafana dashboard", () => {
  it.scoped("uses the metrics and labels that a breaker has, all of them and no others", () =>
    Effect.gen(function* () {
      yield* makeBreaker

      const used = labelsOf(
        queries.map(({ groupedBy, matchers, metric }) => [
          metric,
          [...groupedBy, ...matchers.map(({ label }) => label)]
        ])
      )

      assert.deepStrictEqual(used, labelsOfSeries(yield* registered(name)))
      assert.deepStrictEqual(used, labelsOfSeries(yield* exported(name)))
    })
  )

  it.scoped("asks for no value of a label that does not exist", () =>
    Effect.gen(function* () {
      yield* makeBreaker
      const series = yield* exported(name)

      for (const { matchers, metric } of queries) {
        const known = series.filter((it) => it.metric === metric)
        for (const { label, values } of matchers) {
          const allowed = label === "breaker" ? ["$breaker"] : known.map(({ labels }) => labels[label])
          assert.includeMembers(allowed, [...values], `${metric}, ${label}`)
        }
      }
    })
  )

  it("shows the chosen breakers, of all that hold circuits", () => {
    assert.strictEqual(breakers, "label_values(circuit_breaker_circuits, breaker)")
    for (const { matchers } of queries) {
      assert.deepInclude(matchers, { label: "breaker", values: ["$breaker"] })
    }
  })

  it("names each line by the labels that distinguish it from the others", () => {
    for (const { expr, legendFormat } of targets) {
      const shown = Array.from(legendFormat.matchAll(/\{\{(\w+)\}\}/g), ([, label = ""]) => label)
      for (const { groupedBy } of queriesIn(expr)) assert.deepStrictEqual(shown, [...groupedBy])
    }
  })

  it("has panels with different titles", () => {
    const { panels } = dashboard
    assert.strictEqual(new Set(panels.map(({ id }) => id)).size, panels.length)
    assert.strictEqual(new Set(panels.map(({ title }) => title)).size, panels.length)
  })
})

describe("an exporter", () => {
  it.scoped(
    "R3.4 writes a name or a key that has line breaks in one line, so that it forges no other metric",
    () =>
      Effect.gen(function* () {
        const forged = 'eu"} 0\ncircuit_breaker_circuits{breaker="forged'
        const breaker = yield* CircuitBreaker.make({ name: forged, metricsByKey: true })
        yield* breaker.protectWith(Effect.void, { key: forged })

        const lines = (yield* exportedText).split("\n")

        const about = lines.filter((line) => line.includes("forged"))
        assert.isAbove(about.length, 10)
        for (const line of about) assert.match(line, /^circuit_breaker_\w+\{breaker="eu\\"\} 0\\ncircuit_/)
      })
  )
})
