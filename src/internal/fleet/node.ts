import * as Arr from "effect/Array"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Hash from "effect/Hash"
import type { CircuitId, ExchangeRequest, Store } from "../../CircuitStore.ts"
import type { Breaker } from "../breaker/breaker.ts"
import type { CircuitEntry } from "../breaker/circuitEntry.ts"
import { open } from "../breaker/opening.ts"
import { dayMillis, yearMillis } from "../core/millis.ts"
import type { Policy, SharedPolicy } from "../core/policies/policy.ts"
import type { Command, Replica, WriteCommand } from "../core/replica/replica.ts"
import * as Replicas from "../core/replica/replica.ts"
import type { Settings, Situation } from "../core/replica/situation.ts"
import type { Event } from "../core/replica/events.ts"
import { step } from "../core/replica/step.ts"
import { initial } from "../core/wire.ts"
import type { Caller } from "../fiber/caller.ts"
import { logStoreContent } from "../observe/log.ts"
import { CircuitStoreError } from "../stores/error.ts"
import { Connection } from "./connection.ts"
import { Member } from "./member.ts"
import { Schedule } from "./schedule.ts"

/**
 * Runs an effect in the background, for as long as the breaker lives.
 *
 * @internal
 */
export type Fork = (effect: Effect.Effect<void>) => Fiber.Fiber<void>

/**
 * A breaker among those of its name: the driver of its replicas. It takes their steps, one after the other, and does what
 * they command.
 *
 * @internal
 */
export class Node {
  readonly breaker: Breaker
  readonly store: Store
  readonly settings: Settings
  readonly connection: Connection
  readonly schedule = new Schedule()
  readonly fork: Fork
  /** Whether the subscription to changes is up. */
  isListening = false
  /** A dry run shares with dry runs only. */
  readonly name: string
  private readonly members = new WeakMap<CircuitEntry, Member>()
  private readonly unknown: Replica
  private readonly healthy: Replica
  private readonly on: { readonly exchange: (member: Member) => void; readonly scheduled: () => void }
  private writes = 0
  private hasReported = false

  constructor({ breaker, fork, policy, store }: Parts, on: Node["on"] & Connection["on"]) {
    const { name, observe } = breaker.settings
    this.breaker = breaker
    this.store = store
    this.fork = fork
    this.on = on
    this.name = observe ? `${name} (observe)` : name
    this.settings = settingsOf(breaker, policy, store)
    this.connection = new Connection(breaker, store.coordination.deadline, on)
    const shared = initial(breaker.settings.rules)
    const nothing = { revision: "", shared, at: -Infinity, isPartial: false }
    this.unknown = Replicas.initial(nothing, policy)
    this.healthy = { ...this.unknown, isUnknown: false }
  }

  memberOf(entry: CircuitEntry): Member {
    let member = this.members.get(entry)
    if (member === undefined) {
      member = new Member(entry, this.unknown)
      this.members.set(entry, member)
    }
    return member
  }

  circuitOf({ key }: CircuitEntry): CircuitId {
    return { breaker: this.name, key }
  }

  /** A question about a circuit by which this process takes no part in it. */
  reading(key: string): ExchangeRequest {
    return {
      circuit: { breaker: this.name, key },
      node: this.settings.node,
      revision: "",
      window: undefined,
      announce: false,
      renew: false,
      keepMillis: yearMillis
    }
  }

  situation(caller: Caller): Situation {
    const { ahead, answeringSince, isFailing } = this.connection.link
    return {
      settings: this.settings,
      now: this.breaker.now(caller),
      ahead,
      answeringSince,
      isFailing,
      isListening: this.isListening,
      revision: `${this.settings.node}-${this.writes}`
    }
  }

  /** Takes a step of a circuit. One that was dropped and has a successor takes none any more. */
  step(member: Member, event: Event, caller: Caller): void {
    const { entry } = member
    if (this.breaker.circuits.isSuperseded(entry)) return
    const { commands, replica } = step(member.replica, entry.current, event, this.situation(caller))
    this.set(member, replica)
    for (const command of commands) this.perform(member, command, caller)
    if (member.replica.standing._tag !== "Writing" && member.writing !== undefined) {
      Deferred.unsafeDone(member.writing, Effect.void)
      member.writing = undefined
    }
  }

  /** Notes what is known of a circuit. */
  set(member: Member, replica: Replica): void {
    member.replica = Replicas.isHealthy(replica, this.unknown) ? this.healthy : replica
    this.update(member)
    this.schedule.set(member, Replicas.dueAt(replica, this.settings))
    if (member.dueAt < Infinity) this.on.scheduled()
  }

  answered(member: Member, at: number, isFaulty = false): void {
    member.answeredAt = at
    member.isFaulty = isFaulty
    this.update(member)
  }

  /** Has every circuit asked about before its next call. */
  forget(caller: Caller): void {
    for (const entry of this.breaker.circuits.every()) this.answered(this.memberOf(entry), -Infinity)
    for (const member of this.schedule.members) this.step(member, { _tag: "Hurried" }, caller)
  }

  private update({ answeredAt, entry, isFaulty, replica }: Member): void {
    entry.needsCoordinator = Replicas.isExchanging(replica) || answeredAt === -Infinity || isFaulty
  }

  /** Waits until no change of this process is on its way. */
  written(member: Member): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (member.replica.standing._tag !== "Writing") return Effect.void
      member.writing ??= Deferred.unsafeMake<void>(FiberId.none)
      return Deferred.await(member.writing)
    })
  }

  private perform(member: Member, command: Command, caller: Caller): void {
    const { entry } = member
    switch (command._tag) {
      case "Change": {
        const { circuit, origin, reason } = command
        return this.breaker.change(entry, circuit, caller, { reason, origin })
      }
      case "Open": {
        const { figures, now, outcome } = command
        return open(this.breaker, entry, { reason: "Tripped", figures, now, outcome }, caller)
      }
      case "Exchange":
        return this.on.exchange(member)
      case "Write":
        this.writes++
        this.fork(this.write(member, command))
        return
      case "Answer":
        member.claims?.get(command.request)?.answer(command.decision)
        member.claims?.delete(command.request)
        return
      case "Report":
        return this.report(command.message, caller)
    }
  }

  private write(
    member: Member,
    { expected, keepMillis, renew, revision, state }: WriteCommand
  ): Effect.Effect<void> {
    const { node } = this.settings
    const circuit = this.circuitOf(member.entry)
    const written = this.store.compareAndSet({ circuit, node, expected, revision, state, renew, keepMillis })
    return Effect.withFiberRuntime((caller) =>
      Effect.match(this.connection.ask(Effect.map(written, Arr.of)), {
        onFailure: () => this.step(member, { _tag: "Unwritten", revision }, caller),
        onSuccess: ([answer = noAnswer]) =>
          isFault(answer)
            ? this.faulted(member, answer, caller)
            : this.step(member, { _tag: "Written", entry: answer, revision }, caller)
      })
    )
  }

  /** The store has a fault with one circuit alone: it goes by itself here, as it does without a store. */
  faulted(member: Member, { message }: CircuitStoreError, caller: Caller): void {
    this.step(member, { _tag: "Faulted" }, caller)
    const { key } = member.entry
    this.report(`Circuit "${key}" is not shared, because the store has a fault with it: ${message}`, caller)
  }

  /** A store that throws, or answers what is none, is reported; the next time it may be better. */
  sound(effect: Effect.Effect<void>): Effect.Effect<void> {
    return Effect.catchAllDefect(effect, (defect) =>
      Effect.withFiberRuntime((caller) =>
        Effect.succeed(this.report(`The circuit store threw: ${messageOf(defect)}`, caller))
      )
    )
  }

  /** Logs, once, that the store has something that this process cannot use. */
  report(message: string, caller: Caller): void {
    if (this.hasReported) return
    this.hasReported = true
    logStoreContent(caller, this.breaker.settings.name, message)
  }
}

interface Parts {
  readonly breaker: Breaker
  readonly fork: Fork
  readonly policy: SharedPolicy<unknown>
  readonly store: Store
}

const settingsOf = (breaker: Breaker, policy: SharedPolicy<unknown>, store: Store): Settings => {
  const { idleMillis, maxOpenMillis, openDuration, rules } = breaker.settings
  const { failuresToReopen, probes, recovery } = rules
  const { lease, quorum, sync, syncInterval } = store.coordination
  const node = globalThis.crypto.randomUUID()
  const rulesName = JSON.stringify([policy.data, probes, failuresToReopen, recovery])
  return {
    node,
    rules,
    policy,
    rulesName,
    windowName: (Hash.string(rulesName) >>> 0).toString(36),
    quorum,
    syncMillis: Duration.toMillis(syncInterval),
    place: (Hash.string(node) >>> 0) / 2 ** 32,
    staleMillis: Math.min(shortestSpanOf(policy) / 4, mostIntervals * Duration.toMillis(syncInterval)),
    leaseMillis: Duration.toMillis(lease),
    longestOpenMillis: typeof openDuration === "number" ? Math.max(openDuration, maxOpenMillis) : yearMillis,
    idleMillis: Math.max(Math.min(idleMillis, dayMillis), longestSpanOf(policy)),
    writesThrough: sync === "write-through"
  }
}

/** However many nodes there are, each exchanges a circuit once in so many intervals. */
const mostIntervals = 60

/** The shortest window of a policy that goes by time; infinite where none does. */
const shortestSpanOf = ({ spans }: Policy<unknown>): number => Math.min(Infinity, ...spans)

/** The longest one that ends; zero where none does. */
const longestSpanOf = ({ spans }: Policy<unknown>): number => Math.max(0, ...spans.filter(Number.isFinite))

const messageOf = (defect: unknown): string => (defect instanceof Error ? defect.message : String(defect))

/**
 * A store that somebody else has written may answer too little.
 *
 * @internal
 */
export const noAnswer = new CircuitStoreError({ message: "the store has not answered about the circuit" })

/** @internal */
export const isFault = (answer: object): answer is CircuitStoreError => "_tag" in answer
