/**
 * When a circuit is exchanged: once an interval, sooner after news, and about ten times an interval at most, however much
 * news there is.
 *
 * @internal
 */
export interface Pace {
  readonly exchangedAt: number
  /** When the news is to be exchanged; infinity where there is none. */
  readonly newsAt: number
  /** Each exchange costs a tenth of an interval; the exchanges so far are paid for until this time. */
  readonly paidUntil: number
}

/**
 * The pace of a circuit that has not been exchanged yet, and will be at that time.
 *
 * @internal
 */
export const startingAt = (at: number): Pace => ({ exchangedAt: Infinity, newsAt: at, paidUntil: -Infinity })

/** @internal */
export const hurry = (pace: Pace, at: number): Pace => (at < pace.newsAt ? { ...pace, newsAt: at } : pace)

/** @internal */
export const dueAt = ({ exchangedAt, newsAt, paidUntil }: Pace, intervalMillis: number): number =>
  Math.min(exchangedAt + intervalMillis, Math.max(newsAt, paidUntil - intervalMillis * credit))

/** @internal */
export const exchanged = ({ paidUntil }: Pace, now: number, intervalMillis: number): Pace => ({
  exchangedAt: now,
  newsAt: Infinity,
  paidUntil: Math.max(paidUntil, now) + intervalMillis / perInterval
})

const perInterval = 10

/** So much of an interval may be owed: news after a quiet time does not wait. */
const credit = 1 - 1 / perInterval
