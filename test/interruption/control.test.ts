/** Wherever an interruption falls, a control leaves nothing behind: no isolation, and nobody who waits. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { setImmediate as nextTurn } from "node:timers/promises"
import { CircuitBreakerRegistry } from "effect-circuit-breaker"
import { Breaker } from "../../src/internal/breaker.ts"
import * as controls from "../../src/internal/controls.ts"
import { decode } from "../../src/internal/options.ts"
import { stateOf } from "../../src/internal/reading.ts"
import { inLongRun } from "../runLength.ts"
import { leastOperations } from "./PointScheduler.ts"
import type { Program } from "./programs.ts"
import { clock, runNow, sweep } from "./Sweep.ts"
import type { Trial } from "./Sweep.ts"

const openMillis = 10_000

/** Not the service but what is behind it, to see who waits. */
const newBreaker: Effect.Effect<Breaker> = Effect.flatMap(
  CircuitBreakerRegistry.CircuitBreakerRegistry,
  (registry) =>
    Effect.withFiberRuntime((caller) =>
      Effect.succeed(new Breaker(decode({ openDuration: openMillis }), registry, caller))
    )
)

const stateNow = (breaker: Breaker): string =>
  runNow(
    Effect.withFiberRuntime((caller) => {
      const now = breaker.now(caller)
      return Effect.succeed(stateOf(breaker, breaker.circuits.find("default", now), now)._tag)
    })
  )

interface Control {
  readonly prepare: (breaker: Breaker) => void
  readonly program: (breaker: Breaker) => Program
  readonly events: (breaker: Breaker) => ReadonlyArray<() => void>
  readonly after: string
}

const later = () => [() => clock.advance(openMillis)]

const waitsFrom: Pick<Control, "prepare" | "program"> = {
  prepare: (breaker) => runNow(controls.trip(breaker, undefined)),
  program: (breaker) => controls.awaitReady(breaker)
}

const programs: Record<string, Control> = {
  isolate: {
    prepare: () => {},
    program: (breaker) =>
      Effect.scoped(Effect.zipRight(controls.isolate(breaker, undefined), Effect.yieldNow())),
    events: () => [],
    after: "Closed"
  },
  "isolate, nested": {
    prepare: () => {},
    program: (breaker) => {
      const twice = Effect.zipRight(
        controls.isolate(breaker, undefined),
        Effect.scoped(Effect.zipRight(controls.isolate(breaker, undefined), Effect.yieldNow()))
      )
      return Effect.scoped(twice)
    },
    events: () => [],
    after: "Closed"
  },
  "awaitReady, for the time": { ...waitsFrom, events: later, after: "HalfOpen" },
  "awaitReady, for a change": {
    ...waitsFrom,
    events: (breaker) => [() => runNow(controls.reset(breaker, undefined))],
    after: "Closed"
  },
  "awaitReady, of several": {
    ...waitsFrom,
    program: (breaker) =>
      Effect.zipRight(Effect.fork(controls.awaitReady(breaker)), controls.awaitReady(breaker)),
    events: later,
    after: "HalfOpen"
  }
}

// At a third of the points, which are others in the second sweep.
const apart = inLongRun(1, 3)

describe(`a control that is interrupted at ${apart === 1 ? "every point" : "many points"}`, () => {
  for (const [name, { after, events, prepare, program }] of Object.entries(programs)) {
    it(name, async () => {
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
              assert.strictEqual(breaker["waiting"].size, 0, `somebody is still waited for, ${at}`)
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
