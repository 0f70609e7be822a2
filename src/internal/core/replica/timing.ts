/**
 * When a circuit is exchanged: once per interval, earlier on request, and limited by a token bucket to about ten times
 * per interval.
 *
 * @internal
 */
export interface Timing {
  /** When the circuit was last exchanged; infinity before the first time. */
  readonly exchangedAt: number
  /** When an earlier exchange was requested for; infinity if none was. */
  readonly requestedAt: number
  /**
   * The token bucket: each exchange costs a tenth of an interval, and all of them together are paid for until this
   * time.
   */
  readonly paidUntil: number
}

/**
 * The timing of a circuit whose first exchange is at `at`.
 *
 * @internal
 */
export const startingAt = (at: number): Timing => ({
  exchangedAt: Infinity,
  requestedAt: at,
  paidUntil: -Infinity
})

/** @internal */
export const request = (timing: Timing, at: number): Timing =>
  at < timing.requestedAt ? { ...timing, requestedAt: at } : timing

/** @internal */
export const dueAt = ({ exchangedAt, requestedAt, paidUntil }: Timing, intervalMillis: number): number =>
  Math.min(exchangedAt + intervalMillis, Math.max(requestedAt, paidUntil - intervalMillis * credit))

/** @internal */
export const exchanged = ({ paidUntil }: Timing, now: number, intervalMillis: number): Timing => ({
  exchangedAt: now,
  requestedAt: Infinity,
  paidUntil: Math.max(paidUntil, now) + intervalMillis / perInterval
})

const perInterval = 10

/** The part of an interval that may be owed, so that a request after a quiet time does not wait. */
const credit = 1 - 1 / perInterval
