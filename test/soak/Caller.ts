/** Makes the calls on a breaker, and keeps account of them. */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { CircuitBreaker, Transition } from "effect-circuit-breaker"
import { CircuitOpenError, Outcome } from "effect-circuit-breaker"
import type { Book } from "./account.ts"
import type { Account, Ended } from "./account.ts"
import { accountIn } from "./account.ts"
import type { PlannedCall } from "./workload.ts"

/** A call that ran for so long is taken for one of a process that was frozen: its slot may have been lost. */
const longMillis = 500

interface Call {
  readonly id: number
  readonly planned: PlannedCall
  readonly madeAt: number
  runs: number
  hasEnded: boolean
  /** Whether its circuit has changed its state since it began to run. */
  isOvertaken: boolean
  /** Whether its circuit was HalfOpen when it began to run. */
  isProbe: boolean
}

export interface Caller {
  /** Begins a call, and waits for nothing. */
  readonly call: (planned: PlannedCall, fails: () => boolean) => Effect.Effect<void>
}

interface CallerOptions {
  readonly book: Book
  /** The account to which the calls on a key belong. */
  readonly accountOf: (key: string) => string
  /** Whether it is unknown from outside if a call that ends now counts. */
  readonly isUncertain: () => boolean
}

/** The calls on a breaker, until the scope closes. */
export const make = (
  breaker: CircuitBreaker.CircuitBreaker,
  options: CallerOptions
): Effect.Effect<Caller, never, Scope.Scope> =>
  Effect.zipWith(
    breaker.subscribe,
    Effect.clock,
    (transitions, clock) => new Calls({ breaker, transitions, clock }, options)
  )

interface Observed {
  readonly breaker: CircuitBreaker.CircuitBreaker
  readonly transitions: Queue.Dequeue<Transition.Transition>
  readonly clock: Clock.Clock
}

class Calls implements Caller {
  private readonly observed: Observed
  private readonly options: CallerOptions
  private readonly running = new Map<string, Set<Call>>()
  private readonly halfOpen = new Set<string>()
  private made = 0

  constructor(observed: Observed, options: CallerOptions) {
    this.observed = observed
    this.options = options
  }

  call(planned: PlannedCall, fails: () => boolean): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { accountOf, book } = this.options
      const account = accountIn(book, accountOf(planned.key))
      const call: Call = {
        id: ++this.made,
        planned,
        madeAt: this.observed.clock.unsafeCurrentTimeMillis(),
        runs: 0,
        hasEnded: false,
        isOvertaken: false,
        isProbe: false
      }
      account.made++
      account.running++
      const guarded = this.guarded(call, this.dependency(call, fails))
      const booked = Effect.onExit(guarded, (exit) => Effect.sync(() => this.book(account, call, exit)))
      const { patienceMillis } = planned
      if (patienceMillis === undefined) return Effect.forkDaemon(booked)
      const left = Effect.ensuring(
        Effect.timeoutOption(booked, patienceMillis),
        // Its caller may leave before it has begun.
        Effect.sync(() => call.hasEnded || this.book(account, call, Exit.interrupt(FiberId.none)))
      )
      return Effect.forkDaemon(left)
    })
  }

  private guarded(call: Call, dependency: Effect.Effect<number, string>): Effect.Effect<unknown, unknown> {
    const { breaker } = this.observed
    const { key, way } = call.planned
    switch (way) {
      case "protect":
        return breaker.protectWith(dependency, { key })
      case "stream":
        return Stream.runLast(breaker.protectStream(Stream.fromEffect(dependency), { key })).pipe(
          Effect.map((last) => (last._tag === "Some" ? last.value : undefined))
        )
      case "admit":
        return Effect.scoped(
          Effect.flatMap(breaker.admit(key), ({ settle }) =>
            Effect.onExit(dependency, (exit) => settle(Outcome.fromExit(exit)))
          )
        )
    }
  }

  /** The effect of a call. It reads the changes of its circuit last, immediately before the call is settled. */
  private dependency(call: Call, fails: () => boolean): Effect.Effect<number, string> {
    const { id, planned } = call
    const ending = Effect.suspend(() => {
      if (!planned.isUnlucky && !fails()) return Effect.succeed(id)
      return planned.dies ? Effect.die(textOf(call)) : Effect.fail(textOf(call))
    })
    return Effect.suspend(() => {
      call.runs++
      this.look()
      call.isProbe = this.halfOpen.has(planned.key)
      const others = this.running.get(planned.key)
      if (others === undefined) this.running.set(planned.key, new Set([call]))
      else others.add(call)
      return Effect.zipRight(Effect.sleep(planned.latencyMillis), ending)
    }).pipe(Effect.onExit(() => Effect.sync(() => this.leave(call))))
  }

  private leave(call: Call): void {
    this.look()
    const { key } = call.planned
    const others = this.running.get(key)
    others?.delete(call)
    if (others?.size === 0) this.running.delete(key)
  }

  /** Takes note of the transitions that have been published. A breaker that was closed publishes none any more. */
  private look(): void {
    const published = Effect.runSyncExit(Queue.takeAll(this.observed.transitions))
    if (published._tag === "Failure") return
    for (const { key, to } of published.value) {
      if (to === "HalfOpen") this.halfOpen.add(key)
      else this.halfOpen.delete(key)
      this.options.book.transitions++
      for (const call of this.running.get(key) ?? []) call.isOvertaken = true
    }
  }

  private book(account: Account, call: Call, exit: Exit.Exit<unknown, unknown>): void {
    const took = this.observed.clock.unsafeCurrentTimeMillis() - call.madeAt - call.planned.latencyMillis
    const { book } = this.options
    book.slowestMillis = Math.max(book.slowestMillis, took)
    account.running--
    if (call.hasEnded) account.wrong.push("a call ended twice")
    call.hasEnded = true
    const end = endOf(call, exit)
    if (end === "rejected" || end === "abandoned") {
      if (call.runs !== 0) account.wrong.push(`a call that was ${end} ran`)
      account[end]++
    } else if (end === "wrong") {
      account.wrong.push(
        `a call ended with ${exit._tag === "Success" ? String(exit.value) : Cause.pretty(exit.cause)}`
      )
    } else {
      if (call.runs !== 1) account.wrong.push(`a call ran ${call.runs} times`)
      account.ended[end]++
      if (this.options.isUncertain()) account.uncertain++
      else if (call.isOvertaken) account.overtaken[end]++
      // A slot may be lost: with the data of the server, or with the connection over which it was asked for.
      else if (call.isProbe || took > longMillis) account.uncertain++
    }
  }
}

type End = keyof Ended | "rejected" | "abandoned" | "wrong"

/** The end of a call, whose result has to be its own. */
const endOf = (call: Call, exit: Exit.Exit<unknown, unknown>): End => {
  if (exit._tag === "Success") return exit.value === call.id ? "succeeded" : "wrong"
  const { cause } = exit
  if (Cause.isInterruptedOnly(cause)) return call.runs === 0 ? "abandoned" : "ignored"
  if (cause._tag === "Fail" && cause.error instanceof CircuitOpenError) return "rejected"
  const reason = cause._tag === "Fail" ? cause.error : cause._tag === "Die" ? cause.defect : undefined
  return reason === textOf(call) ? "failed" : "wrong"
}

const textOf = ({ id }: Call): string => `unavailable for ${id}`
