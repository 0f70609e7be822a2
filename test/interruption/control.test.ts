/** A control that is interrupted at any point leaves nothing behind: no isolation, no disabling, no waiter. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { setImmediate as nextTurn } from "node:timers/promises"
import { CircuitBreakerRegistry } from "effect-circuit-breaker"
import { Breaker } from "../../src/internal/breaker/breaker.ts"
import { awaitReady } from "../../src/internal/breaker/awaitReady.ts"
import * as controls from "../../src/internal/breaker/controls.ts"
import { decode } from "../../src/internal/circuitBreaker/options.ts"
import { state } from "../../src/internal/breaker/reading.ts"
import { inLongRun } from "../kit/runLength.ts"
import { leastOperations } from "../kit/PointScheduler.ts"
import type { Program } from "./programs.ts"
import type { Trial } from "./Sweep.ts"
import { clock, runNow, sweep } from "./Sweep.ts"

const openMillis = 10_000

/** The internal breaker behind the service, which shows its waiters. */
const newBreaker: Effect.Effect<Breaker> = Effect.flatMap(
  CircuitBreakerRegistry.CircuitBreakerRegistry,
  (registry) =>
    Effect.withFiberRuntime((caller) =>
      Effect.succeed(
        new Breaker(
          { settings: decode({ openDuration: openMillis }), publish: registry.unsafePublish },
          caller
        )
      )
    )
)

const stateNow = (breaker: Breaker): string =>
  runNow(Effect.map(state(breaker, "default"), ({ _tag }) => _tag))

interface Control {
  readonly prepare: (breaker: Breaker) => void
  readonly program: (breaker: Breaker) => Program
  readonly events: (breaker: Breaker) => ReadonlyArray<() => void>
  readonly after: string
}

const later = () => [() => clock.advance(openMillis)]

const waitsFrom: Pick<Control, "prepare" | "program"> = {
  prepare: (breaker) => runNow(controls.trip(breaker, undefined)),
  program: (breaker) => awaitReady(breaker)
}

type Hold = (breaker: Breaker) => Effect.Effect<void, never, Scope.Scope>

const isolate: Hold = (breaker) => controls.isolate(breaker, undefined)
const disable: Hold = (breaker) => controls.disable(breaker, undefined)

/** Holds the circuit by one control, and within that by another one, if given. */
const held = (outer: Hold, inner?: Hold): Control => ({
  prepare: () => {},
  program: (breaker) => {
    const within =
      inner === undefined
        ? Effect.yieldNow()
        : Effect.scoped(Effect.zipRight(inner(breaker), Effect.yieldNow()))
    return Effect.scoped(Effect.zipRight(outer(breaker), within))
  },
  events: () => [],
  after: "Closed"
})

const programs: Record<string, Control> = {
  isolate: held(isolate),
  "isolate, nested": held(isolate, isolate),
  disable: held(disable),
  "disable, nested": held(disable, disable),
  "disable, isolated meanwhile": held(disable, isolate),
  "disable while isolated": held(isolate, disable),
  "awaitReady, for the time": { ...waitsFrom, events: later, after: "HalfOpen" },
  "awaitReady, for a change": {
    ...waitsFrom,
    events: (breaker) => [() => runNow(controls.reset(breaker, undefined))],
    after: "Closed"
  },
  "awaitReady, of several": {
    ...waitsFrom,
    program: (breaker) => Effect.zipRight(Effect.fork(awaitReady(breaker)), awaitReady(breaker)),
    events: later,
    after: "HalfOpen"
  }
}

// At a third of the points, which are others in the second sweep.
const apart = inLongRun(1, 3)

describe("R3.3 a control that is interrupted", () => {
  for (const [name, { after, events, prepare, program }] of Object.entries(programs)) {
    it(`R3.3 ${name}, interrupted at every point or at many, leaves nothing behind`, async () => {
      for (const [i, operationsAtATime] of [leastOperations, Infinity].entries()) {
        await nextTurn()
        const makeTrial = (): Trial => {
          const breaker = runNow(newBreaker)
          prepare(breaker)
          return {
            program: program(breaker),
            events: events(breaker),
            afterwards: ({ offset }) => {
              const at = `at point ${offset}`
              assert.strictEqual(breaker.waiters["byKey"].size, 0, `somebody is still waited for, ${at}`)
              assert.strictEqual(stateNow(breaker), after, at)
            }
          }
        }
        const { hung, offsets } = sweep(operationsAtATime, makeTrial, { first: 1 + (i % apart), apart })
        assert.strictEqual(hung, 0)
        assert.isAtLeast(offsets, 10)
      }
    })
  }
})
