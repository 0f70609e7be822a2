/** Processes and a store. The caller decides what happens next, and when each message arrives. */
import type { Change, CompareAndSet } from "../../src/CircuitStore.ts"
import type { Data, NodeAction, StoreAction } from "./Action.ts"
import type { Fact } from "./Fact.ts"
import type { Answer, Entry, Message, Process, Request, Subscribe } from "./Message.ts"
import type { Protocol } from "./Protocol.ts"
import type { Sent } from "./SharingNode.ts"
import type { Setup } from "./Setup.ts"
import { idleMillis, settingsOf } from "./Setup.ts"
import type { Stored } from "./VirtualStore.ts"
import { VirtualStore } from "./VirtualStore.ts"
import { VirtualNode } from "./VirtualNode.ts"

/** Receives every step of every node and of the store. */
export interface Observer {
  noted(fleet: Fleet, node: VirtualNode, fact: Fact): void
  /** The store has executed a write. */
  written(fleet: Fleet, request: CompareAndSet, before: Stored, after: Stored): void
  exchanged(fleet: Fleet, key: string): void
  /** A fault has happened, so that invariants that assume none may not hold for a while. */
  disturbed(fleet: Fleet, by: Disturbance): void
  /** A node, or the store, has finished a step. */
  stepped(fleet: Fleet, node: VirtualNode | undefined): void
}

export type Disturbance =
  | { readonly _tag: "StoreLost"; readonly as: Data }
  | { readonly _tag: "StoreAway" }
  | { readonly _tag: "KeyBroken"; readonly key: string }
  | { readonly _tag: "NodeGone"; readonly node: number; readonly name: string }
  | { readonly _tag: "NodeFrozen"; readonly node: number; readonly millis: number }
  | { readonly _tag: "Network"; readonly node: number }

/** The store's time at the beginning, of the size of real epoch milliseconds. */
export const storeEpoch = 1_680_000_000_000

export const keyOf = (key: number): string => `k${key}`

/** The next id of a node, which does not depend on other processes. */
const nextId = (node: VirtualNode): number =>
  1_000 * (node.birth.node + 10 * node.birth.life) + ++node.activities

const messageOf = (sent: Sent, node: number, life: number): Message =>
  sent._tag === "Request"
    ? { _tag: "Request", id: sent.id, body: sent.body, node, life }
    : { _tag: "Subscribe", subscription: sent.subscription, node, life }

interface Listener extends Process {
  readonly subscription: number
}

export class Fleet {
  readonly setup: Setup
  readonly protocol: Protocol
  readonly observer: Observer
  readonly keys: ReadonlyArray<string>
  now = 0
  store: VirtualStore
  storeIs: "Up" | "Refusing" | "Silent" | "Frozen" = "Up"
  nodes: Array<VirtualNode | undefined> = []
  lives: Array<number> = []
  /** The messages to be delivered, in the order in which they were sent. */
  out: Array<Message> = []
  /** The keys of circuits with a fault in the store. */
  brokenKeys: ReadonlySet<string> = new Set()
  private alive: ReadonlyArray<VirtualNode> | undefined
  private saved: VirtualStore | undefined
  private listeners: ReadonlyArray<Listener> = []
  private held: ReadonlyArray<{ readonly message: Request | Subscribe; readonly at: number }> = []

  constructor(setup: Setup, protocol: Protocol, observer: Observer) {
    this.setup = setup
    this.protocol = protocol
    this.observer = observer
    this.store = new VirtualStore(protocol)
    this.keys = Array.from({ length: setup.keys }, (_, key) => keyOf(key))
    for (let node = 0; node < setup.nodes; node++) {
      this.lives.push(0)
      this.nodes.push(undefined)
      this.start(node, false)
    }
  }

  copy(observer: Observer): Fleet {
    const copy: Fleet = Object.assign(Object.create(Fleet.prototype), this, { observer })
    copy.store = this.store.copy()
    copy.nodes = this.nodes.map((node) => node?.copy())
    copy.alive = undefined
    copy.lives = [...this.lives]
    copy.out = [...this.out]
    return copy
  }

  get storeNow(): number {
    return storeEpoch + this.now
  }

  get living(): ReadonlyArray<VirtualNode> {
    return (this.alive ??= this.nodes.filter((node) => node !== undefined))
  }

  nodeOf({ life, node }: Process): VirtualNode | undefined {
    return this.lives[node] === life ? this.nodes[node] : undefined
  }

  act(action: NodeAction): void {
    const node = this.nodes[action.node]
    switch (action._tag) {
      case "Call":
        return this.turn(node, () => {
          const { calls, key, plan } = action
          for (let i = 0; i < calls; i++)
            node!.begin({ _tag: "Call", id: nextId(node!), key: this.keys[key]!, plan })
        })
      case "Control":
        return this.turn(node, () => {
          const { control, key } = action
          node!.begin({ _tag: "Control", id: nextId(node!), key: this.keys[key]!, control })
        })
      case "Read":
        return this.turn(node, () =>
          node!.begin({ _tag: "Read", id: nextId(node!), key: this.keys[action.key]! })
        )
      case "Interrupt":
        return this.turn(node, () => {
          const latest = Math.max(0, ...[...node!.waits, ...node!.calls].map(({ activity }) => activity.id))
          node!.interrupt(latest)
        })
      case "Crash":
        return this.crash(action.node)
      case "Start":
        if (node === undefined) this.start(action.node, action.upgrades)
        return
      case "Freeze":
        if (node !== undefined)
          this.observer.disturbed(this, { _tag: "NodeFrozen", node: action.node, millis: action.millis })
        return
    }
  }

  wake(node: VirtualNode): void {
    this.turn(node, () => node.wake())
  }

  private start(index: number, upgrades: boolean): void {
    const life = ++this.lives[index]!
    const { isStaggered, rates, rejectsInOutage, rules } = this.setup
    const node = new VirtualNode({
      node: index,
      life,
      settings: settingsOf(this.setup, rules[upgrades ? 1 : 0], `n${index}.${life}`),
      protocol: this.protocol,
      rejectsInOutage,
      bornAt: isStaggered ? this.now - 37.5 * index : this.now,
      rate: rates[index] ?? 1
    })
    this.nodes[index] = node
    this.alive = undefined
    this.turn(node, () => {})
  }

  private crash(index: number): void {
    const node = this.nodes[index]
    if (node === undefined) return
    this.nodes[index] = undefined
    this.alive = undefined
    this.listeners = this.listeners.filter((it) => it.node !== index)
    this.observer.disturbed(this, { _tag: "NodeGone", node: index, name: node.settings.node })
  }

  private turn(node: VirtualNode | undefined, what: () => void): void {
    if (node === undefined) return
    const { bornAt, life, node: index, rate } = node.birth
    node.turn((this.now - bornAt) * rate, what)
    for (const sent of node.sent) this.out.push(messageOf(sent, index, life))
    if (node.sent.length > 0) node.sent = []
    const { facts } = node
    node.facts = []
    for (const fact of facts) this.observer.noted(this, node, fact)
    this.observer.stepped(this, node)
  }

  deliver(message: Message): void {
    if (message._tag === "Request" || message._tag === "Subscribe") return this.arrive(message)
    const node = this.nodeOf(message)
    switch (message._tag) {
      case "Answer":
        return this.turn(node, () => node!.receive(message.id, message.body))
      case "Notice":
        return this.turn(node, () => node!.hear(message.subscription, message.change))
      case "HangUp":
        return this.turn(node, () => node!.hangUp(message.subscription))
    }
  }

  /** Ends the subscription of a process, and sends it a message about that. */
  cut(index: number): void {
    for (const listener of this.listeners) if (listener.node === index) this.hangUp(listener)
  }

  private hangUp(listener: Listener): void {
    this.listeners = this.listeners.filter((it) => it !== listener)
    this.out.push({ _tag: "HangUp", ...listener })
  }

  private arrive(message: Request | Subscribe): void {
    const { life, node } = message
    switch (this.storeIs) {
      case "Refusing":
        this.out.push(
          message._tag === "Request"
            ? { _tag: "Answer", node, life, id: message.id, body: { _tag: "Refused" } }
            : { _tag: "HangUp", node, life, subscription: message.subscription }
        )
        return
      case "Silent":
        if (message._tag === "Subscribe") this.hold(message)
        return
      case "Frozen":
        return this.hold(message)
      case "Up":
        return message._tag === "Subscribe" ? this.subscribe(message) : this.execute(message)
    }
  }

  private hold(message: Request | Subscribe): void {
    this.held = [...this.held, { message, at: this.now }]
  }

  private subscribe({ life, node, subscription }: Subscribe): void {
    if (this.nodeOf({ life, node }) === undefined) return
    const listener = { node, life, subscription }
    this.listeners = [...this.listeners.filter((it) => it.node !== node), listener]
    this.out.push({ _tag: "Notice", ...listener, change: { _tag: "Listening" } })
  }

  private execute({ body, id, life, node }: Request): void {
    const entries =
      body._tag === "Exchange" ? body.requests.map((it) => this.exchange(it)) : [this.write(body.request)]
    const answer: Answer = { _tag: "Answer", node, life, id, body: { _tag: "Entries", entries } }
    this.out.push(answer)
    this.observer.stepped(this, undefined)
  }

  private exchange(request: Parameters<VirtualStore["exchange"]>[0]): Entry {
    const { key } = request.circuit
    if (this.brokenKeys.has(key)) return { _tag: "Fault" }
    const { changes, entry } = this.store.exchange(request, this.storeNow)
    this.observer.exchanged(this, key)
    this.publish(changes)
    return entry
  }

  private write(request: CompareAndSet): Entry {
    const { key } = request.circuit
    if (this.brokenKeys.has(key)) return { _tag: "Fault" }
    const before = this.store.find(key, this.storeNow)
    const { changes, entry } = this.store.compareAndSet(request, this.storeNow)
    this.observer.written(this, request, before, this.store.find(key, this.storeNow))
    this.publish(changes)
    return entry
  }

  private publish(changes: ReadonlyArray<Change>): void {
    for (const change of changes) {
      for (const { life, node, subscription } of this.listeners)
        this.out.push({ _tag: "Notice", node, life, subscription, change })
    }
  }

  befall(action: StoreAction): void {
    switch (action._tag) {
      case "StoreFails":
        return this.fail(action.how)
      case "StoreReturns":
        return this.comeBack(action.as)
      case "StoreForgets":
        this.lose(action.as)
        if (action.hangsUp) this.hangUpAll()
        return
      case "StoreSaves":
        this.saved = this.store.copy()
        return
      case "KeyBreaks":
        this.brokenKeys = new Set([...this.brokenKeys, keyOf(action.key)])
        return this.observer.disturbed(this, { _tag: "KeyBroken", key: keyOf(action.key) })
      case "KeysMend":
        for (const key of this.brokenKeys) this.observer.disturbed(this, { _tag: "KeyBroken", key })
        this.brokenKeys = new Set()
    }
  }

  private fail(how: "Refusing" | "Silent" | "Frozen"): void {
    if (this.storeIs !== "Up") return
    this.storeIs = how
    if (how === "Refusing") this.hangUpAll()
    this.observer.disturbed(this, { _tag: "StoreAway" })
  }

  private comeBack(as: Data): void {
    if (this.storeIs === "Up") return
    const was = this.storeIs
    this.storeIs = "Up"
    if (was === "Silent") this.hangUpAll()
    this.lose(as)
    this.observer.disturbed(this, { _tag: "StoreAway" })
    const { held } = this
    this.held = []
    for (const { at, message } of held) {
      // After a longer time the store may have forgotten the numbers of reports, and could count one twice.
      if (message._tag === "Subscribe" || this.now - at < idleMillis) this.arrive(message)
    }
  }

  private lose(as: Data): void {
    if (as === "Intact") return
    this.store = (as === "Old" ? this.saved?.copy() : undefined) ?? new VirtualStore(this.protocol)
    this.observer.disturbed(this, { _tag: "StoreLost", as })
  }

  private hangUpAll(): void {
    for (const listener of this.listeners) this.hangUp(listener)
  }
}
