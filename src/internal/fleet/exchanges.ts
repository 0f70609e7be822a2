import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { ExchangeRequest } from "../../CircuitStore.ts"
import { ask } from "../core/replica/asking.ts"
import type { Asked, CircuitRequest } from "../core/replica/events.ts"
import * as Rounds from "../core/replica/rounds.ts"
import type { Situation } from "../core/replica/situation.ts"
import type { Caller } from "../fiber/caller.ts"
import type { Answer } from "./answer.ts"
import { isFault, noAnswer } from "./answer.ts"
import type { Operation } from "./connection.ts"
import type { LocalReplica } from "./localReplica.ts"
import type { Node } from "./node.ts"
import { Pending } from "./pending.ts"
import * as Requests from "./requests.ts"
import { Turns } from "./turns.ts"

/**
 * Sends requests about circuits to the store: at once for calls that wait, all those of one turn of the event loop
 * together, and on schedule for circuits that are exchanged.
 *
 * @internal
 */
export class Exchanges {
  private readonly node: Node
  /** The circuits to ask about in this turn, in batches. */
  private queue: Array<Batch> = []
  /** The answers that calls may wait for. */
  private readonly pending = new Set<Pending>()
  /** Spreads answers over turns of the event loop, because waiting calls continue in the turn of their answer. */
  private readonly turns: Turns
  private readonly wakeUps = Effect.unsafeMakeLatch(false)
  private hasEnded = false

  constructor(node: Node) {
    this.node = node
    this.turns = new Turns(mostAtOnce, node.fork)
  }

  /** Asks about a circuit. The result completes when the store has answered, or cannot. */
  request(local: LocalReplica): Pending {
    if (local.queued !== undefined) return local.queued
    if (this.hasEnded) return ended
    if (this.queue.length === 0) this.node.fork(this.askQueued)
    let batch = this.queue.at(-1)
    if (batch === undefined || batch.replicas.length === mostAtOnce) {
      batch = this.batchOf([])
      this.queue.push(batch)
    }
    batch.replicas.push(local)
    local.queued = batch.pending
    return batch.pending
  }

  /** Asks about a circuit like {@link request}, unless a request about it is under way, whose answer is as good. */
  read(local: LocalReplica): Pending {
    return local.asking ?? this.request(local)
  }

  /** Ends the wait for the first circuit that is due, because the schedule or the connection has changed. */
  wakeUp(): void {
    this.wakeUps.unsafeOpen()
  }

  /** Ends all waiting, because the scope has closed, and makes no more requests. */
  end(): void {
    this.hasEnded = true
    for (const pending of this.pending) pending.done()
  }

  /** Exchanges circuits when they are due. While the store fails, asks once per interval whether it answers again. */
  get running(): Effect.Effect<void> {
    const { breaker, connection, schedule, settings } = this.node
    const round = Effect.withFiberRuntime<void>((caller) => {
      this.wakeUps.unsafeClose()
      const now = breaker.now(caller)
      const next = Rounds.next(connection.link, schedule.nextAt, now)
      switch (next._tag) {
        case "Ping":
          return Effect.zipRight(this.ping, Effect.sleep(Rounds.pauseMillis("Ping", settings)))
        case "Exchange":
          return Effect.zipRight(
            this.exchange(this.batchOf(schedule.due(now, mostAtOnce))),
            Effect.sleep(Rounds.pauseMillis("Exchange", settings))
          )
        case "Wait":
          return next.until === Infinity
            ? this.wakeUps.await
            : Effect.asVoid(Effect.timeoutOption(this.wakeUps.await, next.until - now))
      }
    })
    return Effect.forever(this.node.reportingDefects(round))
  }

  /**
   * Asks about a circuit, because the answer has the store's time, by which the next reports are timed. A store that
   * has refused a write answers again when it takes one: a server that is out of memory or read-only still answers reads.
   */
  private get ping(): Effect.Effect<void> {
    const { connection, failedKey, store } = this.node
    const request =
      connection.failedOperation === "Write"
        ? Requests.writing(this.node, failedKey)
        : Requests.reading(this.node, failedKey)
    return Effect.ignore(connection.ask(store.exchange([request]), connection.failedOperation))
  }

  /** Asks about the circuits of this turn in batches, and lets the rest of the program run between them. */
  private get askQueued(): Effect.Effect<void> {
    return Effect.zipRight(
      // The other calls of this turn join the batch first.
      Effect.yieldNow(),
      Effect.suspend(() => {
        const batches = this.queue
        this.queue = []
        return Effect.forEach(
          batches,
          (batch) =>
            Effect.zipRight(
              Effect.sync(() => this.node.fork(this.exchange(batch))),
              Effect.sleep(0)
            ),
          { discard: true }
        )
      })
    )
  }

  private batchOf(replicas: Array<LocalReplica>): Batch {
    const pending = new Pending()
    this.pending.add(pending)
    return { replicas, pending }
  }

  private exchange(batch: Batch): Effect.Effect<void> {
    return Effect.withFiberRuntime((caller) => {
      const situation = this.node.situation(caller)
      const prepared: Array<Prepared> = []
      const requests: Array<ExchangeRequest> = []
      for (const local of batch.replicas) {
        if (!this.isNeeded(local)) continue
        local.asking = batch.pending
        if (local.queued === batch.pending) local.queued = undefined
        const next = this.prepare(local, situation)
        prepared.push(next)
        requests.push(Requests.exchanging(this.node, local.entry.key, next.request))
      }
      const { connection, store } = this.node
      const answered = Exit.match({
        onFailure: () => prepared.forEach((it) => this.unanswered(it, caller)),
        onSuccess: (answers: ReadonlyArray<Answer>) =>
          prepared.forEach((it, i) => this.answered(it, answers[i], caller))
      })
      return Effect.exit(connection.ask(store.exchange(requests), operationOf(requests))).pipe(
        // The answer about a single circuit is taken in at once.
        (asking) =>
          prepared.length === 1 ? asking : Effect.zipLeft(asking, this.turns.enter(prepared.length)),
        Effect.map(answered),
        Effect.ensuring(Effect.sync(() => this.done(batch)))
      )
    })
  }

  /** Whether a request is still needed: a call waits for it, or the breaker still holds the circuit. */
  private isNeeded(local: LocalReplica): boolean {
    if (local.queued !== undefined || this.node.breaker.circuits.holds(local.entry)) return true
    this.node.schedule.remove(local)
    return false
  }

  private prepare(local: LocalReplica, situation: Situation): Prepared {
    const { asked, replica, request } = ask(local.replica, local.entry.current, situation)
    this.node.set(local, replica)
    return { local, request, asked }
  }

  private done({ replicas, pending }: Batch): void {
    this.pending.delete(pending)
    for (const local of replicas) if (local.asking === pending) local.asking = undefined
    pending.done()
  }

  private answered({ asked, local }: Prepared, answer: Answer = noAnswer, caller: Caller): void {
    this.node.answered(local, this.node.breaker.now(caller), isFault(answer))
    if (isFault(answer)) this.node.faulted(local, answer, caller)
    else this.node.step(local, { _tag: "Answered", entry: answer, asked }, caller)
  }

  private unanswered({ local, request }: Prepared, caller: Caller): void {
    this.node.failedKey = local.entry.key
    this.node.step(local, { _tag: "Unanswered", request }, caller)
  }
}

const operationOf = (requests: ReadonlyArray<ExchangeRequest>): Operation =>
  requests.some(({ announce, renew, window }) => announce || renew || window?.report !== undefined)
    ? "Write"
    : "Read"

/** A request about a circuit, and the parts of the replica with which its answer is compared. */
interface Prepared {
  readonly local: LocalReplica
  readonly request: CircuitRequest
  readonly asked: Asked
}

/** Circuits that the store is asked about together. */
interface Batch {
  readonly replicas: Array<LocalReplica>
  readonly pending: Pending
}

/** The answer to requests after the scope has closed. */
const ended = new Pending()
ended.done()

/**
 * The largest number of circuits in one request.
 *
 * @internal
 */
export const mostAtOnce = 128
