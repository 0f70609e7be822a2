import * as Arr from "effect/Array"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type { Entry } from "../../CircuitStore.ts"
import { ask, unasked } from "../core/replica/asking.ts"
import type { Asked, Question } from "../core/replica/events.ts"
import { defaultKey } from "../breaker/circuits.ts"
import type { Caller } from "../fiber/caller.ts"
import type { CircuitStoreError } from "../stores/error.ts"
import type { Member } from "./member.ts"
import type { Node } from "./node.ts"
import { isFault, noAnswer } from "./node.ts"

/**
 * Asks the store about circuits: at once about those that somebody waits for, all of a turn together, and about those that
 * are exchanged when each is due.
 *
 * @internal
 */
export class Exchanges {
  private readonly node: Node
  /** The circuits to be asked about in this turn. */
  private queue: Array<Member> = []
  private readonly news = Effect.unsafeMakeLatch(false)
  private hasEnded = false

  constructor(node: Node) {
    this.node = node
  }

  /** Asks about a circuit, and is done when there is an answer, or can be none. */
  request(member: Member): Deferred.Deferred<void> {
    if (member.queued !== undefined) return member.queued
    const queued = Deferred.unsafeMake<void>(FiberId.none)
    if (this.hasEnded) {
      Deferred.unsafeDone(queued, Effect.void)
      return queued
    }
    member.queued = queued
    this.queue.push(member)
    if (this.queue.length === 1) this.node.fork(this.askQueued)
    return queued
  }

  /** The same, but an answer to what has been asked before will do. */
  read(member: Member): Deferred.Deferred<void> {
    return member.asking ?? this.request(member)
  }

  /** Has the schedule looked at again, and the store asked whether it answers, if it does not. */
  wakeUp(): void {
    this.news.unsafeOpen()
  }

  /** The scope has closed: nobody waits any more. */
  end(): void {
    this.hasEnded = true
    for (const entry of this.node.breaker.circuits.every()) {
      const { asking, queued } = this.node.memberOf(entry)
      if (asking !== undefined) Deferred.unsafeDone(asking, Effect.void)
      if (queued !== undefined) Deferred.unsafeDone(queued, Effect.void)
    }
  }

  /** Exchanges what is due, for as long as it runs. While the store fails, asks it again once an interval. */
  get running(): Effect.Effect<void> {
    const { breaker, connection, schedule, settings } = this.node
    const round = Effect.withFiberRuntime<void>((caller) => {
      this.news.unsafeClose()
      if (connection.link.isFailing) return Effect.zipRight(this.ping, Effect.sleep(settings.syncMillis))
      const now = breaker.now(caller)
      const due = schedule.due(now, mostAtOnce)
      if (due.length > 0) return Effect.zipRight(this.exchange(due), Effect.sleep(leastPauseMillis))
      return schedule.nextAt === Infinity
        ? this.news.await
        : Effect.asVoid(Effect.timeoutOption(this.news.await, schedule.nextAt - now))
    })
    return Effect.forever(round)
  }

  /** Asks for any circuit, because its entry has the time of the store: what is reported next has to be timed by it. */
  private get ping(): Effect.Effect<void> {
    const { connection, store } = this.node
    return Effect.ignore(connection.ask(store.exchange([this.node.reading(defaultKey)])))
  }

  /** Asks about the circuits of this turn, some at a time: others of the program have their turns in between. */
  private get askQueued(): Effect.Effect<void> {
    return Effect.zipRight(
      // The other calls of this turn ask first.
      Effect.yieldNow(),
      Effect.suspend(() => {
        const members = this.queue
        this.queue = []
        return Effect.forEach(
          Arr.chunksOf(members, mostAtOnce),
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

  private exchange(some: ReadonlyArray<Member>): Effect.Effect<void> {
    return Effect.withFiberRuntime((caller) => {
      const asked = some.filter((member) => this.isOfUse(member)).map((member) => this.ask(member, caller))
      const { connection, settings, store } = this.node
      const requests = asked.map(({ member, question }) => ({
        circuit: this.node.circuitOf(member.entry),
        node: settings.node,
        ...question
      }))
      return Effect.match(connection.ask(store.exchange(requests)), {
        onFailure: () => asked.forEach((it) => this.unanswered(it, caller)),
        onSuccess: (answers) => asked.forEach((it, i) => this.answered(it, answers[i], caller))
      }).pipe(Effect.ensuring(Effect.sync(() => asked.forEach(done))))
    })
  }

  /** Whether somebody waits for a circuit, or the breaker still has it. */
  private isOfUse(member: Member): boolean {
    if (member.queued !== undefined || this.node.breaker.circuits.holds(member.entry)) return true
    this.node.schedule.remove(member)
    return false
  }

  private ask(member: Member, caller: Caller): Questioned {
    const { asked, question, replica } = ask(
      member.replica,
      member.entry.current,
      this.node.situation(caller)
    )
    this.node.set(member, replica)
    const waiting = member.queued ?? Deferred.unsafeMake<void>(FiberId.none)
    member.queued = undefined
    member.asking = waiting
    return { member, question, asked, waiting }
  }

  private answered(
    { asked, member, question }: Questioned,
    answer: Entry | CircuitStoreError = noAnswer,
    caller: Caller
  ): void {
    this.node.answered(member, this.node.breaker.now(caller), isFault(answer))
    if (isFault(answer)) {
      this.node.set(member, unasked(member.replica, question))
      this.node.faulted(member, answer, caller)
    } else {
      this.node.step(member, { _tag: "Answered", entry: answer, asked }, caller)
    }
  }

  private unanswered({ member, question }: Questioned, caller: Caller): void {
    this.node.set(member, unasked(member.replica, question))
    this.node.step(member, { _tag: "Unwritten", revision: undefined }, caller)
  }
}

interface Questioned {
  readonly member: Member
  readonly question: Question
  readonly asked: Asked
  readonly waiting: Deferred.Deferred<void>
}

const done = ({ member, waiting }: Questioned): void => {
  Deferred.unsafeDone(waiting, Effect.void)
  if (member.asking === waiting) member.asking = undefined
}

/** How many circuits are asked about at a time, at most. */
const mostAtOnce = 128

/** However much there is to tell, the store is not asked more often than this. */
const leastPauseMillis = 10
