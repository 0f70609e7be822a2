import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as HashSet from "effect/HashSet"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import type * as Transition from "../Transition.ts"
import type { Caller } from "./caller.ts"
import { addSpanEvent, runNow } from "./caller.ts"

/**
 * Writes a transition into the caller's log and span. A logger that fails or throws affects nobody. `exit` is
 * that of the circuit's last failure, if it had one; a value that was judged a failure is not for the log.
 *
 * @internal
 */
export const announceTransition = (
  caller: Caller,
  transition: Transition.Transition,
  exit: Exit.Exit<unknown, unknown> | undefined
): void => {
  const { breaker, from, key, to } = transition
  addSpanEvent(caller, "circuit_breaker.transition", { breaker, key, from, to })
  const explains = transition.to === "Open" && transition.reason !== "Manual" && exit?._tag === "Failure"
  log(caller, transition, levels[to], messageOf(transition), explains ? exit.cause : undefined)
}

/**
 * Says that a circuit had to be dropped although it was not Closed.
 *
 * @internal
 */
export const announceDropped = (caller: Caller, transition: Transition.Transition): void =>
  log(
    caller,
    transition,
    LogLevel.Warning,
    `Circuit dropped while ${transition.from}: the breaker holds as many circuits as its capacity, none of them Closed`
  )

/**
 * Says that code given to the breaker has thrown.
 *
 * @internal
 */
export const announceDefect = (caller: Caller, breaker: string, key: string, defect: unknown): void =>
  log(
    caller,
    { breaker, key },
    LogLevel.Error,
    "The classifier or the trip policy threw: such calls are not counted, and this is said only once",
    Cause.die(defect)
  )

/**
 * Says, once, that the store of circuits cannot be asked, and once that it can again.
 *
 * @internal
 */
export const announceStore = (caller: Caller, breaker: string, error: Error | undefined): void =>
  logOfStore(
    caller,
    breaker,
    error === undefined
      ? Effect.logInfo("The circuit store answers again: circuits are shared")
      : Effect.logWarning(
          `The circuit store does not answer: each process goes by its own circuits (${error.message})`
        )
  )

/**
 * Says, once, that what the store keeps was written by other rules or another version.
 *
 * @internal
 */
export const announceOtherRules = (caller: Caller, breaker: string, error: unknown): void =>
  logOfStore(
    caller,
    breaker,
    Effect.logWarning(
      `What the circuit store keeps is left alone, this process goes by its own circuits: ${
        error instanceof Error ? error.message : String(error)
      }`
    )
  )

const logOfStore = (caller: Caller, breaker: string, line: Effect.Effect<void>): void => {
  runNow(caller, Effect.annotateLogs(line, { breaker }))
}

const log = (
  caller: Caller,
  { breaker, key }: { readonly breaker: string; readonly key: string },
  level: LogLevel.LogLevel,
  message: string,
  cause?: Cause.Cause<unknown>
): void => {
  const line =
    cause === undefined ? Effect.logWithLevel(level, message) : Effect.logWithLevel(level, message, cause)
  runNow(caller, line.pipe(Effect.annotateLogs({ breaker, key }), withoutSpanEvents(caller)))
}

// The span has an event of its own already.
const withoutSpanEvents = (caller: Caller) =>
  Effect.locally(
    FiberRef.currentLoggers,
    HashSet.remove(caller.getFiberRef(FiberRef.currentLoggers), Logger.tracerLogger)
  )

const levels: Record<Transition.StateTag, LogLevel.LogLevel> = {
  Open: LogLevel.Warning,
  Isolated: LogLevel.Warning,
  HalfOpen: LogLevel.Debug,
  Recovering: LogLevel.Debug,
  Closed: LogLevel.Info
}

const messageOf = (transition: Transition.Transition): string => {
  const isRenewed = transition.from === transition.to
  switch (transition.to) {
    case "Open": {
      const length = Duration.format(transition.retryAfter)
      return isRenewed
        ? `Circuit stays open for another ${length} (tripped by hand)`
        : `Circuit opened for ${length} (${reasons[transition.reason]}, opening ${transition.openings})`
    }
    case "HalfOpen":
      return "Circuit half-open: probing"
    case "Recovering":
      return "Circuit recovering: admitting a growing share of the calls"
    case "Closed":
      return isRenewed ? "Circuit reset" : "Circuit closed"
    case "Isolated":
      return "Circuit isolated: held open by hand"
  }
}

const reasons: Record<Transition.OpenReason, string> = {
  Tripped: "tripped by its policy",
  ProbeFailed: "a probe failed",
  Manual: "tripped by hand"
}
