import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as HashSet from "effect/HashSet"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import type * as Transition from "../../Transition.ts"
import { printable } from "../core/printable.ts"
import type { Caller } from "../fiber/caller.ts"
import { runNow } from "../fiber/caller.ts"
import { durationText } from "../options/checks.ts"
import type { LastFailure } from "./description.ts"

/**
 * The details of an opening that its log line adds to the transition.
 *
 * @internal
 */
export interface Details {
  /** The policy that tripped and its figures, as a text. */
  readonly figures: string | undefined
  readonly lastFailure: LastFailure | undefined
}

/**
 * Logs a transition. A logger that fails or throws does not affect the call.
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
  const failure = transition.to === "Open" && transition.reason !== "Manual" ? lastFailure : undefined
  if (failure?.description !== undefined)
    return log(caller, transition, { level, message: `${message}: ${failure.description}` })
  // A value that was classified as a failure may be large or secret, so it is not logged.
  const cause = failure?.exit._tag === "Failure" ? failure.exit.cause : Cause.empty
  log(caller, transition, { level, message, cause })
}

/**
 * Logs that the breaker dropped a circuit that was not Closed.
 *
 * @internal
 */
export const logDropped = (caller: Caller, transition: Transition.Transition): void =>
  log(caller, transition, {
    level: LogLevel.Warning,
    message:
      `Circuit dropped while ${transition.from}: ` +
      "the breaker holds as many circuits as its capacity, none of them Closed"
  })

/**
 * Logs that code of the program, such as a classifier, threw in a breaker.
 *
 * @internal
 */
export const logDefect = (caller: Caller, circuit: CircuitId, defect: unknown): void =>
  log(caller, circuit, {
    level: LogLevel.Error,
    message:
      "The classifier, the trip policy or the registry threw: its result is not used, and later defects are not logged",
    cause: Cause.die(defect)
  })

/**
 * Logs that the circuit store does not answer, with its `error`, or that it answers again if that is `undefined`.
 *
 * @internal
 */
export const logStore = (caller: Caller, breaker: string, error: Error | undefined): void =>
  logOfBreaker(
    caller,
    breaker,
    error === undefined
      ? { level: LogLevel.Info, message: "The circuit store answers again: circuits are shared" }
      : {
          level: LogLevel.Warning,
          message: `The circuit store does not answer: each process uses its own circuits (${error.message})`
        }
  )

/**
 * Logs that this process cannot use the content of the circuit store, or that the store threw.
 *
 * @internal
 */
export const logStoreContent = (caller: Caller, breaker: string, message: string): void =>
  logOfBreaker(caller, breaker, { level: LogLevel.Warning, message })

const logOfBreaker = (caller: Caller, breaker: string, line: Line): void => {
  runNow(caller, Effect.annotateLogs(effectOf(line), { breaker }))
}

// A log line costs a fiber, so it is made only if a logger would show it.
const isShown = (caller: Caller, level: LogLevel.LogLevel): boolean =>
  LogLevel.greaterThanEqual(level, caller.getFiberRef(FiberRef.currentMinimumLogLevel)) &&
  HashSet.size(caller.getFiberRef(FiberRef.currentLoggers)) > 0

interface CircuitId {
  readonly breaker: string
  readonly key: string
}

interface Line {
  readonly level: LogLevel.LogLevel
  readonly message: string
  readonly cause?: Cause.Cause<unknown>
}

const log = (caller: Caller, { breaker, key }: CircuitId, line: Line): void => {
  runNow(caller, effectOf(line).pipe(Effect.annotateLogs({ breaker, key }), withoutSpanEvents(caller)))
}

/**
 * The message may contain text from outside, such as a key, a request line or a store's answer, so its line breaks are
 * escaped. Annotations and the cause are data, which each logger formats in its own way.
 */
const effectOf = ({ cause = Cause.empty, level, message }: Line): Effect.Effect<void> =>
  Effect.logWithLevel(level, printable(message), cause)

// A transition is already an event of the span, so its log line must not become a second one.
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
  const length = durationText(opened.retryAfter)
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
