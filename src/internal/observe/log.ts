import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as HashSet from "effect/HashSet"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import type * as Transition from "../../Transition.ts"
import type { Caller } from "../fiber/caller.ts"
import { runNow } from "../fiber/caller.ts"
import type { LastFailure } from "./description.ts"

/**
 * What the log line of an opening says beyond the transition itself.
 *
 * @internal
 */
export interface Details {
  /** Which policy tripped, and by which figures. */
  readonly figures: string | undefined
  readonly lastFailure: LastFailure | undefined
}

/**
 * Logs a transition. A logger that fails or throws affects nobody.
 *
 * @internal
 */
export const logTransition = (
  caller: Caller,
  transition: Transition.Transition,
  { figures, lastFailure }: Details
): void => {
  const level = levels[transition.to]
  if (!isShown(caller, level)) return
  const message = messageOf(transition, figures)
  if (transition.to !== "Open" || transition.reason === "Manual")
    return log(caller, transition, { level, message })
  if (lastFailure?.description !== undefined)
    return log(caller, transition, { level, message: `${message}: ${lastFailure.description}` })
  // A value that was judged a failure may be anything, and does not belong in the log.
  const cause = lastFailure?.exit._tag === "Failure" ? lastFailure.exit.cause : Cause.empty
  log(caller, transition, { level, message, cause })
}

/**
 * Logs that the breaker had to drop a circuit although it was not Closed.
 *
 * @internal
 */
export const logDropped = (caller: Caller, transition: Transition.Transition): void =>
  log(caller, transition, {
    level: LogLevel.Warning,
    message: `Circuit dropped while ${transition.from}: the breaker holds as many circuits as its capacity, none of them Closed`
  })

/**
 * Logs that code given to the breaker has thrown.
 *
 * @internal
 */
export const logDefect = (caller: Caller, circuit: Circuit, defect: unknown): void =>
  log(caller, circuit, {
    level: LogLevel.Error,
    message:
      "The classifier, the trip policy or the registry threw: what it was asked about is not counted, and this is said only once",
    cause: Cause.die(defect)
  })

/**
 * Logs that the circuit store does not answer, or that it answers again.
 *
 * @internal
 */
export const logStore = (caller: Caller, breaker: string, error: Error | undefined): void =>
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
 * Logs that a circuit store has something that this process cannot use, or has thrown.
 *
 * @internal
 */
export const logStoreContent = (caller: Caller, breaker: string, message: string): void =>
  logOfStore(caller, breaker, Effect.logWarning(message))

const logOfStore = (caller: Caller, breaker: string, line: Effect.Effect<void>): void => {
  runNow(caller, Effect.annotateLogs(line, { breaker }))
}

// A line costs a fiber of its own, so it is logged only if a logger would show it.
const isShown = (caller: Caller, level: LogLevel.LogLevel): boolean =>
  LogLevel.greaterThanEqual(level, caller.getFiberRef(FiberRef.currentMinimumLogLevel)) &&
  HashSet.size(caller.getFiberRef(FiberRef.currentLoggers)) > 0

interface Circuit {
  readonly breaker: string
  readonly key: string
}

interface Line {
  readonly level: LogLevel.LogLevel
  readonly message: string
  readonly cause?: Cause.Cause<unknown>
}

const log = (
  caller: Caller,
  { breaker, key }: Circuit,
  { cause = Cause.empty, level, message }: Line
): void => {
  const line = Cause.isEmpty(cause)
    ? Effect.logWithLevel(level, message)
    : Effect.logWithLevel(level, message, cause)
  runNow(caller, line.pipe(Effect.annotateLogs({ breaker, key }), withoutSpanEvents(caller)))
}

// The span already has an event for a transition.
const withoutSpanEvents = (caller: Caller) =>
  Effect.locally(
    FiberRef.currentLoggers,
    HashSet.remove(caller.getFiberRef(FiberRef.currentLoggers), Logger.tracerLogger)
  )

const levels: Record<Transition.StateTag, LogLevel.LogLevel> = {
  Open: LogLevel.Warning,
  Isolated: LogLevel.Warning,
  Disabled: LogLevel.Warning,
  HalfOpen: LogLevel.Debug,
  Recovering: LogLevel.Debug,
  Closed: LogLevel.Info
}

const messageOf = (transition: Transition.Transition, figures: string | undefined): string => {
  const isRenewed = transition.from === transition.to
  switch (transition.to) {
    case "Open":
      return openedMessage(transition, figures)
    case "HalfOpen":
      return "Circuit half-open: probing"
    case "Recovering":
      return "Circuit recovering: admitting a growing share of the calls"
    case "Closed":
      return isRenewed ? "Circuit reset" : "Circuit closed"
    case "Isolated":
      return "Circuit isolated: held open by hand"
    case "Disabled":
      return isRenewed
        ? "Circuit reset, and still disabled by hand"
        : "Circuit disabled by hand: every call is admitted"
  }
}

const openedMessage = (opened: Transition.Opened, figures: string | undefined): string => {
  const length = Duration.format(opened.retryAfter)
  const decided = opened.origin === "Fleet" ? ", decided by another process" : ""
  return opened.from === opened.to
    ? `Circuit stays open for another ${length} (tripped by hand${decided})`
    : `Circuit opened for ${length} (${figures ?? reasons[opened.reason]}, opening ${opened.openings}${decided})`
}

const reasons: Record<Transition.OpenReason, string> = {
  Tripped: "tripped by its policy",
  ProbeFailed: "a probe failed",
  Manual: "tripped by hand"
}
