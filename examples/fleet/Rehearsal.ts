/**
 * Decides how slow the demo has to be on this machine, by the time that requests take while all processes send some and
 * nothing fails.
 */
import type { Story } from "./Story.ts"

// A request is to be answered well before the next call.
const shareOfPause = 0.5

// A longer story is not worth watching.
const longestMillis = 50_000

/** The factor by which the demo is slowed down, at least 1. */
export const slowness = (story: Story, waitMillis: number): number =>
  Math.max(1, Math.ceil((waitMillis / (story.pause * shareOfPause)) * 10) / 10)

export const isTooSlow = (story: Story, times: number): boolean => story.end * times > longestMillis

export const tooBusy = (waitMillis: number): string =>
  `This machine is too busy to show it (a request takes ${waitMillis.toFixed(0)} ms). Try again later.`
