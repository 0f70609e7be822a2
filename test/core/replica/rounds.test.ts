/** The rounds of a node, and the calls that ask the store first. */
import { assert, describe, it } from "@effect/vitest"
import { eventOf } from "../../../src/internal/core/replica/events.ts"
import { asksFirst, concernsOthers } from "../../../src/internal/core/replica/freshness.ts"
import * as Links from "../../../src/internal/core/replica/link.ts"
import * as Activities from "../../../src/internal/core/replica/activity.ts"
import * as Rounds from "../../../src/internal/core/replica/rounds.ts"
import type { Settings, Situation } from "../../../src/internal/core/replica/situation.ts"
import { pair, settingsWith, syncMillis } from "./fixtures.ts"

describe("a round of a node", () => {
  it("S2 exchanges the circuits that are due, and otherwise waits until the first one is due", () => {
    assert.deepStrictEqual(Rounds.next(Links.initial, 100, 100), { _tag: "Exchange" })
    assert.deepStrictEqual(Rounds.next(Links.initial, 101, 100), { _tag: "Wait", until: 101 })
    assert.deepStrictEqual(Rounds.next(Links.initial, Infinity, 100), { _tag: "Wait", until: Infinity })
  })

  it("S13 asks a store that fails once an interval, whatever is due", () => {
    for (const dueAt of [100, 101, Infinity]) {
      assert.deepStrictEqual(Rounds.next(Links.failed(Links.initial), dueAt, 100), { _tag: "Ping" })
    }
    assert.strictEqual(Rounds.pauseMillis("Ping", settingsWith()), syncMillis)
    assert.strictEqual(Rounds.pauseMillis("Exchange", settingsWith()), 10)
  })
})

describe("S2 a call asks the store first", () => {
  const situation = (over: Partial<Situation> = {}, settings: Settings = settingsWith()): Situation => ({
    settings,
    now: 5_000,
    clockOffset: 0,
    isTimeKnown: true,
    isListening: true,
    isFailing: false,
    answeringSince: 0,
    revision: "a-0",
    ...over
  })
  const unknown = { answeredAt: -Infinity, isFaulty: false }
  const known = { answeredAt: 0, isFaulty: false }

  it("about a circuit of which nothing is known", () => {
    assert.isTrue(asksFirst(unknown, situation()))
    assert.isFalse(asksFirst(known, situation()))
  })

  it("S1 but never one that fails", () => {
    assert.isFalse(asksFirst(unknown, situation({ isFailing: true })))
  })

  it("every interval, where changes are not heard or the circuit has a fault", () => {
    const answeredAt = 5_000 - syncMillis
    for (const isFaulty of [false, true]) {
      const silent = situation({ isListening: isFaulty })
      assert.isTrue(asksFirst({ answeredAt, isFaulty }, silent))
      assert.isFalse(asksFirst({ answeredAt: answeredAt + 1, isFaulty }, silent))
    }
  })

  it("always, under write-through", () => {
    assert.isTrue(asksFirst(known, situation({}, settingsWith({ writesThrough: true }))))
  })

  it("and calls concern the other nodes while their circuit is unknown, faulty or exchanged", () => {
    const { replica } = pair().a
    assert.isFalse(concernsOthers(replica, known))
    assert.isTrue(concernsOthers(replica, unknown))
    assert.isTrue(concernsOthers(replica, { ...known, isFaulty: true }))
    assert.isTrue(concernsOthers(Activities.startExchanging(replica), known))
  })
})

describe("S3 a notification", () => {
  it("is a change or an announcement, and not every store knows the number of its subscribers", () => {
    const changed = { now: 7, revision: "b-1", state: "text" }
    assert.deepStrictEqual(eventOf({ _tag: "Changed", key: "k", ...changed }), {
      _tag: "ChangeReceived",
      ...changed
    })
    assert.deepStrictEqual(eventOf({ _tag: "Failing", key: "k", listeners: 4 }), {
      _tag: "FailuresAnnounced",
      listeners: 4
    })
    assert.deepStrictEqual(eventOf({ _tag: "Failing", key: "k" }), {
      _tag: "FailuresAnnounced",
      listeners: 0
    })
  })
})
