import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as HashSet from "effect/HashSet"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import type * as Tracer from "effect/Tracer"
import type * as Transition from "../../Transition.ts"
import type { Caller } from "../fiber/caller.ts"
import { addSpanEvent, runNow, setSpanAttribute } from "../fiber/caller.ts"
import type { Failed } from "../breaker/circuits.ts"

/**
 * What an opening's log line says beyond the transition itself.
 *
 * @internal
 */
export interface Details {
  /** Which policy tripped, and by which figures. */
  readonly figures: string | undefined
  readonly lastFailure: Failed | undefined
}

/**
 * Writes a transition into the caller's log and span. A logger that fails or throws affects nobody.
 *
 * @internal
 */
export const announceTransition = (
  caller: Caller,
  transition: Transition.Transition,
  { figures, lastFailure }: Details
): void => {
  const { breaker, from, key, to } = transition
  addSpanEvent(caller, "circuit_breaker.transition", { breaker, key, from, to })
  const level = levels[to]
  if (!isShown(caller, level)) return
  if (transition.to !== "Open" || transition.reason === "Manual") {
    return log(caller, transition, level, messageOf(transition, figures))
  }
  const message = messageOf(transition, figures)
  if (lastFailure?.description !== undefined) {
    return log(caller, transition, level, `${message}: ${lastFailure.description}`)
  }
  // A value that was judged a failure may be anything, and is not for the log.
  const cause = lastFailure?.exit._tag === "Failure" ? lastFailure.exit.cause : Cause.empty
  log(caller, transition, level, message, Cause.isEmpty(cause) ? undefined : cause)
}

/**
 * Adds the first rejection by a circuit to the caller's span; later ones are counted in that event, as far as the tracer
 * keeps it, and all of them in an attribute of the span.
 *
 * @internal
 */
export const announceRejection = (
  caller: Caller,
  circuit: { readonly key: string },
  breaker: string,
  state: Transition.StateTag
): void => {
  const span = caller.currentSpan
  if (span === undefined || span._tag !== "Span") return
  let rejections = rejectionsOf.get(span)
  if (rejections === undefined) {
    rejections = { count: 0, events: new Map() }
    rejectionsOf.set(span, rejections)
  }
  rejections.count++
  const event = rejections.events.get(circuit)
  if (event === undefined) {
    const first = { breaker, key: circuit.key, state, count: 1 }
    rejections.events.set(circuit, first)
    addSpanEvent(caller, "circuit_breaker.rejected", first)
  } else {
    event.count++
  }
  setSpanAttribute(span, "circuit_breaker.rejections", rejections.count)
}

interface Rejections {
  count: number
  readonly events: Map<object, { count: number }>
}

const rejectionsOf = new WeakMap<Tracer.Span, Rejections>()

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
    "The classifier, the trip policy or the registry threw: what it was asked about is not counted, and this is said only once",
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

// A line costs a fiber of its own, which is started only if somebody may see it.
const isShown = (caller: Caller, level: LogLevel.LogLevel): boolean =>
  LogLevel.greaterThanEqual(level, caller.getFiberRef(FiberRef.currentMinimumLogLevel)) &&
  HashSet.size(caller.getFiberRef(FiberRef.currentLoggers)) > 0

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
  Disabled: LogLevel.Warning,
  HalfOpen: LogLevel.Debug,
  Recovering: LogLevel.Debug,
  Closed: LogLevel.Info
}

const messageOf = (transition: Transition.Transition, figures: string | undefined): string => {
  const isRenewed = transition.from === transition.to
  switch (transition.to) {
    case "Open": {
      const length = Duration.format(transition.retryAfter)
      const decided = transition.origin === "Fleet" ? ", decided by another process" : ""
      return isRenewed
        ? `Circuit stays open for another ${length} (tripped by hand${decided})`
        : `Circuit opened for ${length} (${figures ?? reasons[transition.reason]}, opening ${transition.openings}${decided})`
    }
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

const reasons: Record<Transition.OpenReason, string> = {
  Tripped: "tripped by its policy",
  ProbeFailed: "a probe failed",
  Manual: "tripped by hand"
}
