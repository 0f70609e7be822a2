/**
 * When a circuit is exchanged: at every interval, and sooner if there is news, but hardly more than ten times an interval
 * however much news there is.
 *
 * @internal
 */
export class Pace {
  private exchangedAt = -Infinity
  private hasNews = false
  /** What was exchanged so far is paid for until then, at the price of a tenth of an interval each. */
  private paidUntil = -Infinity

  hurry(): void {
    this.hasNews = true
  }

  dueAt(intervalMillis: number): number {
    const regular = this.exchangedAt + intervalMillis
    return this.hasNews ? Math.min(regular, this.paidUntil - intervalMillis * credit) : regular
  }

  exchanged(now: number, intervalMillis: number): void {
    this.exchangedAt = now
    this.hasNews = false
    this.paidUntil = Math.max(this.paidUntil, now) + intervalMillis / perInterval
  }
}

const perInterval = 10

/** So much of an interval may be owed: news after a quiet time does not wait. */
const credit = 1 - 1 / perInterval
