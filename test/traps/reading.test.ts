import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Runtime from "effect/Runtime"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Tracer from "effect/Tracer"
import {
  CircuitBreaker,
  CircuitBreakerRegistry,
  Outcome,
  TripPolicy,
  type Transition
} from "effect-circuit-breaker"
import { Dependency, observe, path, rejection, settled, stateTag } from "./fixtures.ts"

type Breaker = CircuitBreaker.CircuitBreaker

const options = { tripPolicy: TripPolicy.consecutive(1), openDuration: "10 seconds" } as const
const makeBreaker = CircuitBreaker.make(options)

/** Fails, waits and heals, and tells what its callers got. */
const cycle = (breaker: Breaker) =>
  Effect.gen(function* () {
    const failed = yield* Effect.exit(breaker.protect(Effect.fail("down")))
    const turnedAway = yield* rejection(breaker.protect(Effect.succeed("up")))
    yield* TestClock.adjust("10 seconds")
    const probed = yield* Effect.exit(breaker.protect(Effect.succeed("up")))
    return [failed, turnedAway.state, probed, yield* stateTag(breaker)] as const
  })

const healthyCycle = [Exit.fail("down"), "Open", Exit.succeed("up"), "Closed"] as const

const openedAndClosed = ["Closed -> Open", "Open -> HalfOpen", "HalfOpen -> Closed"]

const consume = (breaker: Breaker, f: (transition: Transition.Transition) => Effect.Effect<unknown>) =>
  Effect.zipLeft(Effect.fork(Stream.runForEach(breaker.transitions, f)), settled)

const generations = (transitions: ReadonlyArray<Transition.Transition>) =>
  transitions.map(({ generation }) => generation)

describe("Reading", () => {
  it.scoped("a health check takes no probe slot and moves nothing (resilience4j#858, Hystrix#1541)", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ ...options, name: "checked" })
      const transitions = yield* observe(breaker)
      yield* breaker.trip()
      yield* TestClock.setTime(10_000)
      const first = yield* breaker.snapshot()
      for (let i = 0; i < 100; i++) {
        yield* breaker.state()
        yield* breaker.circuits
        yield* breaker.awaitReady()
        yield* Effect.flatten(CircuitBreakerRegistry.get("checked")).pipe(
          Effect.flatMap((found) => found.snapshot())
        )
      }
      assert.deepStrictEqual(yield* breaker.snapshot(), first)
      assert.deepStrictEqual(first.state, { _tag: "HalfOpen", probing: 0, succeeded: 0, openings: 1 })
      assert.deepStrictEqual((yield* transitions).map(path), ["Closed -> Open"])
      assert.strictEqual(yield* breaker.protect(Effect.succeed("up")), "up")
      assert.deepStrictEqual((yield* transitions).map(path), openedAndClosed)
    })
  )

  it.scoped(
    "a listener that dies breaks neither the machine nor the other listeners (resilience4j#1115)",
    () =>
      Effect.gen(function* () {
        const breaker = yield* makeBreaker
        const dying = yield* consume(breaker, () => Effect.die("listener"))
        const throwing = yield* consume(breaker, () => {
          throw new Error("listener")
        })
        const transitions = yield* observe(breaker)
        assert.deepStrictEqual(yield* cycle(breaker), healthyCycle)
        assert.deepStrictEqual(yield* cycle(breaker), healthyCycle)
        assert.isTrue(Exit.isFailure(yield* Fiber.await(dying)))
        assert.isTrue(Exit.isFailure(yield* Fiber.await(throwing)))
        assert.deepStrictEqual((yield* transitions).map(path), [...openedAndClosed, ...openedAndClosed])
      })
  )

  it.scoped("a listener that blocks holds up no call", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      yield* consume(breaker, () => Effect.never)
      yield* Effect.fork(Stream.runForEach(CircuitBreakerRegistry.transitions, () => Effect.never))
      yield* settled
      for (let i = 0; i < 1_500; i++) yield* breaker.reset()
      assert.deepStrictEqual(yield* cycle(breaker), healthyCycle)
    })
  )

  it.scoped("a listener that re-enters is a caller like any other", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const transitions = yield* observe(breaker)
      const dependency = new Dependency()
      yield* consume(breaker, ({ to }) =>
        Effect.all([
          Effect.exit(breaker.protect(dependency.up)),
          breaker.snapshot(),
          to === "Open" ? breaker.reset() : Effect.void
        ])
      )
      yield* Effect.exit(breaker.protect(Effect.fail("down")))
      assert.deepStrictEqual((yield* transitions).map(path), ["Closed -> Open", "Open -> Closed"])
      // Of the two calls, the one that was made while Open was rejected.
      assert.strictEqual(dependency.started, 1)
      assert.strictEqual(yield* stateTag(breaker), "Closed")
    })
  )

  it.scoped("a logger that throws breaks nothing", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const transitions = yield* observe(breaker)
      assert.deepStrictEqual(yield* cycle(breaker), healthyCycle)
      assert.deepStrictEqual((yield* transitions).map(path), openedAndClosed)
    }).pipe(
      Effect.provide(
        Logger.add(
          Logger.make(() => {
            throw new Error("logger")
          })
        )
      ),
      Logger.withMinimumLogLevel(LogLevel.Debug)
    )
  )

  it.scoped("a logger that re-enters breaks nothing and gets no extra probe", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const transitions = yield* observe(breaker)
      const dependency = new Dependency()
      const runtime = yield* Effect.runtime()
      const heard: Array<string> = []
      const reentering = Logger.make(({ message }) => {
        heard.push(String(message))
        Runtime.runSyncExit(runtime)(breaker.protect(dependency.up))
        Runtime.runSyncExit(runtime)(breaker.snapshot())
      })
      const results = yield* cycle(breaker).pipe(
        Effect.provide(Logger.add(reentering)),
        Logger.withMinimumLogLevel(LogLevel.Debug)
      )
      assert.deepStrictEqual(results, healthyCycle)
      assert.strictEqual(heard.length, 3)
      // Turned away while Open and while the probe ran, admitted once Closed.
      assert.strictEqual(dependency.started, 1)
      assert.deepStrictEqual((yield* transitions).map(path), openedAndClosed)
      assert.deepStrictEqual(generations(yield* transitions), [1, 2, 3])
    })
  )

  it.scoped("a logger that resets what it hears opening leaves a sound machine", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const transitions = yield* observe(breaker)
      const runtime = yield* Effect.runtime()
      const resetting = Logger.make(({ logLevel }) => {
        if (logLevel === LogLevel.Warning) Runtime.runSyncExit(runtime)(breaker.reset())
      })
      yield* Effect.exit(breaker.protect(Effect.fail("down"))).pipe(Effect.provide(Logger.add(resetting)))
      assert.deepStrictEqual((yield* transitions).map(path), ["Closed -> Open", "Open -> Closed"])
      assert.deepStrictEqual(generations(yield* transitions), [1, 2])
      assert.strictEqual(yield* stateTag(breaker), "Closed")
      assert.deepStrictEqual(yield* cycle(breaker), healthyCycle)
    })
  )

  it.scoped("a classifier that re-enters leaves a sound machine", () =>
    Effect.gen(function* () {
      const runtime = yield* Effect.runtime()
      const breaker: Breaker = yield* CircuitBreaker.make({
        ...options,
        classify: (exit) => {
          Runtime.runSync(runtime)(breaker.reset())
          return Outcome.fromExit(exit)
        }
      })
      const transitions = yield* observe(breaker)
      for (let i = 0; i < 3; i++) yield* Effect.exit(breaker.protect(Effect.fail("down")))
      // Each call was in flight at a reset: it reports into nothing.
      assert.deepStrictEqual((yield* transitions).map(path), Array(3).fill("Closed -> Closed"))
      assert.deepStrictEqual(generations(yield* transitions), [1, 2, 3])
      assert.strictEqual((yield* breaker.snapshot()).totals.failed, 0)
    })
  )

  it.scoped("a span that throws breaks nothing", () => {
    const tracer = Tracer.make({
      context: (f) => f(),
      span: (name, parent, context, links, startTime, kind) => ({
        _tag: "Span",
        name,
        parent,
        context,
        links,
        kind,
        spanId: "span",
        traceId: "trace",
        sampled: true,
        status: { _tag: "Started", startTime },
        attributes: new Map(),
        attribute: () => {},
        addLinks: () => {},
        end: () => {},
        event: () => {
          throw new Error("span")
        }
      })
    })
    return Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const transitions = yield* observe(breaker)
      const results = yield* cycle(breaker).pipe(Effect.withSpan("caller"), Effect.withTracer(tracer))
      assert.deepStrictEqual(results, healthyCycle)
      assert.deepStrictEqual((yield* transitions).map(path), openedAndClosed)
    })
  })

  it.scoped("a burst of transitions reaches an observer whole (Effect 4.1 drops them beyond 128)", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const transitions = yield* observe(breaker)
      for (let i = 0; i < 1_000; i++) yield* breaker.reset()
      assert.deepStrictEqual(
        generations(yield* transitions),
        Array.from({ length: 1_000 }, (_, i) => i + 1)
      )
    })
  )

  it.scoped("transitions dropped for a slow observer are the oldest, and a gap tells of them", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const seen: Array<Transition.Transition> = []
      const caughtUp = yield* Deferred.make<void>()
      yield* consume(breaker, (transition) =>
        Effect.zipRight(
          Effect.sync(() => seen.push(transition)),
          Deferred.await(caughtUp)
        )
      )
      yield* breaker.reset()
      yield* settled
      for (let i = 0; i < 2_000; i++) yield* breaker.reset()
      yield* Deferred.succeed(caughtUp, undefined)
      yield* settled
      const [first, ...rest] = generations(seen)
      assert.strictEqual(first, 1)
      assert.isAbove(rest[0]!, 2)
      assert.deepStrictEqual(
        rest,
        rest.map((_, i) => 2_001 - rest.length + 1 + i)
      )
      assert.isAtLeast(rest.length, 1_000)
    })
  )

  it.scoped("the open-time schedule is not replayed on calls, but only when it opens (Effect 4.1)", () =>
    Effect.gen(function* () {
      let steps = 0
      const breaker = yield* CircuitBreaker.make({
        tripPolicy: TripPolicy.failureRate({ threshold: 0.5, within: "1 minute", minimumCalls: 2 }),
        openDuration: Schedule.exponential("10 seconds").pipe(
          Schedule.tapOutput(() => Effect.sync(() => void steps++))
        )
      })
      const stepsDuring = <A, E>(effect: Effect.Effect<A, E>) =>
        Effect.gen(function* () {
          const before = steps
          yield* Effect.exit(effect)
          return steps - before
        })
      const up = breaker.protect(Effect.succeed("up"))
      const down = breaker.protect(Effect.fail("down"))
      assert.strictEqual(yield* stepsDuring(Effect.replicateEffect(up, 1_000)), 0)
      assert.strictEqual(yield* stepsDuring(Effect.replicateEffect(Effect.exit(down), 999)), 0)
      assert.strictEqual(yield* stateTag(breaker), "Closed")
      assert.strictEqual(yield* stepsDuring(down), 1)
      assert.strictEqual(yield* stateTag(breaker), "Open")
      assert.strictEqual(yield* stepsDuring(Effect.replicateEffect(Effect.exit(up), 1_000)), 0)
      assert.strictEqual(yield* stepsDuring(breaker.snapshot()), 0)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* stepsDuring(up), 0)
      assert.strictEqual(yield* stepsDuring(Effect.replicateEffect(up, 1_000)), 0)
    })
  )
})
