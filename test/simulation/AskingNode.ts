/** When a process asks the store, and for how long it waits: `exchanges.ts`, `connection.ts`, `subscription.ts`, as data. */
import * as Links from "../../src/internal/core/replica/link.ts"
import type { ExchangeRequest } from "../../src/CircuitStore.ts"
import type { WriteCommand } from "../../src/internal/core/replica/progress.ts"
import type { Asked, CircuitRequest } from "../../src/internal/core/replica/events.ts"
import { eventOf } from "../../src/internal/core/replica/events.ts"
import type { Reaction } from "../../src/internal/core/replica/freshness.ts"
import { resubscribed, storeLost, storeRecovered } from "../../src/internal/core/replica/freshness.ts"
import * as Rounds from "../../src/internal/core/replica/rounds.ts"
import type { Change } from "../../src/CircuitStore.ts"
import type { AnswerBody, Entry } from "./Message.ts"
import { isFault } from "./Message.ts"
import type { Birth } from "./SharingNode.ts"
import { breakerName, clockSlackMillis, isBy, SharingNode } from "./SharingNode.ts"
import { deadlineMillis } from "./Setup.ts"

/** A request in flight. */
type Pending = { readonly id: number; readonly sentAt: number } & (
  | { readonly _tag: "Exchange"; readonly asked: ReadonlyArray<AskedAbout>; readonly isOfLoop: boolean }
  | { readonly _tag: "Write"; readonly key: string; readonly revision: string }
  | { readonly _tag: "Ping" }
)

interface AskedAbout {
  readonly key: string
  readonly request: CircuitRequest
  readonly asked: Asked
}

/** The state of the loop of exchanges. */
type Loop =
  | { readonly _tag: "Looking" }
  | { readonly _tag: "Waiting" }
  | { readonly _tag: "Pausing"; readonly until: number }

interface Subscription {
  readonly id: number
  /** When to subscribe again. */
  readonly retryAt: number
  readonly hasListened: boolean
}

export abstract class AskingNode extends SharingNode {
  protected pending: Array<Pending> = []
  /** The activities that wait for an answer about a circuit: to a request in flight, or to the next one. */
  protected waiting: ReadonlyArray<Waiting> = []
  private queue: ReadonlyArray<string> = []
  private loop: Loop = { _tag: "Looking" }
  private subscription: Subscription = { id: 0, retryAt: Infinity, hasListened: false }
  private requestsMade = 0

  constructor(birth: Birth) {
    super(birth)
    this.sent.push({ _tag: "Subscribe", subscription: 0 })
  }

  override get content(): ReadonlyArray<unknown> {
    const { loop, pending, queue, requestsMade, subscription, waiting } = this
    return [...super.content, { loop, pending, queue, requestsMade, subscription, waiting }]
  }

  protected override request(key: string): void {
    const member = this.member(key)
    if (member.isQueued) return
    member.isQueued = true
    this.queue = [...this.queue, key]
  }

  /** Makes an activity wait for an answer about a circuit. If `isRead`, the answer to a request in flight suffices. */
  protected waitFor(activity: number, key: string, isRead: boolean): void {
    const { asking } = this.member(key)
    const request = isRead ? asking : undefined
    if (request === undefined) this.request(key)
    this.waiting = [...this.waiting, { activity, key, request }]
  }

  protected override write(
    key: string,
    { expected, keepMillis, renew, revision, state }: WriteCommand
  ): void {
    const { node } = this.settings
    const circuit = { breaker: breakerName, key }
    const id = ++this.requestsMade
    this.pending.push({ _tag: "Write", id, sentAt: this.now, key, revision })
    const request = { circuit, node, expected, revision, state, renew, keepMillis }
    this.sent.push({ _tag: "Request", id, body: { _tag: "Write", request } })
  }

  /** All exchanges that were requested in this turn travel together. */
  protected askQueued(): void {
    const keys = this.queue
    if (keys.length === 0) return
    this.queue = []
    this.exchange(keys, false)
  }

  /** A request about an arbitrary circuit, because every answer has the store's time. */
  private get reading(): ExchangeRequest {
    const { node } = this.settings
    const circuit = { breaker: breakerName, key: "default" }
    return { circuit, node, revision: "", window: undefined, announce: false, renew: false, keepMillis: 1 }
  }

  /** Exchanges the circuits that are due. While the store fails, asks it again once per interval. */
  protected exchangeDue(): void {
    if (this.loop._tag === "Pausing" && isBy(this.loop.until, this.now)) this.loop = { _tag: "Looking" }
    if (this.loop._tag !== "Looking") return
    const round = Rounds.next(this.link, this.nextDueAt, this.now + clockSlackMillis)
    if (round._tag === "Wait") return
    this.loop = { _tag: "Waiting" }
    if (round._tag === "Exchange") return this.exchange(this.scheduled(this.now), true)
    const id = ++this.requestsMade
    this.pending.push({ _tag: "Ping", id, sentAt: this.now })
    this.sent.push({ _tag: "Request", id, body: { _tag: "Exchange", requests: [this.reading] } })
  }

  private exchange(keys: ReadonlyArray<string>, isOfLoop: boolean): void {
    const id = ++this.requestsMade
    const { node } = this.settings
    const requests: Array<ExchangeRequest> = []
    const asked = keys.map((key): AskedAbout => {
      const member = this.member(key)
      const { asked, replica, request } = this.protocol.ask(member.replica, member.circuit, this.situation())
      this.set(member, replica)
      member.isQueued = false
      member.asking = id
      const { announce, keepMillis, renew, revision, window } = request
      const circuit = { breaker: breakerName, key }
      requests.push({ circuit, node, revision, window, announce, renew, keepMillis })
      return { key, request, asked }
    })
    if (this.queue.length > 0) this.queue = this.queue.filter((key) => !keys.includes(key))
    if (this.waiting.length > 0) {
      this.waiting = this.waiting.map((it) =>
        it.request === undefined && keys.includes(it.key) ? { ...it, request: id } : it
      )
    }
    this.pending.push({ _tag: "Exchange", id, sentAt: this.now, asked, isOfLoop })
    this.sent.push({ _tag: "Request", id, body: { _tag: "Exchange", requests } })
  }

  protected answered(id: number, body: AnswerBody): void {
    const index = this.pending.findIndex((it) => it.id === id)
    const pending = this.pending[index]
    if (pending === undefined) return
    this.pending.splice(index, 1)
    if (body._tag === "Refused") return this.failed(pending)
    this.linked(pending, body.entries)
    switch (pending._tag) {
      case "Ping":
        return this.pause("Ping")
      case "Write": {
        const [entry] = body.entries
        this.step(
          pending.key,
          entry === undefined || isFault(entry)
            ? { _tag: "Faulted" }
            : { _tag: "Written", entry, revision: pending.revision }
        )
        return
      }
      case "Exchange":
        pending.asked.forEach(({ asked, key }, i) => {
          const entry = body.entries[i]
          const isFaulty = entry === undefined || isFault(entry)
          const member = this.member(key)
          member.answeredAt = this.now
          member.isFaulty = isFaulty
          this.step(key, isFaulty ? { _tag: "Faulted" } : { _tag: "Answered", entry, asked })
        })
        this.done(pending)
    }
  }

  private linked({ sentAt }: Pending, entries: ReadonlyArray<Entry>): void {
    const wasFailing = this.link.isFailing
    const read = entries.find((it) => !isFault(it))
    this.link = this.protocol.linked(this.link, {
      now: this.now,
      read: read === undefined || isFault(read) ? undefined : read.now,
      sentAt
    })
    if (!wasFailing) return
    this.facts.push({ _tag: "Link", isFailing: false })
    this.react(storeRecovered(this.isListening))
  }

  private failed(pending: Pending): void {
    if (!this.link.isFailing) {
      this.link = Links.failed(this.link)
      this.facts.push({ _tag: "Link", isFailing: true })
      this.react(storeLost)
    }
    switch (pending._tag) {
      case "Ping":
        return this.pause("Ping")
      case "Write":
        return this.step(pending.key, { _tag: "WriteFailed", revision: pending.revision })
      case "Exchange":
        for (const { key, request } of pending.asked) this.step(key, { _tag: "Unanswered", request })
        this.done(pending)
    }
  }

  private done(pending: Extract<Pending, { readonly _tag: "Exchange" }>): void {
    if (this.waiting.length > 0) {
      for (const { activity, request } of this.waiting) if (request === pending.id) this.ready.push(activity)
      this.waiting = this.waiting.filter(({ request }) => request !== pending.id)
    }
    for (const { key } of pending.asked) {
      const member = this.member(key)
      if (member.asking === pending.id) member.asking = undefined
    }
    if (pending.isOfLoop) this.pause("Exchange")
  }

  private pause(after: "Ping" | "Exchange"): void {
    this.loop = { _tag: "Pausing", until: this.now + Rounds.pauseMillis(after, this.settings) }
  }

  private react({ event, outdatesAnswers }: Reaction): void {
    if (outdatesAnswers) {
      for (const member of this.members.values()) {
        member.answeredAt = -Infinity
        member.isFaulty = false
      }
    }
    for (const key of this.scheduled()) this.step(key, event)
  }

  protected changeReceived(subscription: number, change: Change): void {
    const { id, retryAt } = this.subscription
    if (subscription !== id || retryAt < Infinity) return
    if (change._tag === "Listening") return this.begun()
    if (change._tag === "Changed") this.link = this.protocol.linkedByChange(this.link, this.now, change.now)
    if (!this.members.has(change.key)) return
    this.step(change.key, eventOf(change))
  }

  private begun(): void {
    this.isListening = true
    this.facts.push({ _tag: "Listens", isListening: true })
    if (this.subscription.hasListened) return this.react(resubscribed)
    this.subscription = { ...this.subscription, hasListened: true }
    for (const key of this.members.keys()) this.request(key)
  }

  protected hungUp(subscription: number): void {
    const { hasListened, id, retryAt } = this.subscription
    if (subscription !== id || retryAt < Infinity) return
    this.isListening = false
    this.facts.push({ _tag: "Listens", isListening: false })
    this.subscription = { id, hasListened, retryAt: this.now + this.settings.syncMillis }
  }

  /** When this node has to act next, in its own time. */
  protected nextAt(): number {
    const at = Math.min(this.subscription.retryAt, this.nextRoundAt())
    // They lie in the order in which they were sent.
    const [first] = this.pending
    return first === undefined ? at : Math.min(at, first.sentAt + deadlineMillis)
  }

  private nextRoundAt(): number {
    switch (this.loop._tag) {
      case "Waiting":
        return Infinity
      case "Pausing":
        return Math.max(this.loop.until, this.nextLookAt)
      case "Looking":
        return this.nextLookAt
    }
  }

  private get nextLookAt(): number {
    const round = Rounds.next(this.link, this.nextDueAt, this.now)
    return round._tag === "Wait" ? round.until : this.now
  }

  /** When the first circuit is to be exchanged. */
  private get nextDueAt(): number {
    let at = Infinity
    for (const { dueAt } of this.members.values()) if (dueAt < at) at = dueAt
    return at
  }

  /** Handles expired deadlines, and the next attempt to subscribe. */
  protected timePassed(): void {
    const late = this.pending.filter(({ sentAt }) => isBy(sentAt + deadlineMillis, this.now))
    for (const pending of late) {
      this.pending.splice(this.pending.indexOf(pending), 1)
      this.failed(pending)
    }
    const { hasListened, id, retryAt } = this.subscription
    if (isBy(retryAt, this.now)) {
      this.subscription = { id: id + 1, retryAt: Infinity, hasListened }
      this.sent.push({ _tag: "Subscribe", subscription: id + 1 })
    }
  }
}

interface Waiting {
  readonly activity: number
  readonly key: string
  readonly request: number | undefined
}
