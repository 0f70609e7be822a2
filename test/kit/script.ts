/**
 * Tests as scripts: what happens to a circuit, and what is seen of it, in a line. A script runs on every port, which is a
 * way to make guarded calls: `protect`, `admit`, an HTTP client, a server's middleware.
 *
 * | step | meaning |
 * | --- | --- |
 * | `s` `f` `u` | a call that succeeds, fails, or ends in an error that is not listed; its caller gets that very result |
 * | `f~25` | a call that fails and asks for 25 seconds |
 * | `-` `-20` | a call that is rejected and never started, with 20 seconds to wait |
 * | `(` | a call that begins; `)s` `)f` `)u` end the one that has run longest, and `)x` interrupts its caller |
 * | `@2.999` `+10` | the time is 2.999 s; 10 seconds pass |
 * | `trip` `reset` `isolate` `release` `disable` `enable` | by hand; `release` and `enable` end the oldest hold of the kind |
 * | `wait` `waits` `ready` | a fiber begins to wait until the circuit is ready; it still waits; it has ended |
 * | `=Open` | the state that is read |
 * | `~9.5` `/1` | Open for another 9.5 s; openings so far |
 * | `?2` `!1` | HalfOpen with 2 probes that run, and 1 that has succeeded |
 * | `*0.25` | Recovering with a share of a quarter |
 * | `#2` | failures in the window |
 * | `{a,b}` | the circuits that are held |
 * | `>Open>HalfOpen` | the transitions since they were last asked for; `>` is none |
 *
 * A number before a call repeats it, and `p:` before a step is the name of its circuit: `p:4f p:- q:s`.
 */
import { assert, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, type CircuitOpenError, Outcome } from "effect-circuit-breaker"
import { type Breaker, keysOf, windowOf } from "./breakers.ts"
import { settled } from "./calls.ts"
import { watch } from "./observers.ts"
import { proves } from "./titles.ts"

/** How a guarded effect ends: `s`, `f` or `u`, a number of its own, and perhaps the time it asks for. */
export type Ending = string

/** What a caller gets: how the effect ended, or the seconds that a rejection says to wait. */
export type Answer = Ending | { readonly rejectedFor: number }

/** A way to make guarded calls. */
export interface Port {
  readonly breaker: Breaker
  /** The key of the circuit of a name. */
  readonly keyOf: (name: string) => string | undefined
  /** Makes a call whose effect is `reached`, and ends as that says. */
  readonly ask: (name: string, reached: Effect.Effect<Ending>) => Effect.Effect<Answer>
}

export type MakePort = (options: CircuitBreaker.Options) => Effect.Effect<Port, never, Scope.Scope>

/** Only errors that begin with an f are listed. */
export const listed = Outcome.failWhen((error) => String(error).startsWith("f"))

const outcomeOf = (ending: Ending): Outcome.Outcome => {
  if (ending.startsWith("s")) return Outcome.success
  if (ending.startsWith("u")) return Outcome.ignored
  const [, seconds] = ending.split("~")
  return Outcome.failure(seconds === undefined ? {} : { retryAfter: Duration.seconds(Number(seconds)) })
}

/** The default, and the time that an ending asks for. */
const classify = (exit: Exit.Exit<unknown, unknown>): Outcome.Outcome =>
  Exit.isFailure(exit) && exit.cause._tag === "Fail"
    ? outcomeOf(String(exit.cause.error))
    : Outcome.fromExit(exit)

export const rejectedFor = ({ retryAfter }: CircuitOpenError): Answer => ({
  rejectedFor: Duration.toSeconds(retryAfter)
})

const orRejected = <R>(call: Effect.Effect<Ending, Ending | CircuitOpenError, R>) =>
  Effect.catchAll(call, (error) => Effect.succeed(typeof error === "string" ? error : rejectedFor(error)))

const keyOf = (name: string) => (name === "" ? undefined : name)

export const byProtect: MakePort = (options) =>
  Effect.map(CircuitBreaker.make({ classify, ...options }), (breaker) => ({
    breaker,
    keyOf,
    ask: (name, reached) =>
      Effect.flatMap(reached, (ending) =>
        ending.startsWith("s") ? Effect.succeed(ending) : Effect.fail(ending)
      ).pipe(name === "" ? breaker.protect : breaker.protectWith({ key: name }), orRejected)
  }))

export const byAdmit: MakePort = (options) =>
  Effect.map(CircuitBreaker.make(options), (breaker) => ({
    breaker,
    keyOf,
    ask: (name, reached) =>
      breaker.admit(keyOf(name)).pipe(
        Effect.flatMap(({ settle }) => Effect.tap(reached, (ending) => settle(outcomeOf(ending)))),
        Effect.scoped,
        orRejected
      )
  }))

export const byStream: MakePort = (options) =>
  Effect.map(CircuitBreaker.make({ classify, ...options }), (breaker) => ({
    breaker,
    keyOf,
    ask: (name, reached) => {
      const stream = Stream.mapEffect(Stream.fromEffect(reached), (ending) =>
        ending.startsWith("s") ? Effect.succeed(ending) : Effect.fail(ending)
      )
      return breaker
        .protectStream(stream, name === "" ? {} : { key: name })
        .pipe(Stream.runHead, Effect.map(Option.getOrElse(() => "nothing")), orRejected)
    }
  }))

const number = String.raw`(?:[\d.]+|Infinity)`
const step = new RegExp(
  String.raw`^(?:(?<name>\w+):)?(?:(?<times>\d*)(?:(?<how>[sfu])(?:~(?<hint>${number}))?|-(?<wait>[\d.]*))|(?<begins>\()|\)(?<ends>[sfux])|(?<clock>[@+])(?<time>${number})|=(?<tag>\w+)|(?<what>[~/?!*#])(?<figure>${number})|(?<path>(?:>\w+)+|>)|\{(?<keys>[\w,]*)\}|(?<control>trip|reset|isolate|release|disable|enable)|(?<waiting>waits?|ready))$`
)

interface Begun {
  readonly gate: Deferred.Deferred<Ending>
  readonly interrupted: Deferred.Deferred<void>
  readonly fiber: Fiber.RuntimeFiber<Answer>
}

const figureOf = (state: CircuitBreaker.CircuitState, what: string): number | undefined => {
  if (what === "/") return "openings" in state ? state.openings : undefined
  if (what === "~") return state._tag === "Open" ? Duration.toSeconds(state.retryAfter) : undefined
  if (what === "*") return state._tag === "Recovering" ? state.admitting : undefined
  return state._tag === "HalfOpen" ? (what === "?" ? state.probing : state.succeeded) : undefined
}

/** Plays a script, checks each of its steps, and answers how many calls were started. */
export const play = (port: Port, script: string) =>
  Effect.gen(function* () {
    const { breaker } = port
    const seen = yield* watch(breaker.transitions)
    const begun: Array<Begun> = []
    const holds = { isolate: [] as Array<Scope.CloseableScope>, disable: [] as Array<Scope.CloseableScope> }
    const waiters = new Map<string, Fiber.RuntimeFiber<void>>()
    let asked = 0
    let serial = 0
    let started = 0
    const reached = (ending: Effect.Effect<Ending>) =>
      Effect.suspend(() => {
        started++
        return ending
      })

    const call = (name: string, how: string) => {
      const ending = how.replace(/^./, (letter) => `${letter}${++serial}`)
      return Effect.map(port.ask(name, reached(Effect.succeed(ending))), (answer) =>
        assert.strictEqual(answer, ending)
      )
    }

    const rejected = (name: string, seconds: string) =>
      Effect.gen(function* () {
        const before = started
        const answer = yield* port.ask(name, reached(Effect.succeed("s")))
        assert.isObject(answer, "the call was not rejected")
        if (seconds !== "") assert.deepStrictEqual(answer, { rejectedFor: Number(seconds) })
        assert.strictEqual(started, before)
      })

    const begin = (name: string) =>
      Effect.gen(function* () {
        const gate = yield* Deferred.make<Ending>()
        const interrupted = yield* Deferred.make<void>()
        const running = yield* Deferred.make<void>()
        const waits = Effect.zipRight(Deferred.succeed(running, undefined), Deferred.await(gate)).pipe(
          Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined))
        )
        const fiber = yield* Effect.fork(port.ask(name, reached(waits)))
        yield* Effect.raceFirst(
          Deferred.await(running),
          Effect.flatMap(Fiber.join(fiber), () => Effect.dieMessage("the call was rejected"))
        )
        begun.push({ gate, interrupted, fiber })
      })

    const end = (how: string) =>
      Effect.gen(function* () {
        const { fiber, gate, interrupted } = begun.shift()!
        if (how === "x") {
          assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
          yield* Effect.zipRight(Deferred.await(interrupted), settled)
          return
        }
        const ending = `${how}${++serial}`
        yield* Deferred.succeed(gate, ending)
        assert.strictEqual(yield* Fiber.join(fiber), ending)
      })

    const control = (what: string, key: string | undefined) => {
      if (what === "trip" || what === "reset") return breaker[what](key)
      if (what === "release") return Scope.close(holds.isolate.shift()!, Exit.void)
      if (what === "enable") return Scope.close(holds.disable.shift()!, Exit.void)
      const kind = what === "isolate" ? "isolate" : "disable"
      return Effect.flatMap(Scope.make(), (scope) => {
        holds[kind].push(scope)
        return Scope.extend(breaker[kind](key), scope)
      })
    }

    const waiting = (at: string, what: string, name: string) =>
      Effect.gen(function* () {
        if (what === "wait") waiters.set(name, yield* Effect.fork(breaker.awaitReady(port.keyOf(name))))
        yield* settled
        if (what !== "wait")
          assert.strictEqual(waiters.get(name)!.unsafePoll() === null, what === "waits", at)
      })

    const check = (at: string, key: string | undefined, is: Record<string, string | undefined>) =>
      Effect.gen(function* () {
        const state = yield* breaker.state(key)
        if (is["tag"] !== undefined) assert.strictEqual(state._tag, is["tag"], at)
        if (is["path"] !== undefined) {
          yield* settled
          assert.deepStrictEqual(
            seen.slice(asked).map(({ to }) => to),
            is["path"].split(">").filter((to) => to !== "") as ReadonlyArray<string>,
            at
          )
          asked = seen.length
        }
        if (is["keys"] !== undefined) assert.strictEqual((yield* keysOf(breaker)).join(), is["keys"], at)
        if (is["what"] === "#") {
          assert.strictEqual((yield* windowOf(breaker, key)).failures, Number(is["figure"]), at)
        } else if (is["what"] !== undefined) {
          assert.approximately(figureOf(state, is["what"]) ?? NaN, Number(is["figure"]), 1e-9, at)
        }
      })

    for (const [place, written] of script.split(/\s+/).entries()) {
      const is = step.exec(written)?.groups
      const at = `step ${place + 1}, ${written}, of ${script}`
      if (is === undefined) return assert.fail(`no such ${at}`)
      const name = is["name"] ?? ""
      const times = Number(is["times"] === "" ? 1 : (is["times"] ?? 1))
      for (let i = 0; i < times; i++) {
        if (is["how"] !== undefined) {
          yield* call(name, is["hint"] === undefined ? is["how"] : `${is["how"]}~${is["hint"]}`)
        } else if (is["wait"] !== undefined) yield* rejected(name, is["wait"])
        else if (is["begins"] !== undefined) yield* begin(name)
        else if (is["ends"] !== undefined) yield* end(is["ends"])
        else if (is["clock"] !== undefined) {
          const millis = Math.round(Number(is["time"]) * 1_000)
          yield* is["clock"] === "@" ? TestClock.setTime(millis) : TestClock.adjust(millis)
        } else if (is["control"] !== undefined) yield* control(is["control"], port.keyOf(name))
        else if (is["waiting"] !== undefined) yield* waiting(at, is["waiting"], name)
        else yield* check(at, port.keyOf(name), is)
      }
    }
    return started
  })

/** A case: its title, its script, and options besides those of all. */
export type Case = readonly [title: string, script: string, options?: CircuitBreaker.Options]

/** A call as one effect, in two steps, and as a stream. */
export const everyWay = { protect: byProtect, admit: byAdmit, protectStream: byStream }

/** Makes a test of every case on every port. */
export const playAll = (
  ports: Readonly<Record<string, MakePort>>,
  options: CircuitBreaker.Options,
  cases: ReadonlyArray<Case>
): void => {
  for (const [title, script, own] of cases) {
    if (!proves.test(title)) throw new Error(`the title does not begin with what it proves: ${title}`)
    for (const [where, make] of Object.entries(ports)) {
      it.scoped(`${title}, ${where}`, () =>
        Effect.gen(function* () {
          const port = yield* make({ ...options, ...own })
          yield* play(port, script)
        })
      )
    }
  }
}
