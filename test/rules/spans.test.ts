import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import {
  fails,
  make,
  makeHalfOpen,
  makeIsolated,
  type RecordedSpan,
  recordSpans,
  rejecting,
  rejectionOf,
  works
} from "../kit/index.ts"

describe("R3.4 spans", () => {
  for (const [state, breakerThatRejects] of Object.entries(rejecting)) {
    it.scoped(`R3.4 a rejection adds an event to the open span, ${state}`, () =>
      Effect.gen(function* () {
        const breaker = yield* breakerThatRejects({ name: "payments" })
        const spans = yield* recordSpans

        yield* rejectionOf(breaker.protect(works)).pipe(Effect.withSpan("charge"))

        const [charge] = spans
        assert.deepStrictEqual(charge?.events, [
          {
            name: "circuit_breaker.rejected",
            attributes: { breaker: "payments", key: "default", state, count: 1 }
          }
        ])
      })
    )
  }

  it.scoped("R3.4 E16 a span has one event for the rejections by a circuit, with their count", () =>
    Effect.gen(function* () {
      const breaker = yield* makeIsolated({ name: "payments" })
      yield* breaker.isolate("eu")
      const spans = yield* recordSpans
      const rejected = Effect.flip(breaker.protect(works))

      const attributes = yield* Effect.gen(function* () {
        yield* Effect.replicateEffect(rejected, 10_000, { discard: true })
        yield* Effect.flip(breaker.protectWith(works, { key: "eu" }))
        yield* Effect.withSpan(rejected, "inner")
        return (yield* Effect.currentSpan).attributes
      }).pipe(Effect.withSpan("outer"))

      const [outer, inner] = spans
      const events = (span: RecordedSpan | undefined) =>
        span?.events.map((event) => [event.attributes?.["key"], event.attributes?.["count"]])
      assert.deepStrictEqual(events(outer), [
        ["default", 10_000],
        ["eu", 1]
      ])
      assert.deepStrictEqual(events(inner), [["default", 1]])
      assert.strictEqual(attributes.get("circuit_breaker.rejections"), 10_001)
    })
  )

  it.scoped("R3.4 a transition adds an event to the span of the call that led to it", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ name: "payments" })
      const spans = yield* recordSpans

      yield* Effect.flip(breaker.protect(fails)).pipe(Effect.withSpan("fails"))
      yield* TestClock.adjust("10 seconds")
      yield* breaker.protect(works).pipe(Effect.withSpan("works"))

      assert.deepStrictEqual(
        spans.map(({ events, name }) => [
          name,
          events.filter((event) => event.name === "circuit_breaker.transition").map((it) => it.attributes)
        ]),
        [
          ["fails", [{ breaker: "payments", key: "default", from: "Closed", to: "Open" }]],
          [
            "works",
            [
              { breaker: "payments", key: "default", from: "Open", to: "HalfOpen" },
              { breaker: "payments", key: "default", from: "HalfOpen", to: "Closed" }
            ]
          ]
        ]
      )
    })
  )

  it.scoped("R3.4 a healthy call adds no event", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const spans = yield* recordSpans

      yield* breaker.protect(works).pipe(Effect.withSpan("charge"))

      assert.deepStrictEqual(spans, [{ name: "charge", events: [] }])
    })
  )

  it.scoped("R3.4 no span is ever started", () =>
    Effect.gen(function* () {
      const spans = yield* recordSpans
      const breaker = yield* make({ recovery: { duration: "1 minute" } })

      yield* Effect.flip(breaker.protect(fails))
      yield* rejectionOf(breaker.protect(works))
      yield* TestClock.adjust("10 seconds")
      yield* breaker.protectWith(works, { key: "default" })
      yield* Effect.all([breaker.trip(), breaker.reset(), Effect.scoped(breaker.isolate())])
      yield* Effect.all([breaker.awaitReady(), breaker.state(), breaker.snapshot(), breaker.circuits])

      assert.deepStrictEqual(spans, [])
    })
  )

  it.scoped("R3.4 the effect's own spans keep their parent", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()

      const parent = yield* Effect.currentParentSpan.pipe(
        Effect.withSpan("inner"),
        breaker.protect,
        Effect.zip(Effect.currentSpan),
        Effect.withSpan("outer")
      )

      const [inner, outer] = parent
      assert.strictEqual(inner._tag === "Span" ? inner.name : undefined, "inner")
      assert.strictEqual(
        inner._tag === "Span" ? Option.getOrUndefined(inner.parent)?.spanId : undefined,
        outer.spanId
      )
    })
  )
})
