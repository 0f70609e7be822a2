/** Effects to protect, and calls that run until a test ends them. */
import * as assert from "node:assert"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { type CircuitBreaker, CircuitOpenError } from "effect-circuit-breaker"

export const works: Effect.Effect<string> = Effect.succeed("worked")
export const fails: Effect.Effect<never, string> = Effect.fail("unavailable")

/** The rejection of a call; the test fails if the call is admitted. */
export const rejectionOf = <A, E, R>(call: Effect.Effect<A, E | CircuitOpenError, R>) =>
  Effect.flip(call).pipe(
    Effect.filterOrDieMessage((error) => error instanceof CircuitOpenError, "the call was not rejected")
  )

export const isRejected = (exit: Exit.Exit<unknown, unknown>): boolean =>
  exit._tag === "Failure" && exit.cause._tag === "Fail" && exit.cause.error instanceof CircuitOpenError

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
  /** Ends the protected effect, and returns its caller's exit. */
  readonly end: (
    exit: Exit.Exit<string, string>
  ) => Effect.Effect<Exit.Exit<string, string | CircuitOpenError>>
  readonly interrupt: Effect.Effect<Exit.Exit<string, string | CircuitOpenError>>
}

/** Starts a call whose effect runs until the test ends it. */
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
export const runFor = (
  breaker: CircuitBreaker.CircuitBreaker,
  duration: Duration.DurationInput,
  exit: Exit.Exit<string, string>
) =>
  Effect.gen(function* () {
    const call = yield* startCall(breaker.protect)
    yield* TestClock.adjust(duration)
    return yield* call.end(exit)
  })

/** Makes `count` calls at once, returns the exits of those that have ended by themselves, and interrupts the others. */
export const atOnce = <A, E, R>(count: number, call: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fibers = yield* Effect.replicateEffect(Effect.fork(call), count)
    yield* settled
    const exits = fibers.map((fiber) => fiber.unsafePoll())
    assert.strictEqual(exits.length, count)
    yield* Fiber.interruptAll(fibers)
    return exits.filter((exit) => exit !== null)
  })
