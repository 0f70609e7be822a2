/** R3.2.4: wherever an interruption falls, no slot is lost. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { setImmediate as nextTurn } from "node:timers/promises"
import { CircuitBreaker, Outcome, TripPolicy } from "effect-circuit-breaker"
import { once } from "../once.ts"
import { inLongRun } from "../runLength.ts"
import type { Form, Program } from "./programs.ts"
import { bodies, endless, forms, Stage, waiting } from "./programs.ts"
import { leastOperations } from "./PointScheduler.ts"
import { clock, runNow, runToEnd, sweep } from "./Sweep.ts"
import type { Trial } from "./Sweep.ts"

type Breaker = CircuitBreaker.CircuitBreaker

interface Start {
  readonly options: CircuitBreaker.Options
  /** How many probes have to succeed before it closes, if it begins HalfOpen. */
  readonly probes: number
  readonly isClosed: boolean
  readonly prepare: (breaker: Breaker, key: string) => void
}

// longer than anything that a trial waits for
const openMillis = 10_000

const toHalfOpen = (breaker: Breaker, key: string): void => {
  runNow(breaker.trip(key))
  clock.advance(openMillis)
}

const starts: Record<string, Start> = {
  Closed: { options: {}, probes: 0, isClosed: true, prepare: () => {} },
  "Closed, looking for slow calls": {
    options: {
      tripPolicy: TripPolicy.slowCallRate({ slowerThan: "1 day", threshold: 1, calls: 100 })
    },
    probes: 0,
    isClosed: true,
    prepare: () => {}
  },
  HalfOpen: { options: {}, probes: 1, isClosed: false, prepare: toHalfOpen },
  "HalfOpen for two probes": {
    options: { halfOpen: { probes: 2 } },
    probes: 2,
    isClosed: false,
    prepare: toHalfOpen
  },
  Recovering: {
    options: { recovery: { duration: "1 day", from: 1 } },
    probes: 0,
    isClosed: false,
    prepare: (breaker, key) => {
      toHalfOpen(breaker, key)
      runNow(breaker.protectWith(Effect.void, { key }))
    }
  }
}

/** A breaker for all trials from a start; each has a circuit of its own. */
const breakers = new Map<Start, Breaker>()
const scope = runNow(Scope.make())
afterAll(() => runNow(Scope.close(scope, Exit.void)))

const breakerFor = (start: Start): Breaker => {
  let breaker = breakers.get(start)
  if (breaker === undefined) {
    const made = CircuitBreaker.make({
      openDuration: openMillis,
      classify: Outcome.ignoreWhen((error) => error === "not found"),
      capacity: 10,
      ...start.options
    })
    breaker = runNow(Scope.extend(made, scope))
    breakers.set(start, breaker)
  }
  return breaker
}

let trials = 0

const trialOf = (start: Start, form: Form, body: (stage: Stage) => Program): Trial => {
  const breaker = breakerFor(start)
  const key = `trial ${trials++}`
  const protect = (program: Program): Program => breaker.protectWith(program, { key })
  const stage = new Stage()
  start.prepare(breaker, key)
  const { totals: before } = runNow(breaker.snapshot(key))
  return {
    program: form.wrap(protect, Effect.zipRight(stage.entered, body(stage))),
    events: stage.events,
    afterwards: ({ offset }) => {
      const { state, totals, window } = runNow(breaker.snapshot(key))
      const succeeded = totals.succeeded - before.succeeded
      const settled = succeeded + totals.failed + totals.ignored
      const calls = (start.isClosed ? form.callsWhileClosed : undefined) ?? form.calls
      assert.isAtMost(settled + totals.rejected, calls, "more calls are counted than were made")
      // a failed probe fences out the one beside it
      const fencedOut = state._tag === "Open" ? calls - 1 : 0
      assert.isAtLeast(settled, stage.started - fencedOut, "a call that had started is not counted")
      if (offset === undefined && form.isSteady) {
        assert.strictEqual(settled, calls, "a call that ran to its end is not counted")
      }
      switch (state._tag) {
        case "Closed":
          if (start.isClosed) assert.strictEqual(totals.rejected, 0)
          if (start.isClosed) assert.strictEqual(window.failures, totals.failed)
          else assert.isAtLeast(succeeded, start.probes, "closed without its probes")
          break
        case "HalfOpen":
          assert.strictEqual(state.probing, 0, "a slot is lost")
          assert.strictEqual(state.succeeded, succeeded)
          assert.strictEqual(totals.failed, 0)
          break
        case "Open":
          assert.isAbove(totals.failed, 0, "opened without a failure")
          assert.isAbove(start.probes, 0)
          clock.advance(openMillis)
          break
        default:
          assert.strictEqual(state._tag, "Recovering")
          assert.strictEqual(start.probes, 0)
          assert.strictEqual(totals.rejected, 0)
      }
      const left = state._tag === "HalfOpen" ? start.probes - state.succeeded : Math.max(1, start.probes)
      for (let probe = 0; probe < left; probe++) {
        assert.strictEqual(runNow(breaker.protectWith(Effect.succeed("next"), { key })), "next")
      }
      if (start.probes > 0) assert.strictEqual(runNow(breaker.state(key))._tag, "Closed")
      // or it would have to be dropped, one day
      else runNow(breaker.reset(key))
    }
  }
}

/** An exit in words, without the fibers that were interrupted. */
const describeExit = (exit: Exit.Exit<unknown, unknown> | null): unknown => {
  if (exit === null) return "none"
  if (Exit.isFailure(exit)) {
    return {
      failures: Chunk.toReadonlyArray(Cause.failures(exit.cause)).map(String),
      defects: Chunk.toReadonlyArray(Cause.defects(exit.cause)).map(String),
      isInterrupted: Cause.isInterrupted(exit.cause)
    }
  }
  return Exit.isExit(exit.value) ? describeExit(exit.value) : exit.value
}

/** How much a fiber does at a time. Fibers take turns where there are several, and something to lose. */
const turnsOf = (start: Start, form: Form, what: string): ReadonlyArray<number> =>
  start.probes === 1 && form.forks && waiting.includes(what) ? [leastOperations, Infinity] : [Infinity]

// A slot that can be lost is lost by many programs, and they are interrupted at different points.
const apart = inLongRun(1, 5)

const sweepFrom = async (start: Start, form: Form) => {
  const swept = { programs: 0, offsets: 0 }
  for (const [what, body] of Object.entries(bodies)) {
    if (endless.includes(what) && !form.isInterruptible) continue
    for (const operationsAtATime of turnsOf(start, form, what)) {
      // The programs never wait for anything, and the test runner has to hear from its worker.
      await nextTurn()
      const points = { first: 1 + (swept.programs % apart), apart }
      const { offsets, hung } = sweep(operationsAtATime, () => trialOf(start, form, body), points)
      const hangs = form.hangs ?? 0
      assert.isAtLeast(offsets, 5, what)
      assert.isAtMost(hung, hangs, what)
      if (apart === 1) assert.strictEqual(hung, hangs, what)
      swept.programs++
      swept.offsets += Math.floor(offsets / apart)
    }
  }
  return swept
}

const sweeps: Record<string, () => ReturnType<typeof sweepFrom>> = {}
for (const [state, start] of Object.entries(starts)) {
  for (const [how, form] of Object.entries(forms)) {
    sweeps[`from ${state}, ${how}`] = once(() => sweepFrom(start, form))
  }
}

describe(
  `R3.2.4 interrupted at ${apart === 1 ? "every point" : `every ${apart}th point`}`,
  { timeout: 1_200_000 },
  () => {
    for (const [name, swept] of Object.entries(sweeps)) {
      it(name, async () => {
        await swept()
      })
    }

    it("sweeps enough of them", async () => {
      const all = { programs: 0, offsets: 0 }
      for (const swept of Object.values(sweeps)) {
        const { offsets, programs } = await swept()
        all.programs += programs
        all.offsets += offsets
      }
      if (process.env["SWEEP_REPORT"] !== undefined) console.log(all)
      assert.isAtLeast(all.programs, 800)
      assert.isAtLeast(all.offsets, 45_000 / apart)
    })
  }
)

describe("R3.1.2 and uninterrupted", () => {
  for (const [state, start] of Object.entries(starts)) {
    it(`from ${state}, everything ends as it does without a breaker`, async () => {
      for (const [how, form] of Object.entries(forms)) {
        await nextTurn()
        for (const [what, body] of Object.entries(bodies)) {
          if (!form.isSteady) continue
          const bare = new Stage()
          const expected = runToEnd({
            program: form.wrap((body) => body, body(bare)),
            events: bare.events,
            afterwards: () => {}
          })
          const exit = runToEnd(trialOf(start, form, body))
          assert.deepStrictEqual(describeExit(exit), describeExit(expected), `${how}, ${what}`)
        }
      }
    })
  }
})
