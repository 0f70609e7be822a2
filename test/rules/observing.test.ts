import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as HashSet from "effect/HashSet"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Tracer from "effect/Tracer"
import { CircuitBreakerRegistry, Outcome, TripPolicy } from "effect-circuit-breaker"
import {
  type Breaker,
  counted,
  emptyWindow,
  fails,
  make,
  makeHalfOpen,
  makeIsolated,
  makeOpen,
  makeRecovering,
  pathOf,
  type RecordedSpan,
  recordLogs,
  recordSpans,
  rejecting,
  rejectionOf,
  runFor,
  settled,
  startCall,
  tagOf,
  totals,
  totalsOf,
  transitionsOf,
  watch,
  works
} from "../kit/index.ts"

const resetTimes = (breaker: Breaker, times: number) => Effect.repeatN(breaker.reset(), times - 1)

describe("R3.4 transitions", () => {
  it.scoped("R3.4 begin with the moment of subscription", () =>
    Effect.gen(function* () {
      const breaker = yield* makeOpen()
      const seen = yield* watch(breaker.transitions)

      yield* breaker.reset()
      yield* settled

      assert.deepStrictEqual(
        seen.map(({ generation }) => generation),
        [2]
      )
    })
  )

  it.scoped("R3.4 every subscriber gets all of them, of every circuit, in order", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const one = yield* watch(breaker.transitions)
      const other = yield* watch(breaker.transitions)

      yield* Effect.forEach(["eu", "us", "eu"], (key) => breaker.reset(key))
      yield* settled

      assert.deepStrictEqual(
        one.map(({ generation, key }) => [key, generation]),
        [
          ["eu", 1],
          ["us", 1],
          ["eu", 2]
        ]
      )
      assert.deepStrictEqual(other, one)
    })
  )

  it.scoped(
    "R3.4 a slow consumer blocks no call, gets the newest, and sees what it missed by a gap (Effect 4.1)",
    () =>
      Effect.gen(function* () {
        const breaker = yield* make()
        const begun = yield* Deferred.make<void>()
        const goOn = yield* Deferred.make<void>()
        const generations: Array<number> = []
        yield* breaker.transitions.pipe(
          Stream.runForEach(({ generation }) => {
            generations.push(generation)
            return Effect.zipRight(Deferred.succeed(begun, undefined), Deferred.await(goOn))
          }),
          Effect.forkScoped
        )
        yield* Effect.forkScoped(Stream.runForEach(CircuitBreakerRegistry.transitions, () => Effect.never))
        yield* settled
        yield* breaker.reset()
        yield* Deferred.await(begun)
        const others = yield* watch(breaker.transitions)

        yield* Effect.repeatN(Effect.zipRight(resetTimes(breaker, 100), settled), 14)
        assert.strictEqual(yield* breaker.protect(works), "worked")
        yield* Deferred.succeed(goOn, undefined)
        yield* settled

        assert.strictEqual(others.length, 1_500)
        assert.strictEqual(generations.at(-1), 1_501)
        assert.isAbove(generations.length, 1_000)
        const gaps = generations.filter((generation, i) => i > 0 && generation !== generations[i - 1]! + 1)
        assert.strictEqual(gaps.length, 1)
      })
  )

  it.scoped("R3.4 a failing consumer affects neither calls nor other consumers (resilience4j#1115)", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const failing = yield* breaker.transitions.pipe(
        Stream.runForEach(() => Effect.die("the consumer died")),
        Effect.forkDaemon
      )
      const throwing = yield* breaker.transitions.pipe(
        Stream.map((): void => {
          throw new Error("the consumer threw")
        }),
        Stream.runDrain,
        Effect.forkDaemon
      )
      const seen = yield* watch(breaker.transitions)

      assert.strictEqual(yield* Effect.flip(breaker.protect(fails)), "unavailable")
      assert.isTrue(Exit.isFailure(yield* Fiber.await(failing)))
      assert.isTrue(Exit.isFailure(yield* Fiber.await(throwing)))
      yield* breaker.reset()
      yield* settled

      assert.deepStrictEqual(
        seen.map(({ to }) => to),
        ["Open", "Closed"]
      )
    })
  )

  it.scoped("R3.4 a consumer may use the breaker it observes", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* breaker.transitions.pipe(
        Stream.filter(({ to }) => to === "Open"),
        Stream.runForEach(() => breaker.reset()),
        Effect.forkScoped
      )
      yield* settled

      yield* Effect.flip(breaker.protect(fails))
      yield* settled

      assert.strictEqual(yield* tagOf(breaker), "Closed")
    })
  )

  it.scoped(
    "R3.4 subscribe listens once it has succeeded, loses the oldest, and is shut down with its breaker",
    () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const breaker = yield* Scope.extend(make(), scope)
        const transitions = yield* breaker.subscribe
        yield* resetTimes(breaker, 2_000)

        const seen = Chunk.toReadonlyArray(yield* Queue.takeAll(transitions))
        assert.deepStrictEqual(
          seen.map(({ generation }) => generation),
          Array.from({ length: 1_024 }, (_, i) => 977 + i)
        )
        const next = yield* Effect.fork(Queue.take(transitions))
        yield* settled
        yield* breaker.trip()
        assert.deepInclude(yield* Fiber.join(next), { from: "Closed", to: "Open", origin: "Local" })
        const last = yield* Effect.fork(Queue.take(transitions))
        yield* settled

        yield* Scope.close(scope, Exit.void)

        assert.isTrue(Exit.isInterrupted(yield* Fiber.await(last)))
        assert.isTrue(yield* Queue.isShutdown(transitions))
      })
  )

  it.scoped("R3.4 10,000 subscribers each get every transition", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const all = yield* Effect.replicateEffect(breaker.subscribe, 10_000)
      yield* breaker.trip()

      const seen = yield* Effect.forEach(all, Queue.take)

      assert.isTrue(seen.every(({ to }) => to === "Open"))
    })
  )

  it.effect("R3.4 end with the breaker, after what was published", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const breaker = yield* Scope.extend(make(), scope)
      const collected = yield* Effect.fork(Stream.runCollect(breaker.transitions))
      yield* settled
      yield* Effect.flip(breaker.protect(fails))

      yield* Scope.close(scope, Exit.void)

      assert.strictEqual(Chunk.size(yield* Fiber.join(collected)), 1)
      assert.strictEqual(Chunk.size(yield* Stream.runCollect(breaker.transitions)), 0)
    })
  )
})

describe("R3.4 reading", () => {
  const readAll = (breaker: Breaker) =>
    Effect.all(
      [
        breaker.state(),
        breaker.snapshot(),
        breaker.state("never called"),
        breaker.snapshot("never called"),
        breaker.circuits,
        CircuitBreakerRegistry.breakers,
        CircuitBreakerRegistry.get(breaker.name)
      ],
      { discard: true }
    ).pipe(Effect.repeatN(9))

  for (const [state, breakerIn] of Object.entries({
    Closed: make(),
    Open: makeOpen(),
    HalfOpen: makeHalfOpen(),
    "HalfOpen with a probe": Effect.tap(makeHalfOpen(), (breaker) => startCall(breaker.protect)),
    Recovering: makeRecovering(),
    "Recovering and over": Effect.zipLeft(makeRecovering(), TestClock.adjust("100 seconds")),
    Isolated: rejecting.Isolated()
  })) {
    it.scoped(`R3.4 never moves a circuit that is ${state}`, () =>
      Effect.gen(function* () {
        const breaker = yield* breakerIn
        const seen = yield* watch(breaker.transitions)
        const before = [yield* breaker.snapshot(), yield* breaker.circuits]

        yield* readAll(breaker)
        yield* settled

        assert.deepStrictEqual([yield* breaker.snapshot(), yield* breaker.circuits], before)
        assert.deepStrictEqual(seen, [])
      })
    )
  }

  it.scoped("R3.4 takes no probe's slot (resilience4j#858, Hystrix#1541)", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()

      yield* readAll(breaker)

      assert.strictEqual(yield* breaker.protect(works), "worked")
    })
  )

  it.scoped("R3.4 of a key never called is Closed and empty, and does not make a circuit", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ name: "payments" })

      const snapshot = yield* breaker.snapshot("eu")

      assert.deepStrictEqual(yield* breaker.state("eu"), { _tag: "Closed" })
      assert.deepStrictEqual(snapshot, {
        breaker: "payments",
        key: "eu",
        state: { _tag: "Closed" },
        window: emptyWindow,
        totals: totals({}),
        lastFailure: Option.none()
      })
      assert.deepStrictEqual(yield* breaker.circuits, [])
    })
  )

  it.scoped("R3.4 shows window, totals and the last failure", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_700_000_000_000)
      const breaker = yield* make({ tripPolicy: TripPolicy.failureRate({ threshold: 1, calls: 10 }) })
      yield* Effect.flip(breaker.protect(fails))
      yield* TestClock.adjust("1 second")
      yield* Effect.exit(breaker.protect(Effect.die("a defect")))
      yield* breaker.protect(works)
      yield* Effect.exit(breaker.protect(Effect.interrupt))
      yield* breaker.trip()
      yield* rejectionOf(breaker.protect(works))
      const open = yield* breaker.snapshot()
      yield* breaker.reset()
      yield* breaker.protect(works)

      const closed = yield* breaker.snapshot()

      assert.deepStrictEqual(open.window, emptyWindow)
      assert.deepStrictEqual(closed.window, { calls: 1, failures: 0, slow: 0 })
      assert.deepStrictEqual(closed.totals, totals({ succeeded: 2, failed: 2, ignored: 1, rejected: 1 }))
      assert.deepStrictEqual(
        closed.lastFailure,
        Option.some({ at: 1_700_000_001_000, cause: Cause.die("a defect") })
      )
    })
  )
})

describe("R3.4 logs", () => {
  const annotations = { breaker: "payments", key: "eu" }

  it.scoped("R3.4 one line a transition: opening Warning, half-open Debug, closing Info", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ name: "payments" })
      const protect = breaker.protectWith({ key: "eu" })
      const lines = yield* recordLogs

      yield* Effect.flip(protect(fails))
      yield* rejectionOf(protect(works))
      yield* TestClock.adjust("10 seconds")
      yield* breaker.state("eu")
      yield* protect(works)
      yield* protect(works)

      assert.deepStrictEqual(
        lines.map(({ level }) => level),
        ["Warning", "Debug", "Info"]
      )
      lines.forEach((line) => assert.deepStrictEqual(line.annotations, annotations))
    })
  )

  it.scoped("R3.4 an opening comes with the last failure's cause", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const lines = yield* recordLogs

      yield* Effect.flip(breaker.protect(fails))
      yield* TestClock.adjust("10 seconds")
      yield* Effect.exit(breaker.protect(Effect.die("a defect")))

      const warnings = lines.filter(({ level }) => level === "Warning")
      assert.deepStrictEqual(
        warnings.map(({ cause }) => cause),
        [Cause.fail("unavailable"), Cause.die("a defect")]
      )
    })
  )

  const figures: Record<string, readonly [policy: TripPolicy.TripPolicy, calls: string, says: string]> = {
    consecutive: [TripPolicy.consecutive(3), "fff", "consecutive: 3 failures in a row"],
    failureCount: [
      TripPolicy.failureCount({ failures: 2, within: "1 minute" }),
      "ff",
      "failureCount: 2 failures in 60 s"
    ],
    "failureCount without end": [
      TripPolicy.failureCount({ failures: 2, within: Infinity }),
      "fsf",
      "failureCount: 2 failures since the circuit last closed"
    ],
    "failureRate over time": [
      TripPolicy.failureRate({ threshold: 0.6, within: "30 seconds" }),
      "ssssffffff",
      "failureRate: 6 of 10 calls in 30 s"
    ],
    "failureRate over calls": [
      TripPolicy.failureRate({ threshold: 0.5, calls: 4 }),
      "ssff",
      "failureRate: 2 of 4 calls"
    ],
    slowCallRate: [
      TripPolicy.slowCallRate({
        slowerThan: "500 millis",
        threshold: 1,
        within: "15 minutes",
        minimumCalls: 1
      }),
      "w",
      "slowCallRate: 1 of 1 calls in 15 min took 500 ms or longer"
    ],
    "anyOf, the one that tripped": [
      TripPolicy.anyOf(TripPolicy.consecutive(9), TripPolicy.failureRate({ threshold: 0.5, calls: 2 })),
      "sf",
      "failureRate: 1 of 2 calls"
    ],
    "allOf, each of them": [
      TripPolicy.allOf(
        TripPolicy.consecutive(2),
        TripPolicy.failureCount({ failures: 2, within: "3 hours" })
      ),
      "ff",
      "consecutive: 2 failures in a row and failureCount: 2 failures in 3 h"
    ],
    "a policy of the program's own": [
      TripPolicy.make({ initial: 0, record: (n: number) => n + 1, trips: (n) => n > 0 }),
      "f",
      "a policy of the program's own"
    ]
  }

  for (const [what, [tripPolicy, calls, says]] of Object.entries(figures)) {
    it.scoped(`R3.4 E19 the line of an opening says which policy tripped, and its figures: ${what}`, () =>
      Effect.gen(function* () {
        const breaker = yield* make({ tripPolicy })
        const lines = yield* recordLogs
        for (const call of calls) {
          if (call === "w") yield* runFor(breaker, "500 millis", Exit.succeed("late"))
          else yield* Effect.exit(breaker.protect(call === "f" ? fails : works))
        }

        assert.strictEqual(lines[0]?.message, `Circuit opened for 10s (${says}, opening 1)`)
      })
    )
  }

  it.scoped("R3.4 the line of a reopening says that a probe failed, that of a trip by hand who did it", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()
      const lines = yield* recordLogs
      yield* Effect.flip(breaker.protect(fails))
      yield* breaker.reset()
      yield* breaker.trip()
      yield* breaker.trip()

      assert.deepStrictEqual(
        lines.map(({ message }) => message),
        [
          "Circuit half-open: probing",
          "Circuit opened for 10s (a probe failed, opening 2)",
          "Circuit closed",
          "Circuit opened for 10s (tripped by hand, opening 1)",
          "Circuit stays open for another 10s (tripped by hand)"
        ]
      )
    })
  )

  it.scoped("R3.4 a line below the minimum level, or that no logger takes, is not made", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const lines = yield* recordLogs
      const messages = Effect.zipRight(breaker.trip(), breaker.reset())
      yield* Logger.withMinimumLogLevel(messages, LogLevel.None)
      yield* Logger.withMinimumLogLevel(messages, LogLevel.Warning)
      yield* Effect.locally(messages, FiberRef.currentLoggers, HashSet.empty())

      assert.deepStrictEqual(
        lines.map(({ level }) => level),
        ["Warning"]
      )
    })
  )

  it.scoped("R3.4 a value that was judged a failure is not logged: it may hold what nobody should read", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ classify: () => Outcome.failure() })
      const lines = yield* recordLogs

      yield* breaker.protect(Effect.succeed({ card: "4111" }))

      assert.deepStrictEqual(
        lines.map(({ cause }) => cause),
        [Cause.empty]
      )
      const { lastFailure } = yield* breaker.snapshot()
      assert.deepStrictEqual(
        Option.map(lastFailure, ({ cause }) => cause),
        Option.some(Cause.fail({ card: "4111" }))
      )
    })
  )

  it.scoped("R3.4 one line for every transition, by hand and of a recovery too", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ recovery: { duration: "1 minute" } })
      const lines = yield* recordLogs
      const seen = yield* watch(breaker.transitions)

      yield* breaker.trip()
      yield* breaker.trip()
      yield* TestClock.adjust("10 seconds")
      yield* breaker.protect(works)
      yield* TestClock.adjust("1 minute")
      yield* breaker.protect(works)
      yield* Effect.scoped(Effect.zipRight(breaker.isolate(), breaker.isolate()))
      yield* breaker.reset()
      yield* settled

      assert.strictEqual(seen.length, 8)
      assert.strictEqual(lines.length, seen.length)
      assert.deepStrictEqual(
        lines.flatMap(({ level }, i) => (seen[i]?.to === "Open" ? [level] : [])),
        ["Warning", "Warning"]
      )
    })
  )

  it.scoped("R3.4 no line for a call that moves nothing", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ tripPolicy: TripPolicy.consecutive(3) })
      const lines = yield* recordLogs

      yield* breaker.protect(works)
      yield* Effect.flip(breaker.protect(fails))
      yield* Effect.exit(breaker.protect(Effect.interrupt))

      assert.deepStrictEqual(lines, [])
    })
  )

  it.scoped("R3.4 carry the annotations of the call that led to them", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ name: "payments" })
      const lines = yield* recordLogs

      yield* Effect.flip(breaker.protect(fails)).pipe(Effect.annotateLogs("request", "42"))

      assert.deepStrictEqual(lines[0]?.annotations, { breaker: "payments", key: "default", request: "42" })
    })
  )
})

describe("R3.4 what breaks or calls again in the middle of a step", () => {
  const breaks = (): never => {
    throw new Error("a fault of its own")
  }

  /** Each is put round calls that open the circuit, are rejected, and heal it; it may give the calls that it made. */
  const around: Record<
    string,
    (
      breaker: Breaker,
      runtime: Runtime.Runtime<never>
    ) => { readonly layer: Layer.Layer<never>; readonly started?: { readonly runs: number } }
  > = {
    "a logger that throws": () => ({ layer: Logger.add(Logger.make(breaks)) }),
    "a span that throws": () => ({
      layer: Layer.setTracer(
        Tracer.make({
          context: (f) => f(),
          span: (...args) => Object.assign(Effect.runSync(Effect.tracer).span(...args), { event: breaks })
        })
      )
    }),
    // Turned away while Open and while the probe runs, admitted once Closed.
    "a logger that calls again": (breaker, runtime) => {
      const started = counted(works)
      const calling = Logger.make(() => {
        Runtime.runSyncExit(runtime)(breaker.protect(started.effect))
        Runtime.runSyncExit(runtime)(breaker.snapshot())
      })
      return { layer: Logger.add(calling), started }
    }
  }

  for (const [what, putRound] of Object.entries(around)) {
    it.scoped(`R3.4 ${what} breaks nothing and gets no extra probe`, () =>
      Effect.gen(function* () {
        const breaker = yield* make()
        const seen = yield* watch(breaker.transitions)
        const { layer, started } = putRound(breaker, yield* Effect.runtime())

        yield* Effect.gen(function* () {
          assert.strictEqual(yield* Effect.flip(breaker.protect(fails)), "unavailable")
          yield* rejectionOf(breaker.protect(works))
          yield* TestClock.adjust("10 seconds")
          assert.strictEqual(yield* breaker.protect(works), "worked")
        }).pipe(Effect.withSpan("caller"), Effect.provide(layer), Logger.withMinimumLogLevel(LogLevel.Debug))
        yield* settled

        assert.deepStrictEqual(
          seen.map((it) => [pathOf(it), it.generation]),
          [
            ["Closed > Open", 1],
            ["Open > HalfOpen", 2],
            ["HalfOpen > Closed", 3]
          ]
        )
        if (started !== undefined) assert.strictEqual(started.runs, 1)
      })
    )
  }

  it.scoped("R3.4 a logger that resets at an opening leaves a sound machine", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const runtime = yield* Effect.runtime()
      const resetting = Logger.make(({ logLevel }) => {
        if (logLevel === LogLevel.Warning) Runtime.runSyncExit(runtime)(breaker.reset())
      })
      const fail = Effect.provide(Effect.flip(breaker.protect(fails)), Logger.add(resetting))

      assert.deepStrictEqual(yield* transitionsOf(breaker, fail), ["Closed > Open", "Open > Closed"])

      assert.strictEqual(yield* tagOf(breaker), "Closed")
      yield* Effect.flip(breaker.protect(fails))
      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  )

  it.scoped("R3.1.5 R3.2.6 a classifier that resets finds its call reporting into nothing", () =>
    Effect.gen(function* () {
      const runtime = yield* Effect.runtime()
      const breaker: Breaker = yield* make({
        classify: (exit) => {
          Runtime.runSync(runtime)(breaker.reset())
          return Outcome.fromExit(exit)
        }
      })
      const failThrice = Effect.repeatN(Effect.flip(breaker.protect(fails)), 2)

      assert.deepStrictEqual(yield* transitionsOf(breaker, failThrice), Array(3).fill("Closed > Closed"))

      assert.strictEqual((yield* totalsOf(breaker)).failed, 0)
    })
  )
})

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

  it.scoped("R3.4 a healthy call adds nothing", () =>
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

describe("mode observe", () => {
  it.scoped("mode: a call that would have been rejected runs, is counted in rejected and nowhere else", () =>
    Effect.gen(function* () {
      for (const [state, breakerThatRejects] of Object.entries(rejecting)) {
        const breaker = yield* breakerThatRejects({ mode: "observe" })
        const before = yield* breaker.snapshot()

        assert.strictEqual(yield* breaker.protect(works), "worked")
        assert.strictEqual(yield* Effect.flip(breaker.protect(fails)), "unavailable")

        const after = yield* breaker.snapshot()
        const rejected = before.totals.rejected + 2
        assert.deepStrictEqual(after, { ...before, totals: { ...before.totals, rejected } }, state)
      }
    })
  )

  it.scoped("mode: everything else is as when it enforces: it opens, probes and closes", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ mode: "observe" })
      const seen = yield* watch(breaker.transitions)

      yield* Effect.flip(breaker.protect(fails))
      const state = yield* breaker.state()
      yield* TestClock.adjust("10 seconds")
      yield* breaker.protect(works)
      yield* settled

      assert.deepStrictEqual(state, { _tag: "Open", retryAfter: Duration.seconds(10), openings: 1 })
      assert.deepStrictEqual(
        seen.map(({ to }) => to),
        ["Open", "HalfOpen", "Closed"]
      )
      assert.deepStrictEqual(yield* totalsOf(breaker), totals({ succeeded: 1, failed: 1 }))
    })
  )
})
