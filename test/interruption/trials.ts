/** Runs of programs that are interrupted, each on a circuit of its own, and what must be so afterwards. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { setImmediate as nextTurn } from "node:timers/promises"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import type { Form, Program } from "./programs.ts"
import { bodies, endless, Stage, waiting } from "./programs.ts"
import { leastOperations } from "../kit/PointScheduler.ts"
import type { Trial } from "./Sweep.ts"
import { clock, runNow, sweep } from "./Sweep.ts"
import type { Breaker, Way } from "./ways.ts"
import { classify } from "./ways.ts"

export interface Start {
  readonly options: CircuitBreaker.Options
  /** The number of probes that have to succeed before it closes, if it begins HalfOpen. */
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

export const starts: Record<string, Start> = {
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

export class Trials {
  private readonly way: Way
  private readonly breakers = new Map<Start, Breaker>()
  private readonly scope = runNow(Scope.make())
  private count = 0

  constructor(way: Way) {
    this.way = way
  }

  close(): void {
    runNow(Scope.close(this.scope, Exit.void))
  }

  /**
   * Interrupts every body in this form at points that are so far apart, other ones each time and for another `shift`, and
   * counts what was done.
   */
  async sweepFrom(start: Start, form: Form, { apart, shift }: Spread): Promise<Swept> {
    const swept = { programs: 0, offsets: 0 }
    for (const [what, body] of Object.entries(bodies)) {
      if (endless.includes(what) && !form.isInterruptible) continue
      const takesTurns = start.probes === 1 && form.forks && waiting.includes(what) && !this.way.isLong
      // Fibers take turns where there are several, and something to lose.
      for (const operationsAtATime of takesTurns ? [leastOperations, Infinity] : [Infinity]) {
        // The programs never yield to the event loop, and the test runner needs to reach its worker.
        await nextTurn()
        // A slot that can be lost is lost by many programs, and they are interrupted at different points.
        const points = { first: 1 + ((shift + swept.programs) % apart), apart }
        const { offsets, hung } = sweep(operationsAtATime, () => this.trialOf(start, form, body), points)
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

  trialOf(start: Start, form: Form, body: (stage: Stage) => Program): Trial {
    const { outcomes, protect: protectBy } = this.way
    const breaker = this.breakerFor(start)
    const key = `trial ${this.count++}`
    const protect = (program: Program): Program => protectBy(breaker, key, program)
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
        assert.isAtMost(settled + totals.rejected, calls * outcomes, "more calls are counted than were made")
        // a failed probe fences out the one beside it
        const fencedOut = state._tag === "Open" ? calls - 1 : 0
        assert.isAtLeast(settled, stage.started - fencedOut, "a call that had started is not counted")
        if (offset === undefined && form.isSteady) {
          assert.isAtLeast(settled, calls, "a call that ran to its end is not counted")
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

  /** A breaker for all trials from a start; each has a circuit of its own. */
  private breakerFor(start: Start): Breaker {
    let breaker = this.breakers.get(start)
    if (breaker === undefined) {
      const options = { openDuration: openMillis, classify, capacity: 10, ...start.options }
      breaker = runNow(Scope.extend(CircuitBreaker.make(options), this.scope))
      this.breakers.set(start, breaker)
    }
    return breaker
  }
}

export interface Spread {
  readonly apart: number
  readonly shift: number
}

export interface Swept {
  readonly programs: number
  readonly offsets: number
}
