import * as Arr from "effect/Array"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type { Entry } from "../../CircuitStore.ts"
import { ask, questionFailed } from "../core/replica/asking.ts"
import type { Asked, Question } from "../core/replica/events.ts"
import { defaultKey } from "../breaker/circuits.ts"
import type { Caller } from "../fiber/caller.ts"
import type { CircuitStoreError } from "../stores/error.ts"
import type { LocalReplica } from "./localReplica.ts"
import type { Node } from "./node.ts"
import { isFault, noAnswer } from "./node.ts"

/**
 * Sends requests about circuits to the store: at once for calls that wait, all those of one turn of the event loop together,
 * and on schedule for circuits that are exchanged.
 *
 * @internal
 */
export class Exchanges {
  private readonly node: Node
  /** The circuits to ask about in this turn. */
  private queue: Array<LocalReplica> = []
  private readonly wakeUps = Effect.unsafeMakeLatch(false)
  private hasEnded = false

  constructor(node: Node) {
    this.node = node
  }

  /** Asks about a circuit. The result completes when the store has answered, or cannot. */
  request(local: LocalReplica): Deferred.Deferred<void> {
    if (local.queued !== undefined) return local.queued
    const queued = Deferred.unsafeMake<void>(FiberId.none)
    if (this.hasEnded) {
      Deferred.unsafeDone(queued, Effect.void)
      return queued
    }
    local.queued = queued
    this.queue.push(local)
    if (this.queue.length === 1) this.node.fork(this.askQueued)
    return queued
  }

  /** The same, but a request that is under way will do. */
  read(local: LocalReplica): Deferred.Deferred<void> {
    return local.asking ?? this.request(local)
  }

  /** Looks at the schedule again now. While the store fails, asks it again now. */
  wakeUp(): void {
    this.wakeUps.unsafeOpen()
  }

  /** Ends all waiting, because the scope has closed, and makes no more requests. */
  end(): void {
    this.hasEnded = true
    for (const entry of this.node.breaker.circuits.every()) {
      const { asking, queued } = this.node.replicaOf(entry)
      if (asking !== undefined) Deferred.unsafeDone(asking, Effect.void)
      if (queued !== undefined) Deferred.unsafeDone(queued, Effect.void)
    }
  }

  /** Exchanges circuits when they are due. While the store fails, asks once per interval whether it answers again. */
  get running(): Effect.Effect<void> {
    const { breaker, connection, schedule, settings } = this.node
    const round = Effect.withFiberRuntime<void>((caller) => {
      this.wakeUps.unsafeClose()
      if (connection.link.isFailing) return Effect.zipRight(this.ping, Effect.sleep(settings.syncMillis))
      const now = breaker.now(caller)
      const due = schedule.due(now, mostAtOnce)
      if (due.length > 0) return Effect.zipRight(this.exchange(due), Effect.sleep(leastPauseMillis))
      return schedule.nextAt === Infinity
        ? this.wakeUps.await
        : Effect.asVoid(Effect.timeoutOption(this.wakeUps.await, schedule.nextAt - now))
    })
    return Effect.forever(round)
  }

  /** Reads any one circuit, because the answer has the store's time, by which the next reports are timed. */
  private get ping(): Effect.Effect<void> {
    const { connection, store } = this.node
    return Effect.ignore(connection.ask(store.exchange([this.node.reading(defaultKey)])))
  }

  /** Asks about the circuits of this turn in batches, and lets the rest of the program run between them. */
  private get askQueued(): Effect.Effect<void> {
    return Effect.zipRight(
      // The other calls of this turn join the batch first.
      Effect.yieldNow(),
      Effect.suspend(() => {
        const replicas = this.queue
        this.queue = []
        return Effect.forEach(
          Arr.chunksOf(replicas, mostAtOnce),
          (some) =>
            Effect.zipRight(
              Effect.sync(() => this.node.fork(this.exchange(some))),
              Effect.sleep(0)
            ),
          { discard: true }
        )
      })
    )
  }

  private exchange(some: ReadonlyArray<LocalReplica>): Effect.Effect<void> {
    return Effect.withFiberRuntime((caller) => {
      const asked = some.filter((local) => this.isOfUse(local)).map((local) => this.ask(local, caller))
      const { connection, settings, store } = this.node
      const requests = asked.map(({ local, question }) => ({
        circuit: this.node.circuitOf(local.entry),
        node: settings.node,
        ...question
      }))
      return Effect.match(connection.ask(store.exchange(requests)), {
        onFailure: () => asked.forEach((it) => this.unanswered(it, caller)),
        onSuccess: (answers) => asked.forEach((it, i) => this.answered(it, answers[i], caller))
      }).pipe(Effect.ensuring(Effect.sync(() => asked.forEach(done))))
    })
  }

  /** Whether a call waits for a circuit, or the breaker still holds it. */
  private isOfUse(local: LocalReplica): boolean {
    if (local.queued !== undefined || this.node.breaker.circuits.holds(local.entry)) return true
    this.node.schedule.remove(local)
    return false
  }

  private ask(local: LocalReplica, caller: Caller): Questioned {
    const { asked, question, replica } = ask(local.replica, local.entry.current, this.node.situation(caller))
    this.node.set(local, replica)
    const waiting = local.queued ?? Deferred.unsafeMake<void>(FiberId.none)
    local.queued = undefined
    local.asking = waiting
    return { local, question, asked, waiting }
  }

  private answered(
    { asked, local, question }: Questioned,
    answer: Entry | CircuitStoreError = noAnswer,
    caller: Caller
  ): void {
    this.node.answered(local, this.node.breaker.now(caller), isFault(answer))
    if (isFault(answer)) {
      this.node.set(local, questionFailed(local.replica, question))
      this.node.faulted(local, answer, caller)
    } else {
      this.node.step(local, { _tag: "Answered", entry: answer, asked }, caller)
    }
  }

  private unanswered({ local, question }: Questioned, caller: Caller): void {
    this.node.set(local, questionFailed(local.replica, question))
    this.node.step(local, { _tag: "WriteFailed", revision: undefined }, caller)
  }
}

interface Questioned {
  readonly local: LocalReplica
  readonly question: Question
  readonly asked: Asked
  readonly waiting: Deferred.Deferred<void>
}

const done = ({ local, waiting }: Questioned): void => {
  Deferred.unsafeDone(waiting, Effect.void)
  if (local.asking === waiting) local.asking = undefined
}

/** The largest number of circuits in one request. */
const mostAtOnce = 128

/** The shortest pause between two scheduled requests. */
const leastPauseMillis = 10
