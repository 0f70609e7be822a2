import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Scheduler from "effect/Scheduler"
import * as TestClock from "effect/TestClock"
import { Outcome, TripPolicy } from "effect-circuit-breaker"
import { runningCall } from "../../src/internal/breaker/call.ts"
import type { Breaker } from "./fixtures.ts"
import {
  counted,
  fails,
  make,
  makeHalfOpen,
  rejectionOf,
  settled,
  startCall,
  tagOf,
  totalsOf,
  transitionsOf,
  works
} from "./fixtures.ts"

const halfOpen = (probing: number, succeeded: number) => ({
  _tag: "HalfOpen" as const,
  probing,
  succeeded,
  openings: 1
})

const probesOf = (breaker: Breaker, howMany: number) =>
  Effect.replicateEffect(startCall(breaker.protect), howMany)

/** Interrupts the fiber that runs under it right before its n-th operation. */
const interruptingAt = (operation: number): Scheduler.Scheduler => {
  let operations = 0
  return {
    scheduleTask: (task, priority) => Scheduler.defaultScheduler.scheduleTask(task, priority),
    shouldYield: (fiber) => {
      operations++
      if (operations !== operation) return false
      fiber.unsafeInterruptAsFork(FiberId.none)
      return 0
    }
  }
}

describe("R3.2.3 HalfOpen", () => {
  it.scoped(
    "R3.2.3 by default one probe of many simultaneous callers runs, the rest are rejected at once",
    () =>
      Effect.gen(function* () {
        const breaker = yield* makeHalfOpen()
        const call = counted(Effect.never)
        const fibers = yield* Effect.replicateEffect(Effect.fork(breaker.protect(call.effect)), 10)
        yield* settled

        const ended = fibers.filter((fiber) => fiber.unsafePoll() !== null)

        assert.strictEqual(call.runs, 1)
        assert.strictEqual(ended.length, 9)
        assert.strictEqual((yield* totalsOf(breaker)).rejected, 9)
        yield* Fiber.interruptAll(fibers)
      })
  )

  it.scoped("R3.2.3 admits while probing + succeeded is below probes", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen({ halfOpen: { probes: 3 } })
      const [first, second] = yield* probesOf(breaker, 3)
      assert.deepStrictEqual(yield* breaker.state(), halfOpen(3, 0))
      const error = yield* rejectionOf(breaker.protect(works))
      assert.strictEqual(error.state, "HalfOpen")

      yield* first!.end(Exit.succeed("well"))
      assert.deepStrictEqual(yield* breaker.state(), halfOpen(2, 1))
      yield* rejectionOf(breaker.protect(works))

      yield* second!.interrupt
      assert.deepStrictEqual(yield* breaker.state(), halfOpen(1, 1))
      yield* startCall(breaker.protect)
      assert.deepStrictEqual(yield* breaker.state(), halfOpen(2, 1))
      yield* rejectionOf(breaker.protect(works))
    })
  )

  it.scoped("R3.2.3 probes successes close it, one fewer does not", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen({ halfOpen: { probes: 3 } })

      const first = yield* transitionsOf(breaker, Effect.repeatN(breaker.protect(works), 1))
      const last = yield* transitionsOf(breaker, breaker.protect(works))

      assert.deepStrictEqual(first, ["Open > HalfOpen"])
      assert.deepStrictEqual(last, ["HalfOpen > Closed"])
    })
  )

  it.scoped("R3.2.3 probes successes start Recovering where recovery is asked for", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen({ recovery: { duration: "1 minute" } })

      const transitions = yield* transitionsOf(breaker, breaker.protect(works))

      assert.deepStrictEqual(transitions, ["Open > HalfOpen", "HalfOpen > Recovering"])
    })
  )

  it.scoped("R3.2.3 one failure reopens it by default, even after successes", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen({ halfOpen: { probes: 3 } })
      yield* breaker.protect(works)
      yield* breaker.protect(works)

      const transitions = yield* transitionsOf(breaker, Effect.flip(breaker.protect(fails)))

      assert.deepStrictEqual(transitions, ["HalfOpen > Open"])
    })
  )

  it.scoped("R3.2.3 failuresToReopen failures reopen it; those before give their slot back", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen({ halfOpen: { probes: 2, failuresToReopen: 3 } })
      yield* breaker.protect(works)
      yield* Effect.repeatN(Effect.flip(breaker.protect(fails)), 1)
      assert.deepStrictEqual(yield* breaker.state(), halfOpen(0, 1))

      yield* Effect.flip(breaker.protect(fails))

      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  )

  it.scoped("R3.2.3 a trip policy's minimum does not apply to probes", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen({
        tripPolicy: TripPolicy.failureRate({ threshold: 1, within: "1 hour", minimumCalls: 100 })
      })
      yield* breaker.trip()
      yield* TestClock.adjust("10 seconds")

      yield* Effect.flip(breaker.protect(fails))

      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  )
})

describe("R3.2.4 a probe that says nothing", () => {
  const ignoresNotFound = { classify: Outcome.ignoreWhen((error) => error === "not found") }
  const limiter = Effect.makeSemaphore(0)

  const silent: Record<string, (breaker: Breaker) => Effect.Effect<unknown, unknown>> = {
    "is interrupted": (breaker) => Effect.flatMap(startCall(breaker.protect), (probe) => probe.interrupt),
    "interrupts itself": (breaker) => Effect.exit(breaker.protect(Effect.interrupt)),
    "is Ignored": (breaker) => Effect.exit(breaker.protect(Effect.fail("not found"))),
    "never started because a limiter in between was full": (breaker) =>
      Effect.flatMap(limiter, (none) =>
        works.pipe(
          none.withPermitsIfAvailable(1),
          Effect.flatMap(Option.match({ onNone: () => Effect.fail("not found"), onSome: Effect.succeed })),
          breaker.protect,
          Effect.exit
        )
      ),
    "is given up by an outer timeout": (breaker) =>
      Effect.gen(function* () {
        const fiber = yield* breaker.protect(Effect.never).pipe(Effect.timeout("1 second"), Effect.fork)
        yield* TestClock.adjust("1 second")
        yield* Fiber.await(fiber)
      }),
    "is the loser of a race": (breaker) => Effect.race(breaker.protect(Effect.never), works)
  }

  for (const [what, run] of Object.entries(silent)) {
    it.scoped(`R3.2.4 gives its slot back and neither closes nor opens: ${what}`, () =>
      Effect.gen(function* () {
        const breaker = yield* makeHalfOpen(ignoresNotFound)

        const transitions = yield* transitionsOf(breaker, run(breaker))

        assert.deepStrictEqual(transitions, ["Open > HalfOpen"])
        assert.deepStrictEqual(yield* breaker.state(), halfOpen(0, 0))
        assert.strictEqual(yield* breaker.protect(works), "worked")
        assert.strictEqual(yield* tagOf(breaker), "Closed")
      })
    )
  }

  it.scoped("R3.2.4 a probe that dies is a Failure", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()

      yield* Effect.exit(breaker.protect(Effect.die("a defect")))

      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  )

  const exits: Record<string, Effect.Effect<string, string>> = {
    success: works,
    failure: fails,
    defect: Effect.die("a defect"),
    "a throw": Effect.sync(() => {
      throw new Error("thrown")
    }),
    "a throw while the effect is built": Effect.suspend(() => {
      throw new Error("thrown")
    }),
    interruption: Effect.interrupt,
    ignored: Effect.fail("not found")
  }

  for (const [name, exit] of Object.entries(exits)) {
    it.scoped(`R3.2.4 no exit leaves a slot taken: ${name}`, () =>
      Effect.gen(function* () {
        const breaker = yield* makeHalfOpen({
          ...ignoresNotFound,
          halfOpen: { probes: 2, failuresToReopen: 2 }
        })

        yield* Effect.exit(breaker.protect(exit))

        const state = yield* breaker.state()
        assert.strictEqual(state._tag === "HalfOpen" ? state.probing : undefined, 0)
      })
    )
  }

  it.scoped("R3.2.4 wherever an interruption falls, no slot stays taken", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen({ halfOpen: { probes: 1_000 } })
      const begun = counted(Effect.repeatN(Effect.void, 5))
      const offsets = 100
      const probing: Array<number> = []

      for (let offset = 1; offset <= offsets; offset++) {
        yield* breaker
          .protect(begun.effect)
          .pipe(Effect.withScheduler(interruptingAt(offset)), Effect.forkDaemon, Effect.flatMap(Fiber.await))
        const state = yield* breaker.state()
        probing.push(state._tag === "HalfOpen" ? state.probing : NaN)
      }

      assert.deepStrictEqual(new Set(probing), new Set([0]))
      // given that the offsets reach from before the effect's start to after its end
      const { ignored, succeeded } = yield* totalsOf(breaker)
      assert.isBelow(begun.runs, offsets)
      assert.isAbove(begun.runs, succeeded)
      assert.isAbove(succeeded, 0)
      assert.isAtLeast(ignored, begun.runs - succeeded)
    })
  )

  it.scoped("R3.2.4 a caller that was interrupted before it asked takes no slot", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()
      const fiber = yield* Effect.fork(breaker.protect(Effect.never))
      yield* Fiber.interrupt(fiber)

      assert.deepStrictEqual(yield* breaker.state(), halfOpen(0, 0))
    })
  )
})

describe("R3.1.6 E11 calls that outlive their probes", () => {
  it.scoped(
    "R3.1.6 E11 a poll that begins the next one in the background holds on to one call, not to all",
    () =>
      Effect.gen(function* () {
        const breaker = yield* makeHalfOpen({ halfOpen: { probes: 1_000 } })
        const depths: Array<number> = []
        const poll = (left: number): Effect.Effect<unknown, unknown> =>
          breaker.protect(
            Effect.withFiberRuntime((fiber) => {
              let depth = 0
              for (let it = fiber.getFiberRef(runningCall); it !== undefined; it = it.outer) depth++
              depths.push(depth)
              return left === 0 ? Effect.void : Effect.asVoid(Effect.forkDaemon(poll(left - 1)))
            })
          )

        yield* poll(500)
        yield* Effect.repeatN(settled, 200)

        assert.strictEqual(depths.length, 501)
        assert.isAtMost(Math.max(...depths), 2)
      })
  )

  it.scoped("R3.1.6 10,000 calls nested in each other, each on a circuit that probes, all pass", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const keys = Array.from({ length: 10_000 }, (_, i) => `key ${i}`)
      yield* Effect.forEach(keys, (key) => breaker.trip(key), { discard: true })
      yield* TestClock.adjust("10 seconds")

      const nested = keys.reduce<Effect.Effect<string, unknown>>(
        (inner, key) => breaker.protectWith(inner, { key }),
        works
      )

      assert.strictEqual(yield* nested, "worked")
      assert.isTrue((yield* breaker.circuits).every(({ state }) => state._tag === "Closed"))
    })
  )

  it.scoped("R3.1.6 10,000 calls of one circuit nested in each other are one probe", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()
      let nested: Effect.Effect<string, unknown> = works
      for (let i = 0; i < 10_000; i++) nested = breaker.protect(nested)

      assert.strictEqual(yield* nested, "worked")
      assert.deepInclude(yield* totalsOf(breaker), { succeeded: 1, rejected: 0 })
    })
  )
})

describe("R3.2.5 a probe older than probeTimeout", () => {
  const options = { halfOpen: { probeTimeout: "5 seconds" } } as const

  it.scoped("R3.2.5 loses its slot at exactly probeTimeout, not a millisecond earlier", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen(options)
      yield* startCall(breaker.protect)

      yield* TestClock.adjust("4999 millis")
      assert.deepStrictEqual(yield* breaker.state(), halfOpen(1, 0))
      yield* rejectionOf(breaker.protect(works))

      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* breaker.state(), halfOpen(0, 0))
      assert.strictEqual(yield* breaker.protect(works), "worked")
    })
  )

  it.scoped("R3.2.5 by default after a minute", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()
      yield* startCall(breaker.protect)

      yield* TestClock.adjust("59999 millis")
      assert.deepStrictEqual(yield* breaker.state(), halfOpen(1, 0))
      yield* TestClock.adjust("1 millis")

      assert.deepStrictEqual(yield* breaker.state(), halfOpen(0, 0))
    })
  )

  for (const exit of [Exit.succeed("late"), Exit.fail("late")]) {
    it.scoped(`R3.2.5 its late ${exit._tag} reaches its caller and counts nowhere`, () =>
      Effect.gen(function* () {
        const breaker = yield* makeHalfOpen(options)
        const late = yield* startCall(breaker.protect)
        yield* TestClock.adjust("5 seconds")
        const before = yield* breaker.snapshot()

        assert.deepStrictEqual(yield* late.end(exit), exit)

        assert.deepStrictEqual(yield* breaker.snapshot(), before)
      })
    )

    it.scoped(`R3.2.5 its late ${exit._tag} leaves the slot of the probe that took over alone`, () =>
      Effect.gen(function* () {
        const breaker = yield* makeHalfOpen(options)
        const late = yield* startCall(breaker.protect)
        yield* TestClock.adjust("5 seconds")
        const second = yield* startCall(breaker.protect)

        yield* late.end(exit)
        assert.deepStrictEqual(yield* breaker.state(), halfOpen(1, 0))
        yield* rejectionOf(breaker.protect(works))
        yield* second.end(Exit.succeed("well"))

        assert.strictEqual(yield* tagOf(breaker), "Closed")
      })
    )
  }

  it.scoped("R3.2.5 only the old probe loses its slot", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen({ halfOpen: { probes: 2, probeTimeout: "5 seconds" } })
      yield* startCall(breaker.protect)
      yield* TestClock.adjust("3 seconds")
      const young = yield* startCall(breaker.protect)
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* breaker.state(), halfOpen(1, 0))

      yield* young.end(Exit.succeed("well"))

      assert.deepStrictEqual(yield* breaker.state(), halfOpen(0, 1))
    })
  )
})
