/**
 * Tests as scripts: the actions on a circuit and the expected observations, in one line. A script runs on every port, that
 * is, every way to make guarded calls: `protect`, `admit`, `protectStream`, an HTTP client, a server's middleware.
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
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import type { CircuitBreaker, Transition } from "effect-circuit-breaker"
import { keysOf, windowOf } from "./breakers.ts"
import { settled } from "./calls.ts"
import { watch } from "./observers.ts"
import type { Answer, Ending, MakePort, Port } from "./ports.ts"
import { proves } from "./titles.ts"

interface Begun {
  readonly gate: Deferred.Deferred<Ending>
  readonly interrupted: Deferred.Deferred<void>
  readonly fiber: Fiber.RuntimeFiber<Answer>
}

/** The calls, holds and waiters that a script has begun so far. */
class Stage {
  started = 0
  serial = 0
  /** The number of transitions that were checked. */
  asked = 0
  readonly begun: Array<Begun> = []
  readonly isolations: Array<Scope.CloseableScope> = []
  readonly disablings: Array<Scope.CloseableScope> = []
  readonly waiters = new Map<string, Fiber.RuntimeFiber<void>>()
  readonly port: Port
  readonly seen: ReadonlyArray<Transition.Transition>

  constructor(port: Port, seen: ReadonlyArray<Transition.Transition>) {
    this.port = port
    this.seen = seen
  }

  ask(name: string, ending: Effect.Effect<Ending>): Effect.Effect<Answer> {
    const reached = Effect.suspend(() => {
      this.started++
      return ending
    })
    return this.port.ask(name, reached)
  }
}

/** The context of a step. */
interface Place {
  readonly stage: Stage
  /** The name of its circuit. */
  readonly name: string
  readonly key: string | undefined
  /** The position of the step, for the message of a failure. */
  readonly at: string
}

const call = ({ at, name, stage }: Place, how: string, hint: string) => {
  const ending = `${how}${++stage.serial}${hint}`
  return Effect.map(stage.ask(name, Effect.succeed(ending)), (answer) =>
    assert.strictEqual(answer, ending, at)
  )
}

const rejected = ({ at, name, stage }: Place, seconds: string) => {
  const before = stage.started
  return Effect.map(stage.ask(name, Effect.succeed("s")), (answer) => {
    assert.isObject(answer, `${at}: the call was not rejected`)
    if (seconds !== "") assert.deepStrictEqual(answer, { rejectedFor: Number(seconds) }, at)
    assert.strictEqual(stage.started, before, at)
  })
}

const begin = ({ at, name, stage }: Place) =>
  Effect.gen(function* () {
    const gate = yield* Deferred.make<Ending>()
    const interrupted = yield* Deferred.make<void>()
    const running = yield* Deferred.make<void>()
    const waits = Effect.zipRight(Deferred.succeed(running, undefined), Deferred.await(gate)).pipe(
      Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined))
    )
    const fiber = yield* Effect.fork(stage.ask(name, waits))
    const hasEnded = Effect.flatMap(Fiber.join(fiber), () =>
      Effect.dieMessage(`${at}: the call was rejected`)
    )
    yield* Effect.raceFirst(Deferred.await(running), hasEnded)
    stage.begun.push({ gate, interrupted, fiber })
  })

const end = ({ at, stage }: Place, how: string) =>
  Effect.gen(function* () {
    const { fiber, gate, interrupted } = stage.begun.shift()!
    if (how === "x") {
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)), at)
      return yield* Effect.zipRight(Deferred.await(interrupted), settled)
    }
    const ending = `${how}${++stage.serial}`
    yield* Deferred.succeed(gate, ending)
    assert.strictEqual(yield* Fiber.join(fiber), ending, at)
  })

const hold = ({ key, stage }: Place, kind: "isolate" | "disable", holds: Array<Scope.CloseableScope>) =>
  Effect.flatMap(Scope.make(), (scope) => {
    holds.push(scope)
    return Scope.extend(stage.port.breaker[kind](key), scope)
  })

const giveBack = (holds: Array<Scope.CloseableScope>) => Scope.close(holds.shift()!, Exit.void)

const controls: Record<string, (place: Place) => Effect.Effect<void>> = {
  trip: ({ key, stage }) => stage.port.breaker.trip(key),
  reset: ({ key, stage }) => stage.port.breaker.reset(key),
  isolate: (place) => hold(place, "isolate", place.stage.isolations),
  release: ({ stage }) => giveBack(stage.isolations),
  disable: (place) => hold(place, "disable", place.stage.disablings),
  enable: ({ stage }) => giveBack(stage.disablings),
  wait: ({ key, name, stage }) =>
    Effect.fork(stage.port.breaker.awaitReady(key)).pipe(
      Effect.map((fiber) => void stage.waiters.set(name, fiber)),
      Effect.zipLeft(settled)
    )
}

const waits = ({ at, name, stage }: Place, what: string) =>
  Effect.map(settled, () =>
    assert.strictEqual(stage.waiters.get(name)!.unsafePoll() === null, what === "waits", at)
  )

const transitions = ({ at, stage }: Place, path: string) =>
  Effect.map(settled, () => {
    const since = stage.seen.slice(stage.asked).map(({ to }) => `>${to}`)
    stage.asked = stage.seen.length
    assert.strictEqual(since.join("") || ">", path, at)
  })

const figures: Record<string, (state: CircuitBreaker.CircuitState) => number | undefined> = {
  "/": (state) => ("openings" in state ? state.openings : undefined),
  "~": (state) => (state._tag === "Open" ? Duration.toSeconds(state.retryAfter) : undefined),
  "*": (state) => (state._tag === "Recovering" ? state.admitting : undefined),
  "?": (state) => (state._tag === "HalfOpen" ? state.probing : undefined),
  "!": (state) => (state._tag === "HalfOpen" ? state.succeeded : undefined)
}

const figure = ({ at, key, stage }: Place, what: string, expected: string) =>
  Effect.map(stage.port.breaker.state(key), (state) =>
    assert.approximately(figures[what]!(state) ?? NaN, Number(expected), 1e-9, at)
  )

const millisOf = (seconds: string) => Math.round(Number(seconds) * 1_000)

type Step = (place: Place, ...parts: ReadonlyArray<string>) => Effect.Effect<unknown>

/** The kinds of steps by their patterns, which capture the parts of a step. */
const steps: ReadonlyArray<readonly [pattern: RegExp, step: Step]> = [
  [/^([sfu])(~[\d.]+|~Infinity|)$/, (place, how, hint) => call(place, how!, hint!)],
  [/^-([\d.]*)$/, (place, seconds) => rejected(place, seconds!)],
  [/^\($/, begin],
  [/^\)([sfux])$/, (place, how) => end(place, how!)],
  [/^@([\d.]+)$/, (_, seconds) => TestClock.setTime(millisOf(seconds!))],
  [/^\+([\d.]+)$/, (_, seconds) => TestClock.adjust(millisOf(seconds!))],
  [/^(trip|reset|isolate|release|disable|enable|wait)$/, (place, what) => controls[what!]!(place)],
  [/^(waits|ready)$/, (place, what) => waits(place, what!)],
  [
    /^=(\w+)$/,
    ({ at, key, stage }, tag) =>
      Effect.map(stage.port.breaker.state(key), ({ _tag }) => assert.strictEqual(_tag, tag, at))
  ],
  [/^([~/?!*])([\d.]+)$/, (place, what, expected) => figure(place, what!, expected!)],
  [
    /^#(\d+)$/,
    ({ at, key, stage }, expected) =>
      Effect.map(windowOf(stage.port.breaker, key), ({ failures }) =>
        assert.strictEqual(failures, Number(expected), at)
      )
  ],
  [
    /^\{([\w,]*)\}$/,
    ({ at, stage }, keys) =>
      Effect.map(keysOf(stage.port.breaker), (held) => assert.strictEqual(held.join(), keys, at))
  ],
  [/^((?:>\w+)+|>)$/, (place, path) => transitions(place, path!)]
]

const run = (place: Place, written: string): Effect.Effect<unknown> => {
  for (const [pattern, step] of steps) {
    const match = pattern.exec(written)
    if (match !== null) return Effect.suspend(() => step(place, ...match.slice(1)))
  }
  return assert.fail(`${place.at}: there is no such step`)
}

/** Plays a script, checks each of its steps, and returns the number of calls that were started. */
export const play = (port: Port, script: string) =>
  Effect.gen(function* () {
    const stage = new Stage(port, yield* watch(port.breaker.transitions))
    for (const [i, written] of script.split(/\s+/).entries()) {
      const [, name = "", times, step] = /^(?:(\w+):)?(\d+(?=[sfu-]))?(.+)$/.exec(written)!
      const place = { stage, name, key: port.keyOf(name), at: `step ${i + 1}, ${written}, of ${script}` }
      yield* Effect.repeatN(run(place, step!), Number(times ?? 1) - 1)
    }
    return stage.started
  })

/** A case: its title, its script, and options besides those of all. */
export type Case = readonly [title: string, script: string, options?: CircuitBreaker.Options]

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
