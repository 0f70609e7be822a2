import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleIntervals from "effect/ScheduleIntervals"
import { dayMillis } from "../core/millis.ts"
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
  const unstarted: Backoff = { openings: 0, millis: 0, state: openDuration.initial }
  const start = {
    ...unstarted,
    millis: checkedFirstDelay(runNow(caller, sampleOf(openDuration, unstarted)), of)
  }
  return (previous, openings, caller) => {
    let backoff = previous === undefined || openings <= previous.openings ? start : previous
    // This process has not taken the steps of openings that other processes decided, so it takes them now.
    for (let missed = Math.min(openings - backoff.openings, mostStepsAtOnce); missed > 0; missed--) {
      const next = Exit.getOrElse(runNow(caller, stepNow(openDuration, backoff)), () => undefined)
      // The first steps were checked. If a later one fails, has an unusable delay or is missing because the schedule has
      // ended, the last usable delay repeats.
      const { millis } = next !== undefined && isFit(next.millis) ? next : backoff
      backoff = { ...(next ?? backoff), openings: backoff.openings + 1, millis }
    }
    return { ...backoff, openings }
  }
}

/** The most steps that are taken for one opening: a shared circuit may be many openings ahead. */
const mostStepsAtOnce = 1_000

/** The schedule's first delay, if the sampled steps are fit. */
const checkedFirstDelay = (sample: Exit.Exit<ReadonlyArray<number>>, of: string): number => {
  if (Exit.isFailure(sample))
    return refuse(of, "a schedule whose steps do not wait or fail", Cause.pretty(sample.cause))
  const [first = 0] = sample.value
  const unfit = [first, ...sample.value].find((delay) => !isFit(delay))
  return unfit === undefined
    ? first
    : refuse(of, "a schedule with a finite delay above 0 each time", `a delay of ${unfit}`)
}

const isFit = (delay: number): boolean => delay > 0 && delay < Infinity

type OpenSchedule = Schedule.Schedule<unknown, number>

/** Takes one more step at `now`; `undefined` if the schedule has ended. */
const stepAt = (
  schedule: OpenSchedule,
  previous: Backoff,
  now: number
): Effect.Effect<Backoff | undefined> => {
  const openings = previous.openings + 1
  return Effect.map(schedule.step(now, openings, previous.state), ([state, , decision]) =>
    ScheduleDecision.isDone(decision)
      ? undefined
      : { openings, state, millis: Math.ceil(Math.max(0, ScheduleIntervals.start(decision.intervals) - now)) }
  )
}

const stepNow = (schedule: OpenSchedule, previous: Backoff): Effect.Effect<Backoff | undefined> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => stepAt(schedule, previous, now))

/**
 * The delays of the first steps, on simulated time that advances by each delay without sleeping. It takes at most a
 * hundred steps, and none that begins later than a day from now, because the delays of a schedule may grow without
 * bound. A step far in the future may take for ever: an intersection with `Schedule.cron` counts every run of the cron
 * schedule until then.
 */
const sampleOf = Effect.fnUntraced(function* (schedule: OpenSchedule, start: Backoff) {
  const delays: Array<number> = []
  let now = yield* Clock.currentTimeMillis
  const end = now + dayMillis
  let last = start
  while (delays.length < 100 && now <= end) {
    const next = yield* stepAt(schedule, last, now)
    if (next === undefined) break
    delays.push(next.millis)
    now += next.millis
    last = next
  }
  return delays
})
