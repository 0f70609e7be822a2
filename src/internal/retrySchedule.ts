import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleInterval from "effect/ScheduleInterval"
import type { CircuitOpenError } from "../CircuitOpenError.ts"
import { isCircuitOpenError } from "../CircuitOpenError.ts"
import { dayMillis } from "./millis.ts"
import { sleepLong } from "./sleepLong.ts"

/**
 * From 100 milliseconds doubled up to 5 seconds, each spread by a fifth to both sides: callers turned away together do
 * not come back together. Written out, because the combinators of Effect 3.20 come to other
 * delays than those of 3.22.
 */
const defaultBackoff: Schedule.Schedule<unknown> = Schedule.makeWithState(0, (now, _, attempt) =>
  Effect.map(Random.next, (random) => {
    const millis = Math.min(100 * 2 ** attempt, 5_000) * (0.8 + 0.4 * random)
    return [attempt + 1, attempt, ScheduleDecision.continueWith(ScheduleInterval.after(now + millis))]
  })
)

/** @internal */
export const make = <E, R>(
  schedule: Schedule.Schedule<unknown, E, R> | undefined,
  backoff: Schedule.Schedule<unknown, CircuitOpenError, R> = defaultBackoff
): Schedule.Schedule<unknown, E | CircuitOpenError, R> => {
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
        // The time between two attempts is slept in one piece, for which a month is too long.
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

interface State {
  readonly schedule: unknown
  readonly backoff: unknown
}

type Step<R> = Effect.Effect<readonly [State, unknown, ScheduleDecision.ScheduleDecision], never, R>

const stop = (state: State): Step<never> => Effect.succeed([state, undefined, ScheduleDecision.done])
