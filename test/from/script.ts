/**
 * The founding libraries' cases, written as scripts: each runs against every port, in one process and over HTTP.
 *
 * | step | meaning |
 * | --- | --- |
 * | `s` `f` `u` | a call that succeeds, fails, or ends in an error that is not listed; its caller gets that very result |
 * | `-` `-20` | a call that is rejected and never started, with 20 seconds to wait |
 * | `(` | a call that begins; `)s` `)f` end the one that has run longest, and `)x` interrupts its caller |
 * | `@2.999` | the time is 2.999 s |
 * | `=Open` | the state that is read |
 * | `#2` `?0` `/1` | failures in the window; probes that run; openings so far |
 *
 * A number before a call repeats it, and `p:` before a step is the name of its circuit: `p:4f p:- q:s`.
 */
import { assert, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, type CircuitOpenError, Outcome } from "effect-circuit-breaker"
import { type Breaker, settled, windowOf } from "../kit/index.ts"

/** How a guarded effect ends: `s`, `f` or `u`, and a number of its own. */
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

export const rejectedFor = ({ retryAfter }: CircuitOpenError): Answer => ({
  rejectedFor: Duration.toSeconds(retryAfter)
})

export const inProcess: MakePort = (options) =>
  Effect.map(CircuitBreaker.make(options), (breaker) => ({
    breaker,
    keyOf: (name) => (name === "" ? undefined : name),
    ask: (name, reached) =>
      Effect.flatMap(reached, (ending) =>
        ending.startsWith("s") ? Effect.succeed(ending) : Effect.fail(ending)
      ).pipe(
        name === "" ? breaker.protect : breaker.protectWith({ key: name }),
        Effect.catchAll((error) => Effect.succeed(typeof error === "string" ? error : rejectedFor(error)))
      )
  }))

const step = /^(?:(\w+):)?(?:(\d*)([sfu]|-([\d.]*))|(\()|\)([sfux])|@([\d.]+)|=(\w+)|#(\d+)|\?(\d+)|\/(\d+))$/

interface Begun {
  readonly gate: Deferred.Deferred<Ending>
  readonly interrupted: Deferred.Deferred<void>
  readonly fiber: Fiber.RuntimeFiber<Answer>
}

/** Plays a script, and checks each of its steps. */
export const play = (port: Port, script: string) =>
  Effect.gen(function* () {
    const begun: Array<Begun> = []
    let serial = 0
    let started = 0
    const reached = (ending: Effect.Effect<Ending>) =>
      Effect.suspend(() => {
        started++
        return ending
      })

    const call = (name: string, how: string) => {
      const ending = `${how}${++serial}`
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

    for (const [place, written] of script.split(" ").entries()) {
      const match = step.exec(written)
      assert.isNotNull(match, `not a step: ${written}`)
      const [, name = "", times, how, seconds, begins, ends, time, tag, failures, probing, openings] = match!
      const key = port.keyOf(name)
      const state = yield* port.breaker.state(key)
      const at = `step ${place + 1}, ${written}, of ${script}`
      if (how !== undefined) {
        const once = Effect.suspend(() =>
          how.startsWith("-") ? rejected(name, seconds ?? "") : call(name, how)
        )
        yield* Effect.repeatN(once, Number(times === "" ? 1 : times) - 1)
      } else if (begins !== undefined) yield* begin(name)
      else if (ends !== undefined) yield* end(ends)
      else if (time !== undefined) yield* TestClock.setTime(Math.round(Number(time) * 1_000))
      else if (tag !== undefined) assert.strictEqual(state._tag, tag, at)
      else if (failures !== undefined)
        assert.strictEqual((yield* windowOf(port.breaker, key)).failures, Number(failures), at)
      else if (probing !== undefined)
        assert.strictEqual(state._tag === "HalfOpen" ? state.probing : undefined, Number(probing), at)
      else assert.strictEqual("openings" in state ? state.openings : undefined, Number(openings), at)
    }
    return started
  })

/** A case: its title, its script, and options besides the library's own. */
export type Case = readonly [title: string, script: string, options?: CircuitBreaker.Options]

/** Makes a test of every case on every port. */
export const playAll = (
  ports: Readonly<Record<string, MakePort>>,
  options: CircuitBreaker.Options,
  cases: ReadonlyArray<Case>
): void => {
  for (const [title, script, own] of cases) {
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
