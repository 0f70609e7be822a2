/** The program of a process of the soak. It runs with `--expose-gc`, and does what messages ask it to. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import type { CircuitBreaker } from "effect-circuit-breaker"
import type { EventEmitter } from "node:events"
import { setTimeout } from "node:timers/promises"
import type { Address } from "../redis/RedisServer.ts"
import type { Totals } from "./account.ts"
import { emptyBook, minus, noTotals, problemsOf, sumOf } from "./account.ts"
import * as Breakers from "./Breakers.ts"
import * as Caller from "./Caller.ts"
import type { Load, Part, Standing } from "./Load.ts"
import * as LoadOf from "./Load.ts"
import type { ProcessSample } from "./verdict.ts"
import { steadyKeys } from "./workload.ts"

/** A circuit of a breaker that all processes have. */
export interface CircuitName {
  readonly breaker: "steady" | "passing"
  readonly key: string
}

/** An account that was closed: what does not add up, and the figures of a process's calls. */
export interface Closed {
  readonly problems: ReadonlyArray<string>
  readonly figures: Figures
}

export interface Figures {
  readonly made: number
  readonly rejected: number
  readonly failed: number
  readonly overtaken: number
  readonly uncertain: number
  readonly transitions: number
  readonly slowestMillis: number
  readonly latestMillis: number
}

const scope = Effect.runSync(Scope.make())
const book = emptyBook()
let standing: Standing | undefined
let load: Load | undefined
const totalsBefore = new Map<string, Totals>()
let lateMillis = 0
const holding: Array<Scope.CloseableScope> = []

const all = (): Standing => {
  if (standing === undefined) throw new Error("the process has no breakers yet")
  return standing
}

/** The totals that belong to an account. */
const totalsOf = (account: string): Effect.Effect<Totals> =>
  account === "passing" || account === "visiting"
    ? Breakers.meteredTotals(account)
    : Effect.map(all().steady.snapshot(account), ({ totals }) => totals)

const accountNames = [...steadyKeys, "passing", "visiting"]

const callOn = ({ breaker, key }: CircuitName) =>
  all().callers[breaker].call(
    {
      breaker,
      key,
      way: "protect",
      latencyMillis: 0,
      dies: false,
      patienceMillis: undefined,
      isUnlucky: false
    },
    () => false
  )

const notClosed = (breaker: "steady" | "passing") =>
  Effect.map(all()[breaker].circuits, (circuits) =>
    circuits.flatMap(({ key, state }) =>
      state._tag === "Closed" ? [] : [{ breaker, key, state: state._tag }]
    )
  )

const running = () => [...book.accounts.values()].reduce((sum, account) => sum + account.running, 0)

const listenersOf = (emitter: EventEmitter): number =>
  emitter.eventNames().reduce((sum, event) => sum + emitter.listenerCount(event), 0)

const commands = {
  /** Makes the breakers, which connect at their leisure. */
  open: ({ address }: { readonly address: Address }) =>
    Effect.gen(function* () {
      const breakers = yield* Breakers.make(address)
      const clients = yield* Breakers.connect(address)
      const steady = yield* Caller.make(breakers.steady, {
        book,
        accountOf: (key) => key,
        isUncertain: () => false
      })
      const passing = yield* Caller.make(breakers.passing, {
        book,
        accountOf: () => "passing",
        isUncertain: () => Breakers.closedCircuits("passing") < Breakers.passingCapacity / 2
      })
      standing = { ...breakers, clients, callers: { steady, passing }, book }
    }).pipe(Scope.extend(scope)),

  begin: (part: Part) =>
    Effect.gen(function* () {
      book.accounts.clear()
      book.slowestMillis = 0
      book.transitions = 0
      // A circuit that has been idle for nearly too long would be dropped, with its totals, after they were read.
      yield* Effect.forEach(
        steadyKeys,
        (key) => Effect.exit(all().steady.protectWith(Effect.void, { key })),
        {
          concurrency: "unbounded"
        }
      )
      for (const name of accountNames) totalsBefore.set(name, yield* totalsOf(name))
      load = yield* LoadOf.start(all(), part)
    }),

  calm: () => Effect.suspend(() => load?.calm ?? Effect.void),

  /** Ends the calls, and waits until none runs. */
  stop: () =>
    Effect.gen(function* () {
      if (load !== undefined) {
        yield* load.stop
        lateMillis = load.latestMillis()
      }
      load = undefined
      for (let i = 0; i < 200 && running() > 0; i++) yield* Effect.sleep("50 millis")
    }),

  /** The circuits that this process does not see Closed. */
  troubled: () => Effect.map(Effect.all([notClosed("steady"), notClosed("passing")]), (both) => both.flat()),

  /** Makes a call on each circuit that is not Closed. */
  heal: () =>
    Effect.flatMap(commands.troubled(), (circuits) => Effect.forEach(circuits, callOn, { discard: true })),

  states: ({ circuits }: { readonly circuits: ReadonlyArray<CircuitName> }) =>
    Effect.forEach(
      circuits,
      ({ breaker, key }) => Effect.map(all()[breaker].state(key), ({ _tag }) => _tag),
      { concurrency: "unbounded" }
    ),

  control: ({ breaker, control, key }: CircuitName & { readonly control: "trip" | "reset" | "isolate" }) =>
    Effect.gen(function* () {
      const it: CircuitBreaker.CircuitBreaker = all()[breaker]
      if (control !== "isolate") return yield* it[control](key)
      const scope = yield* Scope.make()
      holding.push(scope)
      yield* Scope.extend(it.isolate(key), scope)
    }),

  /** Ends all isolations. */
  release: () =>
    Effect.suspend(() =>
      Effect.forEach(holding.splice(0), (scope) => Scope.close(scope, Exit.void), {
        discard: true
      })
    ),

  /** Compares the accounts of a round with what the circuits have counted. */
  account: () =>
    Effect.gen(function* () {
      const problems: Array<string> = []
      const sums = { made: 0, rejected: 0, failed: 0, overtaken: 0, uncertain: 0 }
      for (const [name, account] of book.accounts) {
        const totals = minus(yield* totalsOf(name), totalsBefore.get(name) ?? noTotals)
        problems.push(...problemsOf(name, account, totals))
        sums.made += account.made
        sums.rejected += account.rejected
        sums.failed += account.ended.failed
        sums.overtaken += sumOf(account.overtaken)
        sums.uncertain += account.uncertain
      }
      const { slowestMillis, transitions } = book
      return {
        problems,
        figures: { ...sums, slowestMillis, transitions, latestMillis: lateMillis }
      } satisfies Closed
    }),

  /** The memory and resources of the process while it is idle. */
  sample: () =>
    Effect.promise(async (): Promise<ProcessSample> => {
      for (let i = 0; i < 4; i++) {
        globalThis.gc?.()
        await setTimeout(50)
      }
      const resources: Record<string, number> = {}
      for (const type of process.getActiveResourcesInfo()) resources[type] = (resources[type] ?? 0) + 1
      const { client, subscriber } = all().clients
      return {
        heap: process.memoryUsage().heapUsed,
        resources,
        listeners: listenersOf(client) + listenersOf(subscriber) + listenersOf(process)
      }
    })
}

export type Commands = typeof commands

export interface Request {
  readonly id: number
  readonly command: keyof Commands
  readonly to: unknown
}

export interface Answer {
  readonly id: number
  readonly answer?: unknown
  readonly error?: string
}

// The lines of thousands of changes of state would cost more than the changes.
const silent = Logger.replace(Logger.defaultLogger, Logger.none)

const answerTo = ({ command, id, to }: Request) =>
  Effect.suspend(() => (commands[command] as (to: unknown) => Effect.Effect<unknown>)(to)).pipe(
    Effect.provide(silent),
    Effect.sandbox,
    Effect.match({
      onFailure: (cause): Answer => ({ id, error: String(cause) }),
      onSuccess: (answer): Answer => ({ id, answer })
    })
  )

process.on("message", (request: Request) => {
  void Effect.runPromise(answerTo(request)).then((answer) => process.send?.(answer))
})
process.on("disconnect", () => process.exit())
process.send?.({ id: 0 } satisfies Answer)
