/** What the rule tests share: breakers in a chosen state, calls that wait, and records of what a breaker says. */
import * as Arr from "effect/Array"
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as HashMap from "effect/HashMap"
import * as HashSet from "effect/HashSet"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Tracer from "effect/Tracer"
import { CircuitBreaker, CircuitOpenError, type Transition, TripPolicy } from "effect-circuit-breaker"

export type Breaker = CircuitBreaker.CircuitBreaker

export const works: Effect.Effect<string> = Effect.succeed("worked")
export const fails: Effect.Effect<never, string> = Effect.fail("unavailable")

// ---------------------------------------------------------------------------------------------------------
// Breakers

/** One failure opens it for 10 seconds, unless the options say otherwise. */
export const make = (options?: CircuitBreaker.Options) =>
  CircuitBreaker.make({ tripPolicy: TripPolicy.consecutive(1), openDuration: "10 seconds", ...options })

export const makeOpen = (options?: CircuitBreaker.Options) =>
  Effect.tap(make(options), (breaker) => Effect.exit(breaker.protect(fails)))

/** Its open time of 10 seconds has passed. */
export const makeHalfOpen = (options?: CircuitBreaker.Options) =>
  Effect.zipLeft(makeOpen(options), TestClock.adjust("10 seconds"))

/** At the start of a recovery from a share of 0.25 over 100 seconds. */
export const makeRecovering = (options?: CircuitBreaker.Options) =>
  Effect.tap(makeHalfOpen({ recovery: { duration: "100 seconds", from: 0.25 }, ...options }), (breaker) =>
    Effect.exit(breaker.protect(works))
  )

export const makeIsolated = (options?: CircuitBreaker.Options) =>
  Effect.tap(make(options), (breaker) => breaker.isolate())

/** A breaker whose circuit turns the next call away. */
export const rejecting: Record<
  CircuitOpenError["state"],
  (options?: CircuitBreaker.Options) => Effect.Effect<Breaker, never, Scope.Scope>
> = {
  Open: makeOpen,
  HalfOpen: (options) => Effect.tap(makeHalfOpen(options), (breaker) => startCall(breaker.protect)),
  Recovering: makeRecovering,
  Isolated: makeIsolated
}

export const tagOf = (breaker: Breaker, key?: string) => Effect.map(breaker.state(key), ({ _tag }) => _tag)

export const windowOf = (breaker: Breaker, key?: string) =>
  Effect.map(breaker.snapshot(key), ({ window }) => window)

export const totalsOf = (breaker: Breaker, key?: string) =>
  Effect.map(breaker.snapshot(key), ({ totals }) => totals)

// ---------------------------------------------------------------------------------------------------------
// Calls

/** The rejection of a call; a test fails if the call is let through. */
export const rejectionOf = <A, E, R>(call: Effect.Effect<A, E | CircuitOpenError, R>) =>
  Effect.flip(call).pipe(
    Effect.filterOrDieMessage((error) => error instanceof CircuitOpenError, "the call was not rejected")
  )

/** An effect that counts how often it has been started. */
export const counted = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
  const counter = {
    runs: 0,
    effect: Effect.suspend(() => {
      counter.runs++
      return effect
    })
  }
  return counter
}

/** Lets every fiber run as far as it can without the clock. */
export const settled: Effect.Effect<void> = Effect.repeatN(Effect.yieldNow(), 30)

export interface Running {
  readonly fiber: Fiber.RuntimeFiber<string, string | CircuitOpenError>
  /** Ends the protected effect and gives what its caller got. */
  readonly end: (
    exit: Exit.Exit<string, string>
  ) => Effect.Effect<Exit.Exit<string, string | CircuitOpenError>>
  readonly interrupt: Effect.Effect<Exit.Exit<string, string | CircuitOpenError>>
}

/** Starts a call whose effect runs until it is told how to end. */
export const startCall = (
  protect: (effect: Effect.Effect<string, string>) => Effect.Effect<string, string | CircuitOpenError>
): Effect.Effect<Running> =>
  Effect.gen(function* () {
    const gate = yield* Deferred.make<string, string>()
    const fiber = yield* Effect.forkDaemon(protect(Deferred.await(gate)))
    yield* settled
    return {
      fiber,
      end: (exit) => Effect.zipRight(Deferred.done(gate, exit), Fiber.await(fiber)),
      interrupt: Fiber.interrupt(fiber)
    }
  })

/** Runs a call for a time and then ends it. */
export const runFor = (breaker: Breaker, duration: Duration.DurationInput, exit: Exit.Exit<string, string>) =>
  Effect.gen(function* () {
    const call = yield* startCall(breaker.protect)
    yield* TestClock.adjust(duration)
    return yield* call.end(exit)
  })

// ---------------------------------------------------------------------------------------------------------
// Observers

/** The transitions from now on, as they come. */
export const watch = <R>(
  transitions: Stream.Stream<Transition.Transition, never, R>
): Effect.Effect<ReadonlyArray<Transition.Transition>, never, R | Scope.Scope> =>
  Effect.gen(function* () {
    const seen: Array<Transition.Transition> = []
    yield* transitions.pipe(
      Stream.runForEach((transition) => Effect.sync(() => seen.push(transition))),
      Effect.forkScoped
    )
    yield* settled
    return seen
  })

/** The transitions that `action` leads to, as `"Closed > Open"`. */
export const transitionsOf = <A, E, R>(breaker: Breaker, action: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const seen = yield* watch(breaker.transitions)
    yield* action
    yield* settled
    return seen.map(({ from, to }) => `${from} > ${to}`)
  }).pipe(Effect.scoped)

export interface LogLine {
  readonly level: string
  readonly message: string
  readonly annotations: Record<string, unknown>
  readonly cause: Cause.Cause<unknown>
}

/** What is logged from now on, at every level, until the scope closes. */
export const recordLogs: Effect.Effect<ReadonlyArray<LogLine>, never, Scope.Scope> = Effect.gen(function* () {
  const lines: Array<LogLine> = []
  const logger = Logger.make<unknown, void>(({ annotations, cause, logLevel, message }) => {
    lines.push({
      level: logLevel._tag,
      message: Arr.ensure(message).join(" "),
      annotations: Object.fromEntries(HashMap.toEntries(annotations)),
      cause
    })
  })
  yield* Effect.locallyScoped(FiberRef.currentLoggers, HashSet.make(logger))
  yield* Effect.locallyScoped(FiberRef.currentMinimumLogLevel, LogLevel.All)
  return lines
})

export interface RecordedSpan {
  readonly name: string
  readonly events: Array<{ readonly name: string; readonly attributes: Record<string, unknown> | undefined }>
}

/** The spans that are started from now on, until the scope closes. */
export const recordSpans: Effect.Effect<ReadonlyArray<RecordedSpan>, never, Scope.Scope> = Effect.gen(
  function* () {
    const spans: Array<RecordedSpan> = []
    const native = yield* Effect.tracer
    const recording = Tracer.make({
      context: native.context,
      span: (name, ...rest) => {
        const recorded: RecordedSpan = { name, events: [] }
        spans.push(recorded)
        return Object.assign(native.span(name, ...rest), {
          event: (event: string, _: bigint, attributes?: Record<string, unknown>) => {
            recorded.events.push({ name: event, attributes })
          }
        })
      }
    })
    yield* Effect.withTracerScoped(recording)
    return spans
  }
)

/** A clock whose wall time and monotonic time are set apart by hand, and which counts who asks. */
export class ManualClock implements Clock.Clock {
  readonly [Clock.ClockTypeId]: typeof Clock.ClockTypeId = Clock.ClockTypeId
  wallMillis = 1_700_000_000_000
  monotonicMillis = 5_000
  reads = 0
  sleeps = 0

  readonly currentTimeMillis = Effect.sync(() => this.unsafeCurrentTimeMillis())
  readonly currentTimeNanos = Effect.sync(() => this.unsafeCurrentTimeNanos())

  unsafeCurrentTimeMillis(): number {
    this.reads++
    return this.wallMillis
  }

  unsafeCurrentTimeNanos(): bigint {
    this.reads++
    return BigInt(this.monotonicMillis) * 1_000_000n
  }

  sleep(): Effect.Effect<void> {
    this.sleeps++
    return Effect.never
  }

  advance(millis: number): void {
    this.wallMillis += millis
    this.monotonicMillis += millis
  }
}

/** Makes `clock` the clock until the scope closes. */
export const useManualClock: Effect.Effect<ManualClock, never, Scope.Scope> = Effect.suspend(() => {
  const clock = new ManualClock()
  return Effect.as(Effect.withClockScoped(clock), clock)
})
