/** A fleet in virtual time, whose course follows from a script and a seed. */
import type { Action, Condition } from "./Action.ts"
import { fine } from "./Action.ts"
import type { Fleet } from "./Fleet.ts"
import type { Message } from "./Message.ts"
import { drawn } from "./Random.ts"
import type { VirtualNode } from "./VirtualNode.ts"

export interface Step {
  /** The time since the step before. */
  readonly afterMillis: number
  readonly action: Action
}

interface Delivery {
  readonly at: number
  readonly message: Message
}

/** Receives each event of a story that somebody wants to read. */
export type Tell = (fleet: Fleet, what: What) => void

export type What =
  | { readonly _tag: "Action"; readonly action: Action }
  | { readonly _tag: "Message"; readonly message: Message }
  | { readonly _tag: "Lost"; readonly message: Message }
  | { readonly _tag: "Wake"; readonly node: VirtualNode }

export class World {
  readonly fleet: Fleet
  private readonly seed: number
  private readonly tell: Tell | undefined
  private readonly deliveries: Array<Delivery> = []
  private readonly conditions: Array<Condition>
  private readonly frozenUntil: Array<number>
  /** The number of messages of each kind per process, so that the chance of a message does not depend on other messages. */
  private readonly drawnFor: Array<number>
  /** When the latest message of a circuit reaches a subscriber. */
  private readonly latest = new Map<string, number>()
  /** Subscriptions that have missed a change. */
  private readonly deaf = new Set<string>()
  /** The number of requests that have reached the store. */
  requests = 0

  constructor(fleet: Fleet, seed: number, tell?: Tell) {
    this.fleet = fleet
    this.seed = seed
    this.tell = tell
    this.conditions = Array.from({ length: fleet.setup.nodes }, () => fine)
    this.frozenUntil = this.conditions.map(() => -Infinity)
    this.drawnFor = this.conditions.map(() => 0)
    this.post()
  }

  perform({ action, afterMillis }: Step): void {
    this.runUntil(this.fleet.now + afterMillis)
    this.take(action)
  }

  private take(action: Action): void {
    this.tell?.(this.fleet, { _tag: "Action", action })
    switch (action._tag) {
      case "Network":
        this.conditions[action.node] = action.condition
        this.disturb(action.node)
        break
      case "CutSubscription":
        this.disturb(action.node)
        this.fleet.cut(action.node)
        break
      case "Freeze":
        if (this.fleet.nodes[action.node] !== undefined)
          this.frozenUntil[action.node] = this.fleet.now + action.millis
        this.fleet.act(action)
        break
      case "Crash":
        this.frozenUntil[action.node] = -Infinity
        this.fleet.act(action)
        break
      default:
        if ("node" in action) {
          if (!this.isFrozen(action.node)) this.fleet.act(action)
        } else this.fleet.befall(action)
    }
    this.post()
  }

  /** Ends all faults. */
  settleDown(): void {
    this.conditions.fill(fine)
    for (const action of [{ _tag: "StoreReturns", as: "Intact" }, { _tag: "KeysMend" }] as const) {
      this.fleet.befall(action)
    }
    this.post()
  }

  /** Whether a message is in flight, or a node will act without one. */
  get isBusy(): boolean {
    return this.deliveries.length > 0 || this.fleet.living.some((node) => node.wakesAt < Infinity)
  }

  runUntil(end: number): void {
    for (;;) {
      const node = this.nextToWake()
      const at = node === undefined ? Infinity : this.wakingAt(node)
      const delivery = this.deliveries[0]
      const next = Math.min(at, delivery?.at ?? Infinity)
      if (next > end) break
      this.fleet.now = Math.max(this.fleet.now, next)
      if (delivery !== undefined && delivery.at <= at) {
        this.deliveries.shift()
        this.receive(delivery.message)
      } else {
        this.tell?.(this.fleet, { _tag: "Wake", node: node! })
        this.fleet.wake(node!)
      }
      this.post()
    }
    this.fleet.now = end
  }

  /** The process that is the first to do something by itself. */
  private nextToWake(): VirtualNode | undefined {
    let first: VirtualNode | undefined
    let at = Infinity
    for (const node of this.fleet.living) {
      const wakesAt = this.wakingAt(node)
      if (wakesAt < at) {
        at = wakesAt
        first = node
      }
    }
    return first
  }

  private wakingAt({ birth, wakesAt }: VirtualNode): number {
    return Math.max(wakesAt, this.frozenUntil[birth.node]!)
  }

  private isFrozen(node: number): boolean {
    return this.fleet.now < this.frozenUntil[node]!
  }

  private receive(message: Message): void {
    const isToNode = message._tag === "Answer" || message._tag === "Notice" || message._tag === "HangUp"
    if (isToNode && this.isFrozen(message.node)) {
      this.schedule(this.frozenUntil[message.node]! + this.draw(message, 0) - 0.5, message)
      return
    }
    if (message._tag === "Request") this.requests++
    this.tell?.(this.fleet, { _tag: "Message", message })
    this.fleet.deliver(message)
  }

  private post(): void {
    const { out } = this.fleet
    if (out.length === 0) return
    this.fleet.out = []
    for (const message of out) this.send(message)
  }

  private draw({ node }: Message, of: number): number {
    return drawn(this.seed, node, this.drawnFor[node]!++, of)
  }

  private send(message: Message): void {
    const condition = this.conditions[message.node]!
    if (message._tag === "Notice") return this.notify(message, condition)
    const isSafe = message._tag === "Subscribe" || message._tag === "HangUp"
    if (!isSafe && this.draw(message, 1) < condition.loses) {
      this.disturb(message.node)
      this.tell?.(this.fleet, { _tag: "Lost", message })
      return
    }
    if (message._tag === "Request" && this.draw(message, 2) < condition.doubles) {
      this.disturb(message.node)
      this.schedule(this.arrivalOf(message, condition), message)
    }
    this.schedule(this.arrivalOf(message, condition), message)
  }

  /** A subscriber receives the changes of a circuit in order. If it misses one, its subscription ends. */
  private notify(message: Extract<Message, { readonly _tag: "Notice" }>, condition: Condition): void {
    const { change, life, node, subscription } = message
    const channel = `${node}.${life}.${subscription}`
    if (this.deaf.has(channel)) return
    if (change._tag !== "Listening" && this.draw(message, 3) < condition.loses / 2) {
      this.disturb(node)
      this.tell?.(this.fleet, { _tag: "Lost", message })
      this.deaf.add(channel)
      this.fleet.cut(node)
      return
    }
    const circuit = `${channel} ${"key" in change ? change.key : ""}`
    const at = Math.max(this.arrivalOf(message, condition), this.latest.get(circuit) ?? 0)
    this.latest.set(circuit, at)
    this.schedule(at, message)
    if (change._tag !== "Listening" && this.draw(message, 4) < condition.doubles) this.schedule(at, message)
  }

  /** Most messages take a few milliseconds, some nearly as long as the deadline, and some longer. */
  private arrivalOf(message: Message, { delays }: Condition): number {
    const { now } = this.fleet
    const isQuick = this.draw(message, 5) >= delays
    if (isQuick) return now + 0.5 + 3 * this.draw(message, 6)
    this.disturb(message.node)
    return now + (message._tag === "HangUp" ? 400 : 120) * this.draw(message, 7)
  }

  private disturb(node: number): void {
    this.fleet.observer.disturbed(this.fleet, { _tag: "Network", node })
  }

  private schedule(at: number, message: Message): void {
    let i = this.deliveries.length
    while (i > 0 && this.deliveries[i - 1]!.at > at) i--
    this.deliveries.splice(i, 0, { at, message })
  }
}
