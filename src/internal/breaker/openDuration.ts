import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleIntervals from "effect/ScheduleIntervals"
import type { Caller } from "../fiber/caller.ts"
import { runNow } from "../fiber/caller.ts"
import { refuse } from "../options/checks.ts"

/**
 * The edge to Effect's schedules, whose steps are taken one by one here. A `Backoff` is the position of a circuit in
 * the schedule of its openings: `millis` is the length of the latest opening, and `state` the schedule's state after
 * it.
 *
 * @internal
 */
export interface Backoff {
  readonly openings: number
  readonly millis: number
  readonly state: unknown
}

/**
 * Takes the schedule's step for the opening with the number `openings`, after the step of the previous one.
 *
 * @internal
 */
export type OpenDuration = (previous: Backoff | undefined, openings: number, caller: Caller) => Backoff

/**
 * Makes the function that determines the length of openings. It refuses a schedule that never delays, and one whose
 * steps are asynchronous, because a circuit opens in one synchronous step.
 *
 * @internal
 */
export const make = (
  openDuration: number | Schedule.Schedule<unknown, number>,
  of: string,
  caller: Caller
): OpenDuration => {
  if (!Schedule.isSchedule(openDuration)) {
    const constant: Backoff = { openings: 0, millis: openDuration, state: undefined }
    return () => constant
  }
  const first = checkedFirstDelay(openDuration, of, caller)
  const start: Backoff = { openings: 0, millis: first, state: openDuration.initial }
  return (previous, openings, caller) => {
    let backoff = previous === undefined || openings <= previous.openings ? start : previous
    // This process has not taken the steps of openings that other processes decided, so it takes them now.
    for (let missed = Math.min(openings - backoff.openings, mostStepsAtOnce); missed > 0; missed--) {
      const exit = runNow(caller, stepAfter(openDuration, backoff))
      // The first steps were checked. If a later one fails or has an unusable delay, the last usable delay repeats.
      backoff = Exit.isSuccess(exit) ? exit.value : { ...backoff, openings: backoff.openings + 1 }
    }
    return { ...backoff, openings }
  }
}

const mostStepsAtOnce = 1_000

/** The schedule's first delay. It throws if one of the first hundred steps is not usable. */
const checkedFirstDelay = (
  schedule: Schedule.Schedule<unknown, number>,
  of: string,
  caller: Caller
): number => {
  const sample = runNow(caller, sampleOf(schedule))
  if (Exit.isFailure(sample))
    return refuse(of, "a schedule whose steps do not wait or fail", Cause.pretty(sample.cause))
  const unfit = sample.value.length === 0 ? 0 : sample.value.find((delay) => !isFit(delay))
  if (unfit !== undefined)
    return refuse(of, "a schedule with a finite delay above 0 each time", `a delay of ${unfit}`)
  return sample.value[0]!
}

const isFit = (delay: number): boolean => delay > 0 && delay < Infinity

/** Takes one more step now. A schedule that has ended repeats its last delay. */
const stepAfter = (
  schedule: Schedule.Schedule<unknown, number>,
  previous: Backoff
): Effect.Effect<Backoff> => {
  const openings = previous.openings + 1
  return Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Effect.map(schedule.step(now, openings, previous.state), ([state, , decision]): Backoff => {
      if (ScheduleDecision.isDone(decision)) return { ...previous, openings }
      const delay = delayOf(decision, now)
      return { openings, state, millis: isFit(delay) ? delay : previous.millis }
    })
  )
}

const delayOf = (decision: ScheduleDecision.ScheduleDecision, now: number): number =>
  ScheduleDecision.isContinue(decision)
    ? Math.ceil(Math.max(0, ScheduleIntervals.start(decision.intervals) - now))
    : 0

/** The delays of at most a hundred first steps, on simulated time that advances by each delay without sleeping. */
const sampleOf = Effect.fnUntraced(function* (schedule: Schedule.Schedule<unknown, number>) {
  const delays: Array<number> = []
  let now = yield* Clock.currentTimeMillis
  let state: unknown = schedule.initial
  for (let opening = 1; opening <= 100; opening++) {
    const [next, , decision] = yield* schedule.step(now, opening, state)
    if (ScheduleDecision.isDone(decision)) break
    const delay = delayOf(decision, now)
    delays.push(delay)
    now += delay
    state = next
  }
  return delays
})
