import * as Arr from "effect/Array"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Stream from "effect/Stream"
import type { Entry, ExchangeRequest, Store } from "../../CircuitStore.ts"
import { CircuitStoreError } from "../stores/error.ts"
import type { Breaker } from "../breaker/breaker.ts"
import type { Caller } from "../fiber/caller.ts"
import type { CircuitEntry } from "../breaker/circuitEntry.ts"
import * as Machine from "../core/circuit.ts"
import { dayMillis, yearMillis } from "../core/millis.ts"
import type { Line } from "./line.ts"
import { memberOf, noContributions } from "./member.ts"
import type { Mirror } from "./mirror.ts"
import type { Fork, Parts } from "./parts.ts"
import type { Rounds } from "./rounds.ts"
import { mostAtOnce } from "./rounds.ts"
import * as SharedCircuit from "./sharedCircuit.ts"
import { spanOf } from "./rules.ts"
import type { Tally } from "./tally.ts"

/**
 * Exchanges with the store and subscribes to its changes. The mirror applies the answers.
 *
 * @internal
 */
export class Contact {
  private readonly node: string
  private readonly breaker: Breaker
  private readonly store: Store
  private readonly line: Line
  private readonly tally: Tally
  private readonly rounds: Rounds
  private readonly mirror: Mirror
  private readonly fork: Fork
  /** A dry run shares with dry runs only. */
  private readonly name: string
  private readonly windowMillis: number
  /** The circuits that calls of this turn wait for. */
  private readonly toRead: Array<CircuitEntry> = []
  private hasListened = false
  /** How often in a row the subscription to changes has failed. */
  private failedAttempts = 0
  private hasEnded = false

  constructor({ breaker, fork, line, node, rounds, store, tally }: Parts, mirror: Mirror) {
    const { name, observe } = breaker.settings
    this.name = observe ? `${name} (observe)` : name
    this.windowMillis = spanOf(breaker.policy)
    this.node = node
    this.breaker = breaker
    this.store = store
    this.line = line
    this.tally = tally
    this.rounds = rounds
    this.fork = fork
    this.mirror = mirror
  }

  /** Keeps in touch with the other nodes until it is interrupted. */
  get keepingInTouch(): Effect.Effect<void> {
    const syncing = this.rounds.running((due) => this.sound(this.exchange(due)))
    return Effect.zipRight(this.listening, syncing, { concurrent: true })
  }

  private get listening(): Effect.Effect<void> {
    const heard = Stream.runForEach(this.store.changes(this.name), (change) =>
      Effect.withFiberRuntime<void>((caller) =>
        Effect.succeed(change._tag === "Listening" ? this.hearing() : this.mirror.hear(change, caller))
      )
    )
    const reported = Effect.catchAll(heard, (error) =>
      Effect.withFiberRuntime<void>((caller) => Effect.succeed(this.reportSilence(error, caller)))
    )
    return this.sound(reported).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          this.mirror.isListening = false
        })
      ),
      Effect.zipRight(Effect.sleep(this.store.coordination.syncInterval)),
      Effect.forever
    )
  }

  /** Logs, once, why changes cannot be heard although the store answers. After an outage, one attempt may fail. */
  private reportSilence({ message }: CircuitStoreError, caller: Caller): void {
    this.failedAttempts++
    if (this.failedAttempts < 2 || this.line.isFailing) return
    this.mirror.report(
      `Changes of circuits in the store are not heard, this process asks every interval instead: ${message}`,
      caller
    )
  }

  /** A store that throws, or answers what is none, is reported; the next time it may be better. */
  private sound(effect: Effect.Effect<void>): Effect.Effect<void> {
    return Effect.catchAllDefect(effect, (defect) =>
      Effect.withFiberRuntime((caller) =>
        Effect.succeed(this.mirror.report(`The circuit store threw: ${messageOf(defect)}`, caller))
      )
    )
  }

  /** Changes are heard from here on; what may have been missed has to be asked for. */
  private hearing(): void {
    this.failedAttempts = 0
    this.mirror.isListening = true
    if (this.hasListened) {
      this.mirror.forget()
      for (const held of this.rounds) this.rounds.hurry(held)
    } else {
      // The first calls have asked a moment ago: no other one has to wait for that again.
      this.hasListened = true
      const all = Array.from(this.breaker.circuits.every())
      if (all.length > 0) this.fork(this.exchange(all))
    }
  }

  /** The scope has closed: finish pending reads and start none. */
  end(): void {
    this.hasEnded = true
    for (const held of this.breaker.circuits.every()) {
      const { reading } = memberOf(held)
      if (reading !== undefined) Deferred.unsafeDone(reading, Effect.void)
    }
  }

  /** Waits until it is known how a circuit stands elsewhere. Calls that come together ask once. */
  read(held: CircuitEntry): Deferred.Deferred<void> {
    const member = memberOf(held)
    if (member.reading !== undefined) return member.reading
    const reading = Deferred.unsafeMake<void>(FiberId.none)
    if (this.hasEnded) {
      Deferred.unsafeDone(reading, Effect.void)
      return reading
    }
    member.reading = reading
    this.toRead.push(held)
    if (this.toRead.length === 1) this.fork(this.readTogether)
    return reading
  }

  /** Asks about all circuits that calls of one turn need, as many at a time as an answer can hold within the deadline. */
  private get readTogether(): Effect.Effect<void> {
    return Effect.zipRight(
      // The other calls of this turn ask first.
      Effect.yieldNow(),
      Effect.suspend(() =>
        Effect.forEach(Arr.chunksOf(this.toRead.splice(0), mostAtOnce), (some) => this.readSome(some), {
          concurrency: "unbounded",
          discard: true
        })
      )
    )
  }

  private readSome(some: ReadonlyArray<CircuitEntry>): Effect.Effect<void> {
    return Effect.ensuring(
      this.sound(this.exchange(some)),
      Effect.sync(() => {
        for (const held of some) {
          const member = memberOf(held)
          if (member.reading !== undefined) Deferred.unsafeDone(member.reading, Effect.void)
          member.reading = undefined
        }
      })
    )
  }

  /** Reads a circuit of the others, in this breaker's time, without taking part in it. */
  peek(key: string): Effect.Effect<Machine.Circuit<unknown> | undefined> {
    const circuit = { breaker: this.name, key }
    const request: ExchangeRequest = {
      circuit,
      node: this.node,
      contribution: undefined,
      announce: false,
      keepMillis: yearMillis
    }
    return Effect.withFiberRuntime((caller) =>
      Effect.match(this.line.ask(this.store.exchange([request])), {
        onFailure: () => undefined,
        onSuccess: ([entry]) => {
          const kept = entry && !isFault(entry) ? this.mirror.decode(entry, caller) : undefined
          return kept && SharedCircuit.shift(kept.circuit, -this.line.ahead)
        }
      })
    )
  }

  exchange(all: ReadonlyArray<CircuitEntry>): Effect.Effect<void> {
    return Effect.withFiberRuntime<void>((caller) => {
      const asked = all.map((held) => ({
        outcomes: memberOf(held).outcomes,
        generation: memberOf(held).generation
      }))
      return Effect.ignore(
        Effect.map(this.askAbout(all), (answers) =>
          all.forEach((held, i) => {
            const answer = answers[i] ?? noAnswer
            if (isFault(answer)) this.mirror.goByItself(held, answer, caller)
            else this.mirror.takeIn(held, answer, asked[i]!, caller)
          })
        )
      )
    })
  }

  /** Asks about some circuits. The answer about one of them may be a fault of that circuit alone. */
  askAbout(
    all: ReadonlyArray<CircuitEntry>
  ): Effect.Effect<ReadonlyArray<Entry | CircuitStoreError>, CircuitStoreError> {
    return Effect.withFiberRuntime((caller) => {
      const now = this.breaker.now(caller)
      const requests = all.map((held) => this.requestFor(held, now))
      return Effect.tapError(this.line.ask(this.store.exchange(requests)), () =>
        Effect.sync(() =>
          requests.forEach(({ announce }, i) => {
            memberOf(all[i]!).announces ||= announce
          })
        )
      )
    })
  }

  private requestFor(held: CircuitEntry, now: number): ExchangeRequest {
    const member = memberOf(held)
    const announce = member.announces
    member.announces = false
    this.rounds.exchanged(held, now)
    // The others answer at once: what they count is to be had by the time of the next exchange, so that comes soon.
    if (announce) this.rounds.hurry(held)
    return {
      circuit: this.idOf(held),
      node: this.node,
      contribution: this.hasPart(held) ? this.tally.contribution(held, now) : undefined,
      announce,
      keepMillis: this.keepMillis(held)
    }
  }

  /** Whether the others have to know what this node counts, or that it lives. */
  private hasPart(held: CircuitEntry): boolean {
    return this.rounds.has(held) && (memberOf(held).isWarm || held.current._tag !== "Closed")
  }

  /** The store does not answer, so what it reported is out of date. */
  lost(now: number): void {
    for (const held of this.rounds) {
      const member = memberOf(held)
      member.others = noContributions
      const { failures, slow } = Machine.counts(held.current, this.breaker.settings.rules, now)
      member.announces = failures + slow > 0
    }
    this.rounds.wakeUp()
  }

  idOf(held: CircuitEntry) {
    return { breaker: this.name, key: held.key }
  }

  /** Outlives the window, the opening, and the time after which the backoff starts over. */
  keepMillis(held: CircuitEntry): number {
    const { idleMillis, rules } = this.breaker.settings
    const millis = Math.max(Math.min(idleMillis, dayMillis), this.windowMillis)
    return Math.min(millis + 3 * held.current.openMillis + rules.probeTimeoutMillis, yearMillis)
  }
}

/** A store that somebody else has written may answer too little. */
const noAnswer = new CircuitStoreError({ message: "the store has not answered about the circuit" })

/** @internal */
export const isFault = (answer: Entry | CircuitStoreError): answer is CircuitStoreError => "_tag" in answer

const messageOf = (defect: unknown): string => (defect instanceof Error ? defect.message : String(defect))
