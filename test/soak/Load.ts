/** The work of a process during a round: calls at a steady rate, controls, and a breaker that is made and closed again. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { CircuitBreaker } from "effect-circuit-breaker"
import type { Book } from "./account.ts"
import * as Breakers from "./Breakers.ts"
import * as Caller from "./Caller.ts"
import type { Random } from "./random.ts"
import { random } from "./random.ts"
import * as Workload from "./workload.ts"

/** A part of a round: that of one life of a process. */
export interface Part {
  readonly seed: number
  readonly round: number
  readonly process: number
  /** Counts the times that the process was started. */
  readonly life: number
  /** When the round began, in epoch milliseconds: the processes are on one machine. */
  readonly beganAt: number
  readonly faultMillis: number
  readonly callsPerSecond: number
}

/** The resources of a process for the whole of its life. */
export interface Standing {
  readonly steady: CircuitBreaker.CircuitBreaker
  readonly passing: CircuitBreaker.CircuitBreaker
  readonly clients: Parameters<typeof Breakers.visit>[0]
  readonly callers: { readonly steady: Caller.Caller; readonly passing: Caller.Caller }
  readonly book: Book
}

export interface Load {
  /** Ends the controls and the visits. Calls go on, more slowly, on dependencies that are healthy. */
  readonly calm: Effect.Effect<void>
  /** Makes no more calls. */
  readonly stop: Effect.Effect<void>
  /** The most that a timer was late, in milliseconds. */
  readonly latestMillis: () => number
}

const tickMillis = 20
/** The part of the calls that are still made after the faults. */
const calmShare = 0.2

export const start = (standing: Standing, part: Part): Effect.Effect<Load> =>
  Effect.gen(function* () {
    const mood: Mood = { isCalm: false, latestMillis: 0, visiting: undefined }
    const calling = yield* Effect.forkDaemon(makeCalls(standing, part, mood))
    const activities = yield* Scope.make()
    const disturbing = yield* Effect.forkDaemon(
      Effect.all([useControls(standing, part), makeVisits(standing, part, mood)], {
        concurrency: "unbounded"
      }).pipe(Scope.extend(activities))
    )
    return {
      calm: Effect.suspend(() => {
        mood.isCalm = true
        return Effect.zipRight(Fiber.interrupt(disturbing), Scope.close(activities, Exit.void))
      }),
      stop: Effect.asVoid(Fiber.interrupt(calling)),
      latestMillis: () => mood.latestMillis
    }
  })

interface Mood {
  isCalm: boolean
  latestMillis: number
  /** The calls on the breaker that comes and goes, while there is one. */
  visiting: Caller.Caller | undefined
}

const sourceOf = ({ life, process, round, seed }: Part, purpose: string): Random =>
  random(seed, `${purpose} of life ${life} of process ${process} in round ${round}`)

const makeCalls = ({ callers }: Standing, part: Part, mood: Mood): Effect.Effect<never> => {
  const nextCall = Workload.callsOf(sourceOf(part, "calls"))
  const fails = (key: string) => {
    const at = Date.now() - part.beganAt
    return at < part.faultMillis && Workload.isFailing(part.seed, key, { ...part, at })
  }
  const callOnce = Effect.suspend(() => {
    const planned = nextCall()
    const call = mood.isCalm ? { ...planned, isUnlucky: false } : planned
    const caller = call.breaker === "visiting" ? mood.visiting : callers[call.breaker]
    return caller?.call(call, () => fails(call.key)) ?? Effect.void
  })
  return Effect.gen(function* () {
    let due = 0
    let last = performance.now()
    for (;;) {
      yield* Effect.sleep(tickMillis)
      const now = performance.now()
      mood.latestMillis = Math.max(mood.latestMillis, now - last - tickMillis)
      // A process that was frozen does not make up for the calls that it has missed.
      const share = mood.isCalm ? calmShare : 1
      due += (Math.min(now - last, 5 * tickMillis) / 1_000) * part.callsPerSecond * share
      last = now
      for (; due >= 1; due--) yield* callOnce
    }
  })
}

const useControls = (standing: Standing, part: Part): Effect.Effect<never, never, Scope.Scope> =>
  Effect.gen(function* () {
    const nextControl = Workload.controlsOf(sourceOf(part, "controls"))
    const running = yield* FiberSet.make()
    for (;;) {
      const planned = nextControl()
      yield* Effect.sleep(planned.pauseMillis)
      yield* FiberSet.run(running, control(standing[planned.breaker], planned))
    }
  })

const makeVisits = (standing: Standing, part: Part, mood: Mood): Effect.Effect<never> => {
  const source = sourceOf(part, "visits")
  const { book, clients } = standing
  const visit = Effect.gen(function* () {
    const breaker = yield* Breakers.visit(clients)
    const caller = yield* Caller.make(breaker, { book, accountOf: () => "visiting", isUncertain: () => true })
    yield* Effect.acquireRelease(
      Effect.sync(() => (mood.visiting = caller)),
      () => Effect.sync(() => (mood.visiting = undefined))
    )
    if (source.chance(0.3)) yield* breaker.isolate(source.pick(Workload.visitingKeys))
    yield* Effect.sleep(source.between(500, 4_000))
  })
  return Effect.forever(Effect.zipRight(Effect.scoped(visit), Effect.sleep("200 millis")))
}

const control = (
  breaker: CircuitBreaker.CircuitBreaker,
  { control, key, lastsMillis }: Workload.PlannedControl
): Effect.Effect<unknown> => {
  const lasting = Effect.sleep(lastsMillis)
  switch (control) {
    case "trip":
      return breaker.trip(key)
    case "reset":
      return breaker.reset(key)
    case "isolate":
      return Effect.scoped(Effect.zipRight(breaker.isolate(key), lasting))
    case "disable":
      return Effect.scoped(Effect.zipRight(breaker.disable(key), lasting))
    case "awaitReady":
      return Effect.timeoutOption(breaker.awaitReady(key), lastsMillis)
    case "read":
      return Effect.all([breaker.state(key), breaker.snapshot(key), breaker.circuits])
    case "listen":
      return Effect.timeoutOption(Stream.runDrain(breaker.transitions), lastsMillis)
  }
}
