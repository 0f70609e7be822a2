/**
 * What happens when, in milliseconds since the traffic began.
 */
export interface Story {
  readonly downFrom: number
  readonly downUntil: number
  readonly end: number
  /** A line is about so much time. */
  readonly slice: number
  /** Between two calls of a process. */
  readonly pause: number
  /** How long a circuit stays open. */
  readonly open: number
}

export const normal: Story = {
  downFrom: 2_000,
  downUntil: 9_000,
  end: 12_000,
  slice: 500,
  pause: 100,
  open: 2_000
}

export const fast: Story = {
  downFrom: 600,
  downUntil: 2_700,
  end: 3_600,
  slice: 150,
  pause: 30,
  open: 600
}

/** Half of the traffic goes through a circuit that is shared, half through those that are not. */
export const kinds = ["shared", "alone"] as const

export type Kind = (typeof kinds)[number]
