import * as Arr from "effect/Array"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type { Store } from "../../CircuitStore.ts"
import type { Breaker } from "../breaker/breaker.ts"
import type { CircuitEntry } from "../breaker/circuitEntry.ts"
import { defaultKey } from "../breaker/circuits.ts"
import { open } from "../breaker/opening.ts"
import type { SharedPolicy } from "../core/policies/policy.ts"
import type { Command, WriteCommand } from "../core/replica/progress.ts"
import type { Replica } from "../core/replica/replica.ts"
import * as Activities from "../core/replica/activity.ts"
import type { Reaction } from "../core/replica/freshness.ts"
import { concernsOthers } from "../core/replica/freshness.ts"
import * as Replicas from "../core/replica/replica.ts"
import type { Settings, Situation } from "../core/replica/situation.ts"
import type { Event } from "../core/replica/events.ts"
import { step } from "../core/replica/step.ts"
import { messageOf } from "../core/wire/values.ts"
import type { Caller } from "../fiber/caller.ts"
import { logStoreContent } from "../observe/log.ts"
import type { CircuitStoreError } from "../stores/error.ts"
import { isFault, noAnswer } from "./answer.ts"
import { Connection } from "./connection.ts"
import { LocalReplica } from "./localReplica.ts"
import { Schedule } from "./schedule.ts"
import { settingsOf } from "./settings.ts"

/**
 * Runs an effect in the background, for as long as the breaker lives.
 *
 * @internal
 */
export type Fork = (effect: Effect.Effect<void>) => Fiber.Fiber<void>

/**
 * The driver of a breaker's replicas: it takes their steps, one after the other, and performs their commands.
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
  /** Whether notifications arrive. */
  isListening = false
  /** The key of the circuit whose request failed last: a read of it shows whether its server answers again. */
  failedKey: string = defaultKey
  /** The name in the store: a dry run shares circuits with dry runs only. */
  readonly name: string
  private readonly replicas = new WeakMap<CircuitEntry, LocalReplica>()
  /** The replica of every circuit that the store has not been asked about. */
  private readonly unknown: Replica
  /** The replica of every circuit that is healthy on all nodes. */
  private readonly healthy: Replica
  private readonly on: { readonly exchange: (local: LocalReplica) => void; readonly scheduled: () => void }
  private writes = 0
  private hasReported = false

  constructor({ breaker, fork, policy, store }: Parts, on: Node["on"] & Connection["on"]) {
    const { name, isDryRun } = breaker.settings
    this.breaker = breaker
    this.store = store
    this.fork = fork
    this.on = on
    this.name = isDryRun ? `${name} (observe)` : name
    this.settings = settingsOf(breaker, policy, store)
    this.connection = new Connection(breaker, store.coordination.deadline, on)
    this.unknown = Replicas.initial(this.settings)
    this.healthy = { ...this.unknown, isUnknown: false }
  }

  replicaOf(entry: CircuitEntry): LocalReplica {
    let local = this.replicas.get(entry)
    if (local === undefined) {
      local = new LocalReplica(entry, this.unknown)
      this.replicas.set(entry, local)
    }
    return local
  }

  situation(caller: Caller): Situation {
    const { clockOffset, answeringSince, isFailing, isTimeKnown } = this.connection.link
    return {
      settings: this.settings,
      now: this.breaker.now(caller),
      clockOffset,
      answeringSince,
      isFailing,
      isTimeKnown,
      isListening: this.isListening,
      revision: `${this.settings.node}-${this.writes}`
    }
  }

  /** Takes a step of a circuit, unless the breaker has dropped it and made a new one for its key. */
  step(local: LocalReplica, event: Event, caller: Caller): void {
    const { entry } = local
    if (this.breaker.circuits.isSuperseded(entry)) return
    const { commands, replica } = step(local.replica, entry.current, event, this.situation(caller))
    this.set(local, replica)
    for (const command of commands) this.perform(local, command, caller)
    if (local.replica.standing._tag !== "Writing" && local.writing !== undefined) {
      Deferred.unsafeDone(local.writing, Effect.void)
      local.writing = undefined
    }
  }

  /** Replaces the replica of a circuit, and schedules its next exchange. */
  set(local: LocalReplica, replica: Replica): void {
    local.replica = Replicas.isHealthy(replica, this.healthy) ? this.healthy : replica
    this.update(local)
    this.schedule.set(local, Activities.dueAt(replica, this.settings))
    if (local.dueAt < Infinity) this.on.scheduled()
  }

  answered(local: LocalReplica, at: number, isFaulty = false): void {
    local.answeredAt = at
    local.isFaulty = isFaulty
    this.update(local)
  }

  /** Reacts to a change of the connection to the store. */
  react({ event, outdatesAnswers }: Reaction, caller: Caller): void {
    if (outdatesAnswers) {
      for (const entry of this.breaker.circuits.every()) this.answered(this.replicaOf(entry), -Infinity)
    }
    for (const local of this.schedule.replicas) this.step(local, event, caller)
  }

  private update(local: LocalReplica): void {
    local.entry.needsCoordinator = concernsOthers(local.replica, local)
  }

  /** Waits until no change of this node is being written. */
  written(local: LocalReplica): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (local.replica.standing._tag !== "Writing") return Effect.void
      local.writing ??= Deferred.unsafeMake<void>(FiberId.none)
      return Deferred.await(local.writing)
    })
  }

  private perform(local: LocalReplica, command: Command, caller: Caller): void {
    const { entry } = local
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
        return this.on.exchange(local)
      case "Write":
        this.writes++
        this.fork(this.write(local, command))
        return
      case "Answer":
        local.claims?.get(command.request)?.answer(command.decision)
        local.claims?.delete(command.request)
        return
      case "Report":
        return this.report(command.message, caller)
    }
  }

  private write(
    local: LocalReplica,
    { expected, keepMillis, renew, revision, state }: WriteCommand
  ): Effect.Effect<void> {
    const { node } = this.settings
    const circuit = { breaker: this.name, key: local.entry.key }
    const written = this.store.compareAndSet({ circuit, node, expected, revision, state, renew, keepMillis })
    return Effect.withFiberRuntime((caller) =>
      Effect.match(this.connection.ask(Effect.map(written, Arr.of), "Write"), {
        onFailure: () => {
          this.failedKey = local.entry.key
          this.step(local, { _tag: "WriteFailed", revision }, caller)
        },
        onSuccess: ([answer = noAnswer]) =>
          isFault(answer)
            ? this.faulted(local, answer, caller)
            : this.step(local, { _tag: "Written", entry: answer, revision }, caller)
      })
    )
  }

  /** Handles a fault of one circuit: this node uses its own circuit, as it does without a store. */
  faulted(local: LocalReplica, answer: CircuitStoreError, caller: Caller): void {
    this.step(local, { _tag: "Faulted" }, caller)
    const { key } = local.entry
    this.report(
      `Circuit "${key}" is not shared, because the store has a fault with it: ${answer.message}`,
      caller
    )
  }

  /** Reports a defect in the sharing of circuits, and goes on after an interval. */
  reportingDefects(effect: Effect.Effect<void>): Effect.Effect<void> {
    return Effect.catchAllDefect(effect, (defect) =>
      Effect.withFiberRuntime((caller) => {
        this.report(`The sharing of circuits has a defect: ${messageOf(defect)}`, caller)
        return Effect.sleep(this.store.coordination.syncInterval)
      })
    )
  }

  /** Logs, once for each breaker, that the store has content that cannot be used. */
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
