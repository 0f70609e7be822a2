/**
 * The times of events, in milliseconds since the traffic began.
 */
export interface Story {
  readonly downFrom: number
  readonly downUntil: number
  readonly end: number
  /** A line is about so much time. */
  readonly slice: number
  /** Between two calls of a process. */
  readonly pause: number
  /** The time for which a circuit stays open. */
  readonly open: number
  /** The longest time for which a process waits for Redis. */
  readonly deadline: number
}

export const normal: Story = {
  downFrom: 2_000,
  downUntil: 9_000,
  end: 12_000,
  slice: 500,
  pause: 100,
  open: 2_000,
  deadline: 100
}

export const fast: Story = {
  downFrom: 600,
  downUntil: 2_700,
  end: 3_600,
  slice: 150,
  pause: 30,
  open: 600,
  deadline: 100
}

/** The same story, so many times slower. */
export const slower = (story: Story, times: number): Story => ({
  downFrom: story.downFrom * times,
  downUntil: story.downUntil * times,
  end: story.end * times,
  slice: story.slice * times,
  pause: story.pause * times,
  open: story.open * times,
  deadline: story.deadline * times
})

export const isDownAt = ({ downFrom, downUntil }: Story, at: number): boolean =>
  at >= downFrom && at < downUntil

/** Half of the traffic goes through a circuit that is shared, half through those that are not. */
export const kinds = ["shared", "alone"] as const

export type Kind = (typeof kinds)[number]
