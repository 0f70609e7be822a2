import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleInterval from "effect/ScheduleInterval"
import type { RetryOptions } from "../../CircuitBreaker.ts"
import type { CircuitOpenError } from "../../CircuitOpenError.ts"
import { isCircuitOpenError } from "../../CircuitOpenError.ts"
import { dayMillis } from "../core/millis.ts"
import { type Checks, decodeOptions, optional, schedule as checkSchedule } from "../options/checks.ts"

// The delays have jitter, so that callers that were rejected together do not return together. They are whole
// milliseconds, because the `TestClock` of Effect 3.20 cannot stop at a fraction of one.
const defaultBackoff: Schedule.Schedule<unknown> = Schedule.exponential("100 millis").pipe(
  Schedule.union(Schedule.spaced("5 seconds")),
  Schedule.jittered,
  Schedule.delayed((delay) => Math.round(Duration.toMillis(delay)))
)

/**
 * The edge to Effect's schedules: makes a schedule that waits for the `retryAfter` of a rejection, and leaves every
 * other error to the given schedule.
 *
 * @internal
 */
export const make = <E, R>(
  options: RetryOptions<E, R>
): Schedule.Schedule<unknown, E | CircuitOpenError, R> => {
  const { backoff, schedule } = decode(options)
  const initial: State = { schedule: schedule?.initial, backoff: backoff.initial }
  return Schedule.makeWithState(initial, (now, error, state): Step<R> => {
    if (!isCircuitOpenError(error)) {
      return schedule === undefined
        ? stop(state)
        : Effect.map(schedule.step(now, error, state.schedule), ([next, out, decision]) => [
            { ...state, schedule: next },
            out,
            decision
          ])
    }
    switch (error.state) {
      case "Isolated":
        return stop(state)
      case "Open": {
        const millis = Duration.toMillis(error.retryAfter)
        const last = Math.min(millis, dayMillis)
        const decision = ScheduleDecision.continueWith(ScheduleInterval.after(now + last))
        // Effect sleeps the delay of a schedule with one timer, so all but the last day is slept here.
        return Effect.as(sleepLong(millis - last), [
          { ...state, backoff: backoff.initial },
          undefined,
          decision
        ])
      }
      case "HalfOpen":
      case "Recovering":
        return Effect.map(backoff.step(now, error, state.backoff), ([next, out, decision]) => [
          { ...state, backoff: next },
          out,
          decision
        ])
    }
  })
}

const decode = <E, R>(options: RetryOptions<E, R>) =>
  decodeOptions(
    "CircuitBreaker.retrySchedule",
    options,
    {
      schedule: [optional(checkSchedule<Schedule.Schedule<unknown, E, R>>)],
      backoff: [checkSchedule<Schedule.Schedule<unknown>>, defaultBackoff]
    } satisfies Checks<RetryOptions<E, R>>,
    ": "
  )

interface State {
  readonly schedule: unknown
  readonly backoff: unknown
}

type Step<R> = Effect.Effect<readonly [State, unknown, ScheduleDecision.ScheduleDecision], never, R>

const stop = (state: State): Step<never> => Effect.succeed([state, undefined, ScheduleDecision.done])

/** Sleeps day by day, because a JavaScript timer cannot exceed about 24 days. */
const sleepLong = (millis: number): Effect.Effect<void> =>
  millis <= 0
    ? Effect.void
    : Effect.zipRight(
        Effect.sleep(Math.min(millis, dayMillis)),
        Effect.suspend(() => sleepLong(millis - dayMillis))
      )
