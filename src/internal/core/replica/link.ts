/**
 * What a node knows of its connection to the store: whether it answers, and by how much its clock is ahead.
 *
 * @internal
 */
export interface Link {
  readonly isFailing: boolean
  /** By how many milliseconds the store's clock is ahead of the node's. */
  readonly ahead: number
  /** The round trip of the answer that this was taken from, a little more with each later answer. */
  readonly roundTrip: number
  /** Since when the store answers again, by its own clock. */
  readonly answeringSince: number
}

/** @internal */
export const initial: Link = {
  isFailing: false,
  ahead: 0,
  roundTrip: Infinity,
  answeringSince: -Infinity
}

/**
 * An answer has come at `now` to what was asked at `sentAt`; `read` is the store's time in it, if it has one.
 *
 * The quickest answer gives the best offset. The offset ages, and is replaced if the store's clock has jumped.
 *
 * @internal
 */
export const answered = (
  link: Link,
  { now, read, sentAt }: { readonly now: number; readonly read: number | undefined; readonly sentAt: number }
): Link => {
  const roundTrip = now - sentAt
  const isPossible = read === undefined || (sentAt + link.ahead <= read + 1 && read - 1 <= now + link.ahead)
  const measured =
    read !== undefined && (roundTrip <= link.roundTrip || !isPossible)
      ? { ahead: read - (sentAt + now) / 2, roundTrip }
      : { ahead: link.ahead, roundTrip: link.roundTrip * 1.1 + 0.1 }
  return {
    ...measured,
    isFailing: false,
    answeringSince: link.isFailing ? now + measured.ahead : link.answeringSince
  }
}

/**
 * A change was heard at `now`, which a store has written at `written`: the first estimate of the offset, before any answer.
 *
 * @internal
 */
export const heard = (link: Link, now: number, written: number): Link =>
  link.roundTrip === Infinity ? { ...link, ahead: written - now } : link

/** @internal */
export const failed = (link: Link): Link => (link.isFailing ? link : { ...link, isFailing: true })
