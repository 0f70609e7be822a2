/** Late outcomes: the circuit has changed, the call has lost its slot, or the key has another circuit. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { type CircuitBreaker, Outcome, TripPolicy } from "effect-circuit-breaker"
import { type Breaker, fails, leavesAsItWas, make, startCall, works } from "../kit/index.ts"

const key = "a"
const hint = Outcome.failure({ retryAfter: "30 minutes" })
const classify = (exit: Exit.Exit<string, string>) => (Exit.isSuccess(exit) ? Outcome.success : hint)

/** The ways in which a call may end. */
type Endings = Record<string, Effect.Effect<unknown>>

const ways: Record<string, (breaker: Breaker) => Effect.Effect<Endings>> = {
  protect: (breaker) =>
    Effect.map(
      startCall((effect) => breaker.protectWith(effect, { key, classify })),
      (call) => {
        const reaches = (exit: Exit.Exit<string, string>) =>
          Effect.map(call.end(exit), (received) => assert.deepStrictEqual(received, exit))
        return {
          success: reaches(Exit.succeed("late")),
          failure: reaches(Exit.fail("late")),
          defect: reaches(Exit.die("late")),
          interruption: call.interrupt
        }
      }
    ),
  "protect with the default classifier": (breaker) =>
    Effect.map(
      startCall((effect) => breaker.protectWith(effect, { key })),
      (call) => ({ success: call.end(Exit.succeed("late")) })
    ),
  admit: (breaker) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { settle } = yield* Effect.orDie(Scope.extend(breaker.admit(key), scope))
      return {
        success: settle(Outcome.success),
        failure: settle(hint),
        ignored: settle(Outcome.ignored),
        "end of the scope": Scope.close(scope, Exit.void)
      }
    })
}

interface Situation {
  readonly options?: CircuitBreaker.Options
  /** The actions before the call begins. */
  readonly before?: (breaker: Breaker) => Effect.Effect<unknown, unknown>
  /** The actions between its beginning and its end. */
  readonly meanwhile: (breaker: Breaker) => Effect.Effect<unknown, unknown, Scope.Scope>
}

const run = (...effects: ReadonlyArray<Effect.Effect<unknown, unknown>>) => Effect.all(effects)
const fail = (breaker: Breaker) => Effect.exit(breaker.protectWith(fails, { key }))
const work = (breaker: Breaker) => breaker.protectWith(works, { key })
const probe = (breaker: Breaker) => startCall(breaker.protectWith({ key }))
const openTime = TestClock.adjust("10 seconds")
const toHalfOpen = (breaker: Breaker) => run(breaker.trip(key), openTime)

const situations: Record<string, Situation> = {
  "R3.2.6 while Open (opossum 10, davenverse/circuit, cockatiel 4, couchbase#191)": {
    meanwhile: (breaker) => run(fail(breaker), TestClock.adjust("6 seconds"))
  },
  "R3.2.6 while HalfOpen (cockatiel 4)": {
    options: { halfOpen: { probes: 3 } },
    meanwhile: (breaker) => run(toHalfOpen(breaker), work(breaker), probe(breaker))
  },
  "R3.2.6 in a new Closed window (cockatiel 4)": {
    options: { tripPolicy: TripPolicy.consecutive(2) },
    meanwhile: (breaker) => run(toHalfOpen(breaker), work(breaker), fail(breaker))
  },
  "R3.1.4 R3.2.6 and slowly, in a new Closed window": {
    options: { tripPolicy: TripPolicy.slowCallRate({ slowerThan: "1 second", threshold: 1, calls: 1 }) },
    meanwhile: (breaker) => run(breaker.reset(key), TestClock.adjust("1 second"))
  },
  "R3.2.6 of a probe, once another has reopened": {
    options: { halfOpen: { probes: 2 } },
    before: toHalfOpen,
    meanwhile: fail
  },
  "R3.2.6 of a probe, in the next half-open, whose slots it does not free (failsafe#391)": {
    options: { halfOpen: { probes: 2 } },
    before: toHalfOpen,
    meanwhile: (breaker) => run(fail(breaker), openTime, probe(breaker))
  },
  "R3.2.5 of a probe whose lease has expired": {
    before: toHalfOpen,
    meanwhile: () => TestClock.adjust("1 minute")
  },
  "R3.2.5 of a probe whose slot another call has taken (nora#667)": {
    before: toHalfOpen,
    meanwhile: (breaker) => run(TestClock.adjust("1 minute"), probe(breaker))
  },
  "R3.2.9 once the recovery has ended": {
    options: { recovery: { duration: "100 seconds", from: 1 } },
    before: (breaker) => run(toHalfOpen(breaker), work(breaker)),
    meanwhile: () => TestClock.adjust("100 seconds")
  },
  "R3.2.6 once its circuit was dropped to make room, and the key has another": {
    options: { capacity: 1 },
    meanwhile: (breaker) => run(breaker.protectWith(works, { key: "another" }), work(breaker))
  },
  "R3.2.6 once its circuit was dropped when idle, and the key has another": {
    options: { idleTimeToLive: "1 minute" },
    meanwhile: (breaker) => run(TestClock.adjust("1 minute"), work(breaker))
  }
}

const controls: Record<string, (breaker: Breaker) => Effect.Effect<unknown, never, Scope.Scope>> = {
  trip: (breaker) => breaker.trip(key),
  "trip of an Open circuit": (breaker) => Effect.zipRight(breaker.trip(key), breaker.trip(key)),
  reset: (breaker) => breaker.reset(key),
  isolate: (breaker) => breaker.isolate(key),
  "the end of an isolation": (breaker) => Effect.scoped(breaker.isolate(key)),
  disable: (breaker) => breaker.disable(key),
  "the end of a disabling": (breaker) => Effect.scoped(breaker.disable(key))
}

for (const [name, meanwhile] of Object.entries(controls)) {
  situations[`R3.3 R3.2.6 after ${name}`] = { meanwhile }
  situations[`R3.3 R3.2.6 of a probe, after ${name}`] = { before: toHalfOpen, meanwhile }
}

describe("R3.2.6 a late outcome reaches its caller and changes nothing", () => {
  for (const [situation, { before, meanwhile, options }] of Object.entries(situations)) {
    for (const [way, begin] of Object.entries(ways)) {
      it.scoped(`${situation}, ${way}`, () =>
        Effect.gen(function* () {
          const endings = Object.keys(yield* begin(yield* make()))
          for (const ending of endings) {
            const breaker = yield* make(options)
            yield* before?.(breaker) ?? Effect.void
            const late = yield* begin(breaker)
            yield* meanwhile(breaker)

            yield* leavesAsItWas(breaker, late[ending]!)
          }
        })
      )
    }
  }
})
