/**
 * The state of a node's connection to the store: whether the store answers, and the offset of its clock.
 *
 * @internal
 */
export interface Link {
  readonly isFailing: boolean
  /** The store's time minus the node's, in milliseconds. */
  readonly clockOffset: number
  /** Whether the offset comes from a time of the store. Before, it is 0. */
  readonly isTimeKnown: boolean
  /** The round trip of the answer that gave the offset. It grows with each later answer, as the offset ages. */
  readonly roundTrip: number
  /** When the store began to answer after its last outage, in its own time. */
  readonly answeringSince: number
}

/** @internal */
export const initial: Link = {
  isFailing: false,
  clockOffset: 0,
  isTimeKnown: false,
  roundTrip: Infinity,
  answeringSince: -Infinity
}

/**
 * The link after an answer at `now` to a request of `sentAt`; `read` is the store's time in the answer, if it has one.
 *
 * The quickest answer gives the best offset. The offset is replaced as it ages, or if the store's clock has jumped.
 *
 * @internal
 */
export const answered = (
  link: Link,
  { now, read, sentAt }: { readonly now: number; readonly read: number | undefined; readonly sentAt: number }
): Link => {
  const roundTrip = now - sentAt
  const isPossible =
    read === undefined || (sentAt + link.clockOffset <= read + 1 && read - 1 <= now + link.clockOffset)
  const isBetter = read !== undefined && (roundTrip <= link.roundTrip || !isPossible)
  const clockOffset = isBetter ? read - (sentAt + now) / 2 : link.clockOffset
  return {
    isFailing: false,
    clockOffset,
    isTimeKnown: link.isTimeKnown || read !== undefined,
    roundTrip: isBetter ? roundTrip : link.roundTrip * 1.1 + 0.1,
    answeringSince: link.isFailing ? now + clockOffset : link.answeringSince
  }
}

/**
 * The link after a notification at `now` of a change that the store wrote at `written`. Before any answer, it gives a
 * first estimate of the offset.
 *
 * @internal
 */
export const changeReceived = (link: Link, now: number, written: number): Link =>
  link.roundTrip === Infinity ? { ...link, clockOffset: written - now, isTimeKnown: true } : link

/** @internal */
export const failed = (link: Link): Link => (link.isFailing ? link : { ...link, isFailing: true })
