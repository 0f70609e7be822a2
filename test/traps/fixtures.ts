/** What the tests share: a dependency that counts its calls, calls in flight, an observer and a log. */
import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type CircuitBreaker, CircuitOpenError, type Transition } from "effect-circuit-breaker"

type Breaker = CircuitBreaker.CircuitBreaker

export class Dependency {
  /** How many calls have reached it. */
  started = 0
  readonly up: Effect.Effect<string> = this.reached(Effect.succeed("up"))
  readonly down: Effect.Effect<never, string> = this.reached(Effect.fail("down"))
  readonly hanging: Effect.Effect<never> = this.reached(Effect.never)

  reached<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.suspend(() => {
      this.started++
      return effect
    })
  }
}

/** Lets every other fiber run until it waits for something. */
export const settled: Effect.Effect<void> = Effect.repeatN(Effect.yieldNow(), 10)

/** A call that has begun and ends when and how the test says. */
export interface InFlight {
  readonly ends: (exit: Exit.Exit<string, string>) => Effect.Effect<void>
  readonly interrupt: Effect.Effect<void>
  /** What its caller has got so far. */
  readonly exit: Effect.Effect<Option.Option<Exit.Exit<string, string | CircuitOpenError>>>
}

export const begin = (
  breaker: Breaker,
  options: CircuitBreaker.ProtectOptions<string, string> = {}
): Effect.Effect<InFlight> =>
  Effect.gen(function* () {
    const answer = yield* Deferred.make<string, string>()
    const fiber = yield* Effect.fork(breaker.protectWith(Deferred.await(answer), options))
    yield* settled
    return {
      ends: (exit) => Effect.zipRight(Deferred.done(answer, exit), settled),
      interrupt: Effect.asVoid(Fiber.interrupt(fiber)),
      exit: Fiber.poll(fiber)
    }
  })

/** The error of a call that has to be rejected. */
export const rejection = <A, E, R>(
  call: Effect.Effect<A, E | CircuitOpenError, R>
): Effect.Effect<CircuitOpenError, A, R> =>
  Effect.map(Effect.flip(call), (error) => {
    assert.instanceOf(error, CircuitOpenError, "the call was admitted")
    return error
  })

/** Makes `count` calls at once and tells their exits, or dies if one of them is still waiting. */
export const atOnce = <A, E, R>(
  count: number,
  call: Effect.Effect<A, E, R>
): Effect.Effect<ReadonlyArray<Exit.Exit<A, E>>, never, R> =>
  Effect.gen(function* () {
    const fibers = yield* Effect.replicateEffect(Effect.fork(call), count)
    yield* settled
    return yield* Effect.forEach(fibers, (fiber) =>
      Effect.flatMap(Fiber.poll(fiber), (exit) =>
        Effect.orDieWith(exit, () => new Error("a call is still waiting"))
      )
    )
  })

export const isRejected = (exit: Exit.Exit<unknown, unknown>): boolean =>
  exit._tag === "Failure" && exit.cause._tag === "Fail" && exit.cause.error instanceof CircuitOpenError

export const stateTag = (breaker: Breaker, key?: string): Effect.Effect<Transition.StateTag> =>
  Effect.map(breaker.state(key), (state) => state._tag)

/** Subscribes, and tells the transitions since then. */
export const observe = ({
  transitions
}: {
  readonly transitions: Stream.Stream<Transition.Transition>
}): Effect.Effect<Effect.Effect<ReadonlyArray<Transition.Transition>>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const seen: Array<Transition.Transition> = []
    yield* Effect.forkScoped(
      Stream.runForEach(transitions, (transition) => Effect.sync(() => seen.push(transition)))
    )
    yield* settled
    return Effect.as(settled, seen)
  })

export const path = ({ from, to }: Transition.Transition): string => `${from} -> ${to}`

export interface LogLine {
  readonly level: string
  readonly message: string
  readonly breaker: unknown
  readonly key: unknown
}

/** A log that keeps its lines, down to `Debug`. */
export const captureLog = (): { readonly lines: Array<LogLine>; readonly layer: Layer.Layer<never> } => {
  const lines: Array<LogLine> = []
  const logger = Logger.make(({ annotations, logLevel, message }) => {
    lines.push({
      level: logLevel.label,
      message: (Array.isArray(message) ? message : [message]).map(String).join(" "),
      breaker: Option.getOrUndefined(HashMap.get(annotations, "breaker")),
      key: Option.getOrUndefined(HashMap.get(annotations, "key"))
    })
  })
  return { lines, layer: Layer.merge(Logger.add(logger), Logger.minimumLogLevel(LogLevel.Debug)) }
}
