/**
 * Token bucket for the exchanges of a circuit: one each interval, sooner after news, and about ten an interval at most,
 * however much news there is.
 *
 * @internal
 */
export class Pace {
  private exchangedAt = -Infinity
  private newsAt = Infinity
  /** Each exchange costs a tenth of an interval; the exchanges so far are paid for until this time. */
  private paidUntil = -Infinity

  hurry(at: number): void {
    this.newsAt = Math.min(this.newsAt, at)
  }

  dueAt(intervalMillis: number): number {
    const withNews = Math.max(this.newsAt, this.paidUntil - intervalMillis * credit)
    return Math.min(this.exchangedAt + intervalMillis, withNews)
  }

  exchanged(now: number, intervalMillis: number): void {
    this.exchangedAt = now
    this.newsAt = Infinity
    this.paidUntil = Math.max(this.paidUntil, now) + intervalMillis / perInterval
  }
}

const perInterval = 10

/** So much of an interval may be owed: news after a quiet time does not wait. */
const credit = 1 - 1 / perInterval
