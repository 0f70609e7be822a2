/** Ways to make guarded calls, on which one script can run. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { CircuitBreaker, type CircuitOpenError, Outcome } from "effect-circuit-breaker"
import type { Breaker } from "./breakers.ts"

/** The end of a guarded effect: `s`, `f` or `u`, a number of its own, and perhaps a hint in seconds: `f3~25`. */
export type Ending = string

/** The result of a call: the end of its effect, or the seconds to wait after a rejection. */
export type Answer = Ending | { readonly rejectedFor: number }

export interface Port {
  readonly breaker: Breaker
  /** The key of the circuit of a name. */
  readonly keyOf: (name: string) => string | undefined
  /** Makes a call whose effect runs `reached`, and ends as it says. */
  readonly ask: (name: string, reached: Effect.Effect<Ending>) => Effect.Effect<Answer>
}

export type MakePort = (options: CircuitBreaker.Options) => Effect.Effect<Port, never, Scope.Scope>

/** Counts only errors that begin with an f. */
export const listed = Outcome.failWhen((error) => String(error).startsWith("f"))

export const rejectedFor = ({ retryAfter }: CircuitOpenError): Answer => ({
  rejectedFor: Duration.toSeconds(retryAfter)
})

const outcomeOf = (ending: Ending): Outcome.Outcome => {
  if (ending.startsWith("s")) return Outcome.success
  if (ending.startsWith("u")) return Outcome.ignored
  const [, seconds] = ending.split("~")
  return Outcome.failure(seconds === undefined ? {} : { retryAfter: Duration.seconds(Number(seconds)) })
}

/** The default classifier, with the hint of an end. */
const classify = (exit: Exit.Exit<unknown, unknown>): Outcome.Outcome =>
  Exit.isFailure(exit) && exit.cause._tag === "Fail"
    ? outcomeOf(String(exit.cause.error))
    : Outcome.fromExit(exit)

const exitOf = (ending: Ending): Effect.Effect<Ending, Ending> =>
  ending.startsWith("s") ? Effect.succeed(ending) : Effect.fail(ending)

const orRejected = (call: Effect.Effect<Ending, Ending | CircuitOpenError>) =>
  Effect.catchAll(call, (error) => Effect.succeed(typeof error === "string" ? error : rejectedFor(error)))

/** A port on which a name is the key of a circuit. */
const port =
  (
    call: (
      breaker: Breaker,
      key: string | undefined,
      reached: Effect.Effect<Ending>
    ) => Effect.Effect<Ending, Ending | CircuitOpenError>
  ): MakePort =>
  (options) =>
    Effect.map(CircuitBreaker.make({ classify, ...options }), (breaker) => {
      const keyOf = (name: string) => (name === "" ? undefined : name)
      return { breaker, keyOf, ask: (name, reached) => orRejected(call(breaker, keyOf(name), reached)) }
    })

export const byProtect = port((breaker, key, reached) => {
  const effect = Effect.flatMap(reached, exitOf)
  return key === undefined ? breaker.protect(effect) : breaker.protectWith(effect, { key })
})

export const byAdmit = port((breaker, key, reached) =>
  breaker.admit(key).pipe(
    Effect.flatMap(({ settle }) => Effect.tap(reached, (ending) => settle(outcomeOf(ending)))),
    Effect.scoped
  )
)

export const byStream = port((breaker, key, reached) =>
  Stream.fromEffect(reached).pipe(
    Stream.mapEffect(exitOf),
    (stream) => breaker.protectStream(stream, key === undefined ? {} : { key }),
    Stream.runHead,
    Effect.map(Option.getOrElse(() => "nothing"))
  )
)

/** The ways to make a call: as one effect, in two steps, and as a stream. */
export const everyWay = { protect: byProtect, admit: byAdmit, protectStream: byStream }
