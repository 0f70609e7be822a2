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
  const first = sample.value[0] ?? 0
  const unfit = sample.value.length === 0 ? 0 : sample.value.find((delay) => !isFit(delay))
  if (unfit !== undefined)
    return refuse(of, "a schedule with a finite delay above 0 each time", `a delay of ${unfit}`)
  return (openings, caller) => {
    const replayed = runNow(caller, delays(openDuration, openings))
    // The sample was fit; should the schedule fail or change its mind later, the last fit delay repeats.
    return (Exit.isSuccess(replayed) ? replayed.value.findLast(isFit) : undefined) ?? first
  }
}

const isFit = (delay: number): boolean => delay > 0 && delay < Infinity

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
    const delay = Math.ceil(Math.max(0, ScheduleIntervals.start(decision.intervals) - now))
    taken.push(delay)
    now += delay
    state = next
  }
  return taken
})
