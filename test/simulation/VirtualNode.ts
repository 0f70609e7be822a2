/** A process: the actions on it, in turns, and the controls of a breaker as in `internal/breaker/controls.ts`. */
import type { Change } from "../../src/CircuitStore.ts"
import type { Circuit } from "../../src/internal/core/circuit.ts"
import * as ManualControl from "../../src/internal/core/manualControl.ts"
import { CallingNode } from "./CallingNode.ts"
import type { Activity, Control, ControlActivity } from "./Fact.ts"
import type { AnswerBody } from "./Message.ts"
import { isBy } from "./SharingNode.ts"

/** An isolation, or a disabling, that this process holds. */
export interface Hold {
  readonly key: string
  readonly kind: "Isolation" | "Disabling"
  /** Only an isolation belongs to a generation: a reset ends it. */
  readonly since: number
}

export class VirtualNode extends CallingNode {
  /** The number of activities that have begun here. */
  activities = 0
  holds: ReadonlyArray<Hold> = []
  /** When this node has to act next without a message, in the world's time. */
  wakesAt = 0

  override get content(): ReadonlyArray<unknown> {
    const { activities, holds } = this
    return [...super.content, { activities, holds }]
  }

  copy(): VirtualNode {
    const copy: VirtualNode = Object.assign(Object.create(VirtualNode.prototype), this)
    copy.members = new Map()
    for (const [key, member] of this.members) copy.members.set(key, { ...member })
    copy.sent = []
    copy.facts = []
    copy.pending = [...this.pending]
    copy.ready = [...this.ready]
    return copy
  }

  turn(now: number, what: () => void): void {
    this.now = now
    what()
    this.endTurn()
    this.wakesAt = this.wakingAt()
  }

  begin(activity: Activity): void {
    this.facts.push({ _tag: "Began", activity })
    if (activity._tag === "Control" && isEnd(activity.control)) return this.endHold(activity)
    if (this.hasToWait(activity)) return this.put({ _tag: "Readying", activity })
    this.proceed(activity)
  }

  /** Interrupts an activity that waits, or a call that runs. */
  interrupt(id: number): void {
    const it = this.running.find(({ activity }) => activity.id === id)
    if (it === undefined) return
    if (it._tag === "Running") return this.settle(it, { outcome: "Ignored", millis: 0, hintMillis: 0 }, true)
    if (it._tag === "Claiming") this.abandon(it.request)
    if (it._tag === "Readying" || it._tag === "Claiming") this.end(it.activity)
  }

  receive(id: number, body: AnswerBody): void {
    this.answered(id, body)
  }

  hear(subscription: number, change: Change): void {
    this.changeReceived(subscription, change)
  }

  hangUp(subscription: number): void {
    this.hungUp(subscription)
  }

  private wakingAt(): number {
    let at = this.nextAt()
    if (this.claims.size > 0) {
      for (const { state, until } of this.claims.values()) if (!state.isAnswered && until < at) at = until
    }
    for (const it of this.running) {
      if (it._tag === "Running") at = Math.min(at, it.startedAt + it.activity.plan.millis)
    }
    return at === Infinity ? Infinity : this.birth.bornAt + at / this.birth.rate
  }

  /** Does everything that is due by its clock. */
  wake(): void {
    for (const it of this.calls) {
      if (isBy(it.startedAt + it.activity.plan.millis, this.now)) this.settle(it, it.activity.plan, false)
    }
    for (const [request, claim] of this.claims) {
      if (!claim.state.isAnswered && isBy(claim.until, this.now)) this.timeOut(request, claim)
    }
    this.timePassed()
  }

  /** The activities that have waited continue, and their requests travel together. */
  private endTurn(): void {
    for (;;) {
      const id = this.ready.shift()
      if (id !== undefined) this.resume(id)
      else if (!this.askedAnything()) break
    }
    this.exchangeDue()
  }

  private askedAnything(): boolean {
    const before = this.sent.length
    this.askQueued()
    return this.sent.length > before
  }

  private resume(id: number): void {
    const it = this.running.find(({ activity }) => activity.id === id)
    switch (it?._tag) {
      case "Readying":
        return this.proceed(it.activity)
      case "Claiming":
        return this.decided(it.activity, it.request)
      case "Preparing":
        return this.report(it.activity)
      case "Telling":
        return this.waitForWriting(it.activity)
      case "Writing":
        return this.end(it.activity)
    }
  }

  private proceed(activity: Activity): void {
    switch (activity._tag) {
      case "Call":
        return this.coordinated(activity)
      case "Control":
        return this.controlled(activity)
      case "Read":
        return this.end(activity)
    }
  }

  private controlled(activity: ControlActivity): void {
    const { control, key } = activity
    const before = this.roll(key)
    this.control(control, key, before)
    if (this.member(key).circuit === before) return this.end(activity)
    this.step(key, { _tag: "Controlled", control })
    this.waitForWriting(activity)
  }

  private control(control: Control, key: string, circuit: Circuit<unknown>): void {
    switch (control) {
      case "Trip":
        if (circuit._tag === "Isolated" || circuit._tag === "Disabled") return
        if (circuit._tag === "Open")
          return this.replace(key, ManualControl.restart(circuit, this.now), "Call")
        return this.open(key, { reason: "Manual", now: this.now, hintMillis: 0 })
      case "Reset":
        return this.replace(key, ManualControl.reset(circuit, this.rules, this.now), "Call")
      case "Isolate": {
        const isolated = ManualControl.isolate(circuit)
        this.replace(key, isolated, "Call")
        this.holds = [...this.holds, { key, kind: "Isolation", since: isolated.since }]
        return
      }
      case "Disable":
        this.replace(key, ManualControl.disable(circuit), "Call")
        this.holds = [...this.holds, { key, kind: "Disabling", since: NaN }]
        return
      case "Release":
      case "Enable":
        return
    }
  }

  /** Gives back the oldest hold of that kind. */
  private endHold(activity: ControlActivity): void {
    const { control, key } = activity
    const kind = control === "Release" ? "Isolation" : "Disabling"
    const hold = this.holds.find((it) => it.key === key && it.kind === kind)
    if (hold === undefined) return this.end(activity)
    this.holds = this.holds.filter((it) => it !== hold)
    const { circuit } = this.member(key)
    const ended =
      kind === "Isolation"
        ? ManualControl.release(circuit, this.rules, hold.since, this.now)
        : ManualControl.enable(circuit, this.rules, this.now)
    // Another process may have ended the hold on this process, while other processes still have it.
    if (ended === circuit && kind === "Isolation") return this.end(activity)
    this.replace(key, ended, "Call")
    this.step(key, { _tag: "Controlled", control })
    this.waitForWriting(activity)
  }
}

const isEnd = (control: Control): boolean => control === "Release" || control === "Enable"
