/** A process without an event loop: the work of `internal/fleet/node.ts` and `internal/breaker`, as data. */
import type { Decision } from "../../src/internal/core/admission.ts"
import type { Circuit, OpenReason } from "../../src/internal/core/circuit.ts"
import * as Machine from "../../src/internal/core/circuit.ts"
import type { Link } from "../../src/internal/core/replica/link.ts"
import * as Links from "../../src/internal/core/replica/link.ts"
import type { Command, WriteCommand } from "../../src/internal/core/replica/progress.ts"
import type { Replica } from "../../src/internal/core/replica/replica.ts"
import * as Replicas from "../../src/internal/core/replica/replica.ts"
import type { Settings, Situation } from "../../src/internal/core/replica/situation.ts"
import type { Event } from "../../src/internal/core/replica/events.ts"
import type { CallPlan, Fact, Member } from "./Fact.ts"
import type { Process, RequestBody } from "./Message.ts"
import type { Protocol } from "./Protocol.ts"
import { openMillisOf } from "./Setup.ts"

/** A message that a process sends. */
export type Sent =
  | { readonly _tag: "Request"; readonly id: number; readonly body: RequestBody }
  | { readonly _tag: "Subscribe"; readonly subscription: number }

export interface Birth extends Process {
  readonly settings: Settings
  readonly protocol: Protocol
  readonly rejectsInOutage: boolean
  /** The time of the world at which its clock began, and how fast it runs. */
  readonly bornAt: number
  readonly rate: number
}

/** The breaker's name. */
export const breakerName = "b"

/** A `retryAfter` hint lengthens an opening up to this. */
const longestHintMillis = 600

export abstract class SharingNode {
  readonly birth: Birth
  readonly settings: Settings
  readonly protocol: Protocol
  now = 0
  link: Link = Links.initial
  isListening = false
  members: Map<string, Member> = new Map()
  /** The messages and facts since they were last taken. */
  sent: Array<Sent> = []
  facts: Array<Fact> = []
  /** The activities that have waited and may continue. */
  protected ready: Array<number> = []
  /** The activities that wait until no change of a circuit is being written. */
  protected writing: ReadonlyArray<readonly [activity: number, key: string]> = []
  private writes = 0
  /** One that no state has had. */
  private revision: string

  constructor(birth: Birth) {
    this.revision = `${birth.settings.node}-0`
    this.birth = birth
    this.settings = birth.settings
    this.protocol = birth.protocol
  }

  protected abstract request(key: string): void
  protected abstract write(key: string, command: WriteCommand): void
  protected abstract answerClaim(request: number, decision: Decision | undefined): void

  get content(): ReadonlyArray<unknown> {
    const { birth, isListening, link, members, ready, writes, writing } = this
    const { bornAt, life } = birth
    return [...members.values(), { bornAt, isListening, life, link, ready, writes, writing }]
  }

  get rules(): Settings["rules"] {
    return this.settings.rules
  }

  member(key: string): Member {
    const known = this.members.get(key)
    if (known !== undefined) return known
    const member: Member = {
      key,
      name: `${this.settings.node} ${key}`,
      circuit: Machine.initial(this.rules.policy),
      replica: Replicas.initial(this.settings),
      answeredAt: -Infinity,
      isFaulty: false,
      dueAt: Infinity,
      isQueued: false,
      asking: undefined
    }
    this.members.set(key, member)
    return member
  }

  situation(): Situation {
    const { clockOffset, answeringSince, isFailing, isTimeKnown } = this.link
    return {
      settings: this.settings,
      now: this.now,
      clockOffset,
      answeringSince,
      isFailing,
      isTimeKnown,
      isListening: this.isListening,
      revision: this.revision
    }
  }

  /** Replaces the replica of a circuit. */
  protected set(member: Member, replica: Replica): void {
    if (member.replica === replica) return
    member.replica = replica
    member.dueAt = this.protocol.dueAt(replica, this.settings)
  }

  /** The keys of the circuits that are exchanged by then, the longest due first. */
  protected scheduled(until = Infinity): ReadonlyArray<string> {
    const members: Array<Member> = []
    for (const member of this.members.values()) {
      if (member.dueAt < Infinity && isBy(member.dueAt, until)) members.push(member)
    }
    if (members.length > 1) members.sort((a, b) => a.dueAt - b.dueAt)
    return members.map(({ key }) => key)
  }

  step(key: string, event: Event): void {
    const member = this.member(key)
    const stepped = this.protocol.step(member.replica, member.circuit, event, this.situation())
    this.set(member, stepped.replica)
    this.facts.push({ _tag: "Stepped", key, event, commands: stepped.commands })
    for (const command of stepped.commands) this.perform(key, command)
    if (member.replica.standing._tag !== "Writing") this.wakeWriting(key)
  }

  private wakeWriting(key: string): void {
    if (this.writing.length === 0) return
    for (const [activity, of] of this.writing) if (of === key) this.ready.push(activity)
    this.writing = this.writing.filter(([, of]) => of !== key)
  }

  private perform(key: string, command: Command): void {
    switch (command._tag) {
      case "Change":
        return this.replace(key, command.circuit, command.origin === "Fleet" ? "Fleet" : "Time")
      case "Open":
        return this.open(key, { reason: "Tripped", now: command.now, hintMillis: 0 })
      case "Exchange":
        return this.request(key)
      case "Write":
        this.revision = `${this.settings.node}-${++this.writes}`
        return this.write(key, command)
      case "Answer":
        return this.answerClaim(command.request, command.decision)
      case "Report":
        this.facts.push({ _tag: "Reported", key, message: command.message })
    }
  }

  /** Gives a circuit its next value. */
  protected replace(key: string, to: Circuit<unknown>, by: "Call" | "Fleet" | "Time"): void {
    const member = this.member(key)
    const { circuit: from } = member
    if (from === to) return
    member.circuit = to
    this.facts.push({ _tag: "Changed", key, from, to, by })
  }

  protected open(key: string, { hintMillis, now, reason }: Opening): void {
    const { circuit: before } = this.member(key)
    const openings = Machine.nextOpening(before, now)
    const openMillis = lengthened(openings, hintMillis)
    const next = Machine.open(before, before.generation, { openings, openMillis, openedAt: now })
    this.replace(key, next, "Call")
    this.step(key, { _tag: "Opened", before, reason })
  }

  /** The length of the opening if a probe reopens the shared circuit. */
  protected openMillisAfter(key: string, before: Circuit<unknown>, { hintMillis }: CallPlan): number {
    const { circuit } = this.member(key)
    if (before._tag !== "HalfOpen") return 0
    return circuit._tag === "Open" ? circuit.openMillis : lengthened(before.openings + 1, hintMillis)
  }

  protected roll(key: string): Circuit<unknown> {
    const circuit = Machine.at(this.member(key).circuit, this.rules, this.now)
    this.replace(key, circuit, "Time")
    return circuit
  }
}

/** Clocks that run at other speeds meet only nearly. */
export const clockSlackMillis = 1e-6

export const isBy = (at: number, now: number): boolean => at <= now + clockSlackMillis

interface Opening {
  readonly reason: OpenReason
  readonly now: number
  readonly hintMillis: number
}

const lengthened = (openings: number, hintMillis: number): number =>
  Math.max(openMillisOf(openings), Math.min(hintMillis, longestHintMillis))
