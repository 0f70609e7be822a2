/**
 * The conditions of the server, and their times.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

export type Condition = "healthy" | "failing" | "hanging" | "recovering"

export interface Phase {
  readonly condition: Condition
  readonly endsAt: number
}

/** All times in milliseconds; `startedAt` of the epoch, those of a phase since then. */
export interface Story {
  readonly startedAt: number
  readonly phases: ReadonlyArray<Phase>
  readonly duration: number
}

export const begin = (isFast: boolean): Effect.Effect<Story> =>
  Effect.map(Clock.currentTimeMillis, (startedAt) => {
    const pace = isFast ? 0.25 : 1
    const phases: ReadonlyArray<Phase> = [
      { condition: "healthy", endsAt: 3_000 * pace },
      { condition: "failing", endsAt: 7_000 * pace },
      { condition: "hanging", endsAt: 11_000 * pace },
      { condition: "recovering", endsAt: 15_000 * pace },
      { condition: "healthy", endsAt: 19_000 * pace }
    ]
    return { startedAt, phases, duration: 19_000 * pace }
  })

/** Half a second in which nothing is amiss. */
export const rehearsal: Effect.Effect<Story> = Effect.map(Clock.currentTimeMillis, (startedAt) => ({
  startedAt,
  phases: [{ condition: "healthy", endsAt: 500 }],
  duration: 500
}))

export const elapsed = (story: Story): Effect.Effect<number> =>
  Effect.map(Clock.currentTimeMillis, (now) => now - story.startedAt)

export const conditionAt = (story: Story, at: number): Condition =>
  story.phases.find((phase) => at < phase.endsAt)?.condition ?? "healthy"

/** When the last failing or hanging phase is over. */
export const downUntil = (story: Story): number =>
  Math.max(...story.phases.filter(isDown).map((phase) => phase.endsAt))

export const isDownAt = (story: Story, at: number): boolean => isDown({ condition: conditionAt(story, at) })

const isDown = ({ condition }: Pick<Phase, "condition">): boolean =>
  condition === "failing" || condition === "hanging"
