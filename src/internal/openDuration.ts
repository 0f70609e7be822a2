import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleIntervals from "effect/ScheduleIntervals"
import type { Caller } from "./caller.ts"
import { runNow } from "./caller.ts"
import { refuse } from "./options.ts"

/**
 * How long the n-th opening lasts, in milliseconds.
 *
 * @internal
 */
export type OpenDuration = (openings: number, caller: Caller) => number

/**
 * A schedule that never delays is refused, and so is one that waits between its steps: opening a circuit is one step.
 *
 * @internal
 */
export const make = (
  openDuration: number | Schedule.Schedule<unknown, number>,
  of: string,
  caller: Caller
): OpenDuration => {
  if (!Schedule.isSchedule(openDuration)) return () => openDuration
  const sample = runNow(caller, delays(openDuration, 100))
  if (Exit.isFailure(sample))
    return refuse(of, "a schedule whose steps do not wait or fail", Cause.pretty(sample.cause))
  const positive = sample.value.find((delay) => delay > 0)
  if (positive === undefined || sample.value.includes(Infinity)) {
    const received = positive === undefined ? "delays of 0 only" : "a delay of Infinity"
    return refuse(of, "a schedule with a finite delay above 0", received)
  }
  return (openings, caller) => {
    const replayed = runNow(caller, delays(openDuration, openings))
    return (Exit.isSuccess(replayed) ? replayed.value.at(-1) : undefined) ?? positive
  }
}

/**
 * The schedule's delays for the openings up to `openings`. It is stepped on a simulated clock that moves on by each
 * delay, never slept, so that `Schedule.upTo` and its like measure the time spent open. It may end early: its last
 * delay repeats.
 */
const delays = Effect.fnUntraced(function* (schedule: Schedule.Schedule<unknown, number>, openings: number) {
  const taken: Array<number> = []
  let now = yield* Clock.currentTimeMillis
  let state: unknown = schedule.initial
  for (let opening = 1; opening <= openings; opening++) {
    const [next, , decision] = yield* schedule.step(now, opening, state)
    if (ScheduleDecision.isDone(decision)) break
    const delay = Math.max(0, ScheduleIntervals.start(decision.intervals) - now)
    taken.push(delay)
    now += delay
    state = next
  }
  return taken
})
