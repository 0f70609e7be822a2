/** Makes calls at a steady rate on a dependency that fails by a plan, and accounts for each of them. */
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as LogLevel from "effect/LogLevel"
import type { Transition } from "effect-circuit-breaker"
import { CircuitOpenError } from "effect-circuit-breaker"
import type { CircuitBreaker } from "effect-circuit-breaker"
import type { LogLine } from "../kit/index.ts"

/** A time of the test, in milliseconds since it began. */
export interface Span {
  readonly from: number
  readonly to: number
}

export interface Plan {
  /** When the test began, in epoch milliseconds: all processes go by the same clock. */
  readonly beganAt: number
  readonly callsPerSecond: number
  readonly latencyMillis: number
  /** The spans in which the calls on a key fail. The calls go round the keys. */
  readonly failing: Readonly<Record<string, ReadonlyArray<Span>>>
}

/** The calls on a key, as their callers saw them and as the circuit has counted them. */
export interface KeyAccount {
  readonly callers: CallerCounts
  readonly totals: CircuitBreaker.CircuitSnapshot["totals"]
  readonly state: string
  /** When the circuit opened, in milliseconds since the test began. */
  readonly opened: ReadonlyArray<number>
}

interface CallerCounts {
  made: number
  /** Calls whose effect was run. */
  ran: number
  /** Calls during which the circuit changed state, whose outcomes count nowhere. */
  overtaken: number
  succeeded: number
  failed: number
  rejected: number
  /** Results that no call may have. */
  readonly others: Array<string>
  slowestMillis: number
}

export interface Account {
  /** The longest delay of a timer of the process, because the machine was busy. */
  readonly latestMillis: number
  readonly keys: Readonly<Record<string, KeyAccount>>
  /** The levels of the lines about the store. */
  readonly storeLines: ReadonlyArray<string>
}

export interface Load {
  /** Makes no more calls. Those that run go on. */
  readonly stop: Effect.Effect<void>
  readonly account: Effect.Effect<Account>
}

/** A breaker, and what it has logged and published so far. */
interface Observed {
  readonly service: CircuitBreaker.CircuitBreaker
  readonly logs: ReadonlyArray<LogLine>
  readonly seen: ReadonlyArray<Transition.Transition>
}

const tickMillis = 20

export const start = (observed: Observed, plan: Plan): Effect.Effect<Load> =>
  Effect.gen(function* () {
    const { beganAt, callsPerSecond, failing } = plan
    const callers = Object.keys(failing).map((key) => new Caller(key, observed, plan))
    const startedAt = performance.now()
    const rate = { made: 0, isOn: true, latestMillis: 0 }
    const calling = Effect.gen(function* () {
      while (rate.isOn) {
        const begunAt = performance.now()
        const due = ((begunAt - startedAt) / 1_000) * callsPerSecond
        for (; rate.made < due; rate.made++) yield* callers[rate.made % callers.length]!.call
        yield* Effect.sleep(tickMillis)
        rate.latestMillis = Math.max(rate.latestMillis, performance.now() - begunAt - tickMillis)
      }
    })
    // All transitions are logged, HalfOpen at a level that is usually left out.
    yield* Effect.forkDaemon(Effect.locally(calling, FiberRef.currentMinimumLogLevel, LogLevel.All))
    return {
      stop: Effect.sync(() => {
        rate.isOn = false
      }),
      account: Effect.gen(function* () {
        const keys: Record<string, KeyAccount> = {}
        for (const { counts, key } of callers) {
          const { state, totals } = yield* observed.service.snapshot(key)
          const opened = observed.seen
            .filter((it) => it.key === key && it.to === "Open")
            .map(({ at }) => at - beganAt)
          keys[key] = { callers: counts, totals, state: state._tag, opened }
        }
        const storeLines = observed.logs
          .filter(({ message }) => message.includes("circuit store"))
          .map(({ level }) => level)
        return { keys, storeLines, latestMillis: rate.latestMillis }
      })
    }
  })

/** Makes the calls on a key. */
class Caller {
  readonly key: string
  readonly counts: CallerCounts = {
    made: 0,
    ran: 0,
    overtaken: 0,
    succeeded: 0,
    failed: 0,
    rejected: 0,
    others: [],
    slowestMillis: 0
  }
  private readonly observed: Observed
  private readonly plan: Plan

  constructor(key: string, observed: Observed, plan: Plan) {
    this.key = key
    this.observed = observed
    this.plan = plan
  }

  /** Starts a call without waiting for it. */
  get call(): Effect.Effect<void> {
    return Effect.gen(this, function* () {
      const { counts, key } = this
      counts.made++
      const startedAt = performance.now()
      const fiber = yield* Effect.forkDaemon(this.observed.service.protectWith(this.dependency, { key }))
      fiber.addObserver((exit) => {
        counts.slowestMillis = Math.max(counts.slowestMillis, performance.now() - startedAt)
        if (exit._tag === "Success") counts.succeeded++
        else if (exit.cause._tag !== "Fail") counts.others.push(String(exit.cause))
        else if (exit.cause.error === "unavailable") counts.failed++
        else if (exit.cause.error instanceof CircuitOpenError) counts.rejected++
        else counts.others.push(String(exit.cause))
      })
    })
  }

  private get dependency(): Effect.Effect<void, "unavailable"> {
    const { counts, key, plan } = this
    const { logs } = this.observed
    return Effect.suspend(() => {
      counts.ran++
      const said = logs.length
      const ending = Effect.suspend(() => {
        if (logs.slice(said).some(({ annotations }) => annotations["key"] === key)) counts.overtaken++
        const now = Date.now() - plan.beganAt
        const isFailing = plan.failing[key]!.some(({ from, to }) => from <= now && now < to)
        return isFailing ? Effect.fail("unavailable" as const) : Effect.void
      })
      return Effect.zipRight(Effect.sleep(plan.latencyMillis), ending)
    })
  }
}
