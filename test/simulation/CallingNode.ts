/** The calls of a process: `begin.ts`, `call.ts`, `opening.ts` of the breaker and `claim.ts` of the fleet, as data. */
import type { Decision } from "../../src/internal/core/admission.ts"
import * as Admission from "../../src/internal/core/admission.ts"
import type { Circuit, Ticket } from "../../src/internal/core/circuit.ts"
import * as Machine from "../../src/internal/core/circuit.ts"
import * as Claims from "../../src/internal/core/replica/claims.ts"
import type { Call } from "../../src/internal/core/policies/policy.ts"
import * as Activities from "../../src/internal/core/replica/activity.ts"
import { asksFirst, concernsOthers } from "../../src/internal/core/replica/freshness.ts"
import * as Replicas from "../../src/internal/core/replica/replica.ts"
import { AskingNode } from "./AskingNode.ts"
import type { Activity, CallActivity, CallPlan } from "./Fact.ts"
import { deadlineMillis } from "./Setup.ts"

/** An activity that has begun, and what it waits for. */
type Running =
  | { readonly _tag: "Readying"; readonly activity: Activity }
  | { readonly _tag: "Claiming"; readonly activity: CallActivity; readonly request: number }
  | RunningCall
  | { readonly _tag: "Preparing"; readonly activity: Activity }
  | { readonly _tag: "Telling"; readonly activity: Activity }
  | { readonly _tag: "Writing"; readonly activity: Activity }

interface RunningCall {
  readonly _tag: "Running"
  readonly activity: CallActivity
  readonly ticket: Ticket
  readonly startedAt: number
}

interface Claim {
  readonly activity: number
  readonly key: string
  readonly until: number
  readonly state: Claims.Claim
  /** Whether the store may still answer the request. */
  readonly isOpen: boolean
}

export abstract class CallingNode extends AskingNode {
  protected running: ReadonlyArray<Running> = []
  protected claims: ReadonlyMap<number, Claim> = new Map()
  private requests = 0

  override get content(): ReadonlyArray<unknown> {
    const { claims, requests, running } = this
    return [...super.content, { claims, requests, running }]
  }

  /** The calls that run. */
  get calls(): ReadonlyArray<RunningCall> {
    return this.running.filter((it): it is RunningCall => it._tag === "Running")
  }

  /** The activities that wait for the store. */
  get waits(): ReadonlyArray<Running> {
    return this.running.filter((it) => it._tag !== "Running")
  }

  /** The number of requests for a slot of the circuit that are pending. */
  claimsOf(key: string): number {
    return [...this.claims.values()].filter((it) => it.key === key && it.isOpen).length
  }

  protected put(it: Running): void {
    this.running = [...this.running.filter(({ activity }) => activity !== it.activity), it]
  }

  protected end(activity: Activity): void {
    this.running = this.running.filter((it) => it.activity !== activity)
    this.facts.push({ _tag: "Ended", activity })
  }

  private get isOut(): boolean {
    return this.birth.rejectsInOutage && this.link.isFailing
  }

  /** Whether the store has to be asked about the circuit first. */
  protected hasToWait({ id, key }: Activity): boolean {
    const member = this.member(key)
    if (!asksFirst(member, this.situation())) return false
    if (this.settings.writesThrough) this.set(member, Activities.startExchanging(member.replica))
    this.waitFor(id, key, true)
    return true
  }

  protected coordinated(call: CallActivity): void {
    if (this.isOut) return this.reject(call, "Outage")
    const { circuit, replica } = this.member(call.key)
    if (!this.protocol.asksForSlot(replica, circuit, this.situation())) return this.decide(call)
    const request = ++this.requests
    const claim: Claim = {
      activity: call.id,
      key: call.key,
      until: this.now + Claims.deadlinesOfClaim * deadlineMillis,
      state: Claims.unanswered,
      isOpen: true
    }
    this.claims = new Map([...this.claims, [request, claim]])
    this.put({ _tag: "Claiming", activity: call, request })
    this.step(call.key, { _tag: "SlotRequested", request })
  }

  private decide(call: CallActivity): void {
    const [decision, next] = Admission.admit(this.member(call.key).circuit, this.rules, this.now)
    this.replace(call.key, next, "Call")
    if (decision._tag === "Rejected") return this.reject(call, "Circuit")
    this.start(call, decision.ticket, false)
  }

  private start(activity: CallActivity, ticket: Ticket, isGranted: boolean): void {
    this.put({ _tag: "Running", activity, ticket, startedAt: this.now })
    const { generationOffset, standing } = this.member(activity.key).replica
    const generation = ticket.generation + generationOffset
    const { slot } = ticket
    this.facts.push({ _tag: "Started", call: activity, generation, slot, isGranted, standing: standing._tag })
  }

  private reject(call: CallActivity, why: "Circuit" | "Slot" | "Outage"): void {
    this.facts.push({ _tag: "Rejected", call, why, by: this.member(call.key).circuit })
    this.end(call)
  }

  protected decided(call: CallActivity, request: number): void {
    const decision = this.claims.get(request)?.state.given
    const { circuit } = this.member(call.key)
    const ticket = this.protocol.ticketOf(decision, circuit, this.rules, this.now)
    if (ticket !== undefined) {
      this.forgetClaim(request)
      return this.start(call, ticket, ticket.slot > 0)
    }
    this.abandon(request)
    this.withoutTicket(call, decision)
  }

  private withoutTicket(call: CallActivity, decision: Decision | undefined): void {
    const { circuit } = this.member(call.key)
    switch (Claims.withoutTicket(decision, circuit, this.rules, this.now)) {
      case "Decided":
        return this.decide(call)
      case "Rejected":
        return this.reject(call, "Slot")
      case "Unanswered":
        return this.isOut ? this.reject(call, "Outage") : this.decide(call)
    }
  }

  protected override answerClaim(request: number, decision: Decision | undefined): void {
    const claim = this.claims.get(request)
    if (claim === undefined) return
    this.answerOnce(request, { ...claim, isOpen: false }, decision)
  }

  protected timeOut(request: number, claim: Claim): void {
    this.answerOnce(request, claim, Claims.tooLate)
  }

  private answerOnce(request: number, before: Claim, decision: Decision | undefined): void {
    const { claim: state, returned } = Claims.answered(before.state, decision)
    const isFirst = !before.state.isAnswered
    if (isFirst && !state.isAbandoned) this.ready.push(before.activity)
    if (!before.isOpen && (!isFirst || state.isAbandoned)) this.forgetClaim(request)
    else this.claims = new Map([...this.claims, [request, { ...before, state }]])
    this.handBack(before.key, returned)
  }

  protected abandon(request: number): void {
    const before = this.claims.get(request)
    if (before === undefined) return
    const { claim: state, returned } = Claims.abandoned(before.state)
    if (before.isOpen) this.claims = new Map([...this.claims, [request, { ...before, state }]])
    else this.forgetClaim(request)
    this.handBack(before.key, returned)
  }

  private forgetClaim(request: number): void {
    this.claims = new Map([...this.claims].filter(([of]) => of !== request))
  }

  private handBack(key: string, ticket: Ticket | undefined): void {
    if (ticket !== undefined) this.step(key, { _tag: "SlotAbandoned", slot: ticket.slot })
  }

  protected settle({ activity, startedAt, ticket }: RunningCall, plan: CallPlan, interrupted: boolean): void {
    const { id, key } = activity
    const { circuit: before } = this.member(key)
    this.facts.push({ _tag: "Settled", call: activity, outcome: plan.outcome })
    const now = this.needsTime(key, plan) ? this.now : NaN
    if (!Machine.stillCounts(before, this.rules, ticket, now)) return this.end(activity)
    const elapsedMillis = this.rules.policy.measuresElapsed && !Number.isNaN(now) ? now - startedAt : 0
    const call: Call = { outcome: { _tag: plan.outcome }, interrupted, at: now, elapsedMillis }
    const next = Machine.settle(before, this.rules, ticket, call)
    const isNews = next.generation === before.generation && next !== before
    const trips = isNews ? this.trips(key, next) : undefined
    this.replace(key, next, "Call")
    const epoch = Replicas.epochOf(this.member(key).replica, before)
    this.facts.push({ _tag: "Recorded", key, id, call, epoch })
    if (trips !== undefined) this.open(key, { reason: trips, now: this.now, hintMillis: plan.hintMillis })
    const { slot } = ticket
    const openMillis = this.openMillisAfter(key, before, plan)
    this.step(key, { _tag: "Settled", before, slot, call, outcome: call.outcome, openMillis })
    this.tell(activity)
  }

  /** A successful call of a healthy circuit needs no clock if the policy does not time successes. */
  private needsTime(key: string, { outcome }: CallPlan): boolean {
    const member = this.member(key)
    return (
      outcome !== "Success" ||
      this.rules.policy.timesSuccesses ||
      member.circuit._tag !== "Closed" ||
      concernsOthers(member.replica, member)
    )
  }

  /** Under write-through, a trip is decided only after the outcome has been written. */
  private trips(key: string, next: Circuit<unknown>): ReturnType<typeof Machine.trips> {
    if (this.settings.writesThrough && Machine.isCounting(next)) return undefined
    const { at, circuit } = this.protocol.merged(this.member(key).replica, next, this.situation())
    return Machine.trips(circuit, this.rules, at)
  }

  /** Under write-through, the caller waits until its outcome has been written, and before that for earlier changes. */
  private tell(activity: Activity): void {
    if (!this.settings.writesThrough) return this.end(activity)
    this.put({ _tag: "Preparing", activity })
    if (!this.waitsForWriting(activity)) this.report(activity)
  }

  protected report(activity: Activity): void {
    if (this.link.isFailing) return this.waitForWriting(activity)
    this.put({ _tag: "Telling", activity })
    this.waitFor(activity.id, activity.key, false)
  }

  protected waitForWriting(activity: Activity): void {
    this.put({ _tag: "Writing", activity })
    if (!this.waitsForWriting(activity)) this.end(activity)
  }

  private waitsForWriting({ id, key }: Activity): boolean {
    if (this.member(key).replica.standing._tag !== "Writing") return false
    this.writing = [...this.writing, [id, key]]
    return true
  }
}
