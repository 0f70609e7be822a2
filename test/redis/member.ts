/** The program of a fleet's process: it makes breakers on a store in Redis, and uses them as messages ask it to. */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as HashSet from "effect/HashSet"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type { CircuitOpenError } from "effect-circuit-breaker"
import { CircuitBreaker, CircuitStore } from "effect-circuit-breaker"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import { kindKey } from "../../src/internal/core/policies/kind.ts"
import { kinds } from "../../src/internal/core/policies/table.ts"
import { recordLogs, watch } from "../kit/index.ts"
import type { Plan } from "./Load.ts"
import * as Load from "./Load.ts"
import { answering } from "./waiting.ts"

export interface Membership {
  /** A name for the breaker within the process. */
  readonly member: string
  readonly redis: { readonly host: string; readonly port: number } & RedisCircuitStore.Options
  readonly breaker: CircuitBreaker.Options
}

interface Running {
  readonly gate: Deferred.Deferred<string, string>
  readonly fiber: Fiber.Fiber<string, string | CircuitOpenError>
}

/** The options of a message, whose policy has lost its kind on the way: a message is text. */
const received = ({ tripPolicy, ...options }: CircuitBreaker.Options): CircuitBreaker.Options =>
  tripPolicy === undefined
    ? options
    : { ...options, tripPolicy: Object.assign({ [kindKey]: kinds[tripPolicy._tag] }, tripPolicy) }

const join = ({ breaker, redis }: Membership) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const inside = Scope.extend(scope)
    const logs = yield* inside(recordLogs)
    const loggers = yield* FiberRef.get(FiberRef.currentLoggers)
    const layer = Layer.provideMerge(CircuitBreaker.layer(received(breaker)), RedisCircuitStore.layer(redis))
    const context = yield* inside(Layer.build(layer))
    const service = Context.get(context, CircuitBreaker.CircuitBreaker)
    yield* answering(Context.get(context, CircuitStore.CircuitStore))
    const seen = yield* inside(watch(service.transitions))
    const running: Array<Running> = []
    return { service, seen, logs, loggers, running, scope }
  })

const members = new Map<string, Effect.Effect.Success<ReturnType<typeof join>>>()
const loads = new Map<string, Load.Load>()

const memberOf = (name: string) => {
  const member = members.get(name)
  if (member === undefined) throw new Error(`no member ${name}`)
  return member
}

const loadOf = (member: string) => {
  const load = loads.get(member)
  if (load === undefined) throw new Error(`no load on ${member}`)
  return load
}

/** The result of a call, as one word. */
const resultOf = (exit: Exit.Exit<string, string | CircuitOpenError>): string =>
  Exit.match(exit, {
    onSuccess: (value) => value,
    onFailure: (cause) =>
      cause._tag === "Fail"
        ? typeof cause.error === "string"
          ? cause.error
          : `rejected: ${cause.error.state}`
        : "died"
  })

interface To {
  readonly member: string
}

const commands = {
  join: (membership: Membership) =>
    Effect.map(join(membership), (member) => {
      members.set(membership.member, member)
    }),

  /** Makes calls at the same time; answers the result of each. */
  call: ({
    member,
    result,
    times = 1
  }: To & { readonly result: "works" | "fails"; readonly times?: number }) =>
    Effect.suspend(() => {
      const { service } = memberOf(member)
      const call = service.protect(result === "works" ? Effect.succeed("works") : Effect.fail("fails"))
      return Effect.replicateEffect(Effect.map(Effect.exit(call), resultOf), times, {
        concurrency: "unbounded"
      })
    }),

  /** Begins calls that run until `end`; answers how many run, when all run or were rejected. */
  begin: ({ member, times = 1 }: To & { readonly times?: number }) =>
    Effect.gen(function* () {
      const { running, service } = memberOf(member)
      const beginOne = Effect.gen(function* () {
        const gate = yield* Deferred.make<string, string>()
        const started = yield* Deferred.make<boolean>()
        const effect = Effect.zipRight(Deferred.succeed(started, true), Deferred.await(gate))
        const call = Effect.ensuring(service.protect(effect), Deferred.succeed(started, false))
        const fiber = yield* Effect.forkDaemon(call)
        const isRunning = yield* Deferred.await(started)
        if (isRunning) running.push({ gate, fiber })
        return isRunning
      })
      const all = yield* Effect.replicateEffect(beginOne, times, { concurrency: "unbounded" })
      return all.filter(Boolean).length
    }),

  /** Ends the calls that run; answers the result of each. */
  end: ({ member, result }: To & { readonly result: "works" | "fails" }) =>
    Effect.gen(function* () {
      const running = memberOf(member).running.splice(0)
      for (const { gate } of running)
        yield* Deferred.done(gate, result === "works" ? Exit.succeed("works") : Exit.fail("fails"))
      return yield* Effect.forEach(running, ({ fiber }) => Effect.map(Fiber.await(fiber), resultOf))
    }),

  /** Makes calls from now on. */
  load: ({ member, plan }: To & { readonly plan: Plan }) =>
    Effect.map(Load.start(memberOf(member), plan), (load) => {
      loads.set(member, load)
    }),

  unload: ({ member }: To) => Effect.suspend(() => loadOf(member).stop),

  account: ({ member }: To) => Effect.suspend(() => loadOf(member).account),

  control: ({ control, member }: To & { readonly control: "trip" | "isolate" }) =>
    Effect.suspend(() => {
      const { scope, service } = memberOf(member)
      return control === "trip" ? service.trip() : Scope.extend(service.isolate(), scope)
    }),

  /** The state of the circuit, and its transitions so far. */
  report: ({ member }: To) =>
    Effect.gen(function* () {
      const { logs, seen, service } = memberOf(member)
      const { state, totals } = yield* service.snapshot()
      return {
        state: state._tag,
        openings: "openings" in state ? state.openings : 0,
        totals,
        transitions: seen.map((it) =>
          it.to === "Open" ? `${it.from} > Open ${it.openings} (${it.reason})` : `${it.from} > ${it.to}`
        ),
        logs: logs.map(({ level, message }) => `${level}: ${message}`)
      }
    })
}

export type Commands = typeof commands

export interface Request {
  readonly id: number
  readonly command: keyof Commands
  readonly to: To
}

export interface Answer {
  readonly id: number
  readonly answer?: unknown
  readonly error?: string
}

const answerTo = ({ command, id, to }: Request) =>
  Effect.suspend(() => (commands[command] as (to: To) => Effect.Effect<unknown>)(to)).pipe(
    // The lines of a member's calls go to the logger of that member.
    Effect.locally(FiberRef.currentLoggers, members.get(to.member)?.loggers ?? HashSet.empty()),
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
