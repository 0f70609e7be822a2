/** A node's view of its connection: whether the store answers, and the clock offset. */
import { assert, describe, it } from "@effect/vitest"
import * as Link from "../../../src/internal/core/replica/link.ts"

/** An answer after `roundTrip`, the store being `ahead` when it reads its clock halfway. */
const answer = (link: Link.Link, sentAt: number, roundTrip: number, clockOffset: number): Link.Link =>
  Link.answered(link, { sentAt, now: sentAt + roundTrip, read: sentAt + roundTrip / 2 + clockOffset })

describe("the link to the store", () => {
  it("is not failing at first, and has no clock offset", () => {
    assert.deepStrictEqual(Link.initial, {
      isFailing: false,
      clockOffset: 0,
      isTimeKnown: false,
      roundTrip: Infinity,
      answeringSince: -Infinity
    })
  })

  it("measures the clock offset at the middle of a round trip", () => {
    const link = Link.answered(Link.initial, { sentAt: 100, now: 140, read: 5_120 })
    assert.deepStrictEqual([link.clockOffset, link.roundTrip], [5_000, 40])
  })

  it("keeps the offset of a quicker answer, whose round trip ages", () => {
    const quick = answer(Link.initial, 0, 10, 500)
    const slow = answer(quick, 100, 100, 510)
    assert.deepStrictEqual([slow.clockOffset, slow.roundTrip], [500, 10 * 1.1 + 0.1])
  })

  it("takes the offset of an answer that is as quick", () => {
    const link = answer(answer(Link.initial, 0, 10, 500), 100, 10, 502)
    assert.strictEqual(link.clockOffset, 502)
  })

  it("takes a slower answer's offset once the quicker one has aged", () => {
    let link = answer(Link.initial, 0, 10, 500)
    for (let i = 1; i <= 50; i++) link = answer(link, i * 1_000, 100, 520)
    assert.strictEqual(link.clockOffset, 520)
  })

  it("takes the offset of any answer after the store's clock has jumped, forwards or backwards", () => {
    const link = answer(Link.initial, 0, 10, 500)
    assert.deepStrictEqual(
      [answer(link, 100, 40, 600).clockOffset, answer(link, 100, 40, 400).clockOffset],
      [600, 400]
    )
  })

  it("recognises a jump of the clock to the millisecond, by the bounds of the round trip", () => {
    const link = answer(Link.initial, 0, 10, 500)
    const read = (read: number) => Link.answered(link, { sentAt: 100, now: 140, read }).clockOffset
    assert.deepStrictEqual([read(599), read(641)], [500, 500])
    assert.deepStrictEqual([read(598), read(642)], [598 - 120, 642 - 120])
  })

  it("knows the store's time from the first answer or notification that has one", () => {
    const fault = Link.answered(Link.initial, { sentAt: 100, now: 140, read: undefined })
    assert.isFalse(fault.isTimeKnown)
    assert.isTrue(answer(fault, 200, 10, 500).isTimeKnown)
    assert.isTrue(
      Link.answered(answer(fault, 200, 10, 500), { sentAt: 300, now: 310, read: undefined }).isTimeKnown
    )
    assert.isTrue(Link.changeReceived(fault, 200, 700).isTimeKnown)
  })

  it("keeps the offset after an answer without a time", () => {
    const link = answer(Link.initial, 0, 10, 500)
    const ping = Link.answered(link, { sentAt: 100, now: 101, read: undefined })
    assert.deepStrictEqual([ping.clockOffset, ping.roundTrip], [500, 11.1])
  })

  it("is failing until the next answer, and records when the answers began again, in the store's time", () => {
    const link = answer(Link.initial, 0, 10, 500)
    const failing = Link.failed(link)
    assert.deepStrictEqual(failing, { ...link, isFailing: true })
    assert.strictEqual(Link.failed(failing), failing)
    const found = answer(failing, 1_000, 10, 500)
    assert.deepStrictEqual([found.isFailing, found.answeringSince], [false, 1_510])
    assert.strictEqual(answer(found, 2_000, 10, 500).answeringSince, 1_510)
  })
})
