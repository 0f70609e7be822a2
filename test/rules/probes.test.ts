import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { Outcome, TripPolicy } from "effect-circuit-breaker"
import {
  atOnce,
  type Breaker,
  counted,
  fails,
  halfOpen,
  isRejected,
  make,
  makeHalfOpen,
  rejectionOf,
  startCall,
  tagOf,
  totalsOf,
  transitionsOf,
  works
} from "../kit/index.ts"

describe("R3.2.3 HalfOpen", () => {
  for (const probes of [1, 3]) {
    it.scoped(
      `R3.2.3 of 1,000 callers at the instant the open time ends ${probes} run, and the rest fail fast (opossum#119, Polly#216, resilience4j#343, cockatiel 4)`,
      () =>
        Effect.gen(function* () {
          const breaker = yield* makeHalfOpen(probes === 1 ? {} : { halfOpen: { probes } })
          const call = counted(Effect.never)

          const ended = yield* atOnce(1_000, breaker.protect(call.effect))

          assert.strictEqual(call.runs, probes)
          assert.strictEqual(ended.length, 1_000 - probes)
          assert.isTrue(ended.every(isRejected))
          assert.strictEqual((yield* totalsOf(breaker)).rejected, 1_000 - probes)
        })
    )
  }

  it.scoped("R3.2.3 admits while probing + succeeded is below probes", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen({ halfOpen: { probes: 3 } })
      const [first, second] = yield* Effect.replicateEffect(startCall(breaker.protect), 3)
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

  it.scoped("R3.2.3 probes successes close it, or start Recovering, and one fewer does not", () =>
    Effect.gen(function* () {
      for (const [to, recovery] of [["Closed"], ["Recovering", { duration: "1 minute" }]] as const) {
        const breaker = yield* makeHalfOpen({ halfOpen: { probes: 3 }, recovery })

        const first = yield* transitionsOf(breaker, Effect.repeatN(breaker.protect(works), 1))
        const last = yield* transitionsOf(breaker, breaker.protect(works))

        assert.deepStrictEqual([first, last], [["Open > HalfOpen"], [`HalfOpen > ${to}`]])
      }
    })
  )

  it.scoped("R3.2.3 one failure reopens it by default, even after successes", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen({ halfOpen: { probes: 3 } })
      yield* Effect.repeatN(breaker.protect(works), 1)

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

  it.scoped("R3.2.3 a trip policy's minimum does not apply to probes: one decides (opossum#276)", () =>
    Effect.gen(function* () {
      const breaker = yield* make({
        tripPolicy: TripPolicy.failureRate({ threshold: 1, within: "1 hour", minimumCalls: 100 })
      })
      yield* breaker.trip()

      for (const [probe, tag] of [
        [fails, "Open"],
        [works, "Closed"]
      ] as const) {
        yield* TestClock.adjust("10 seconds")
        yield* Effect.exit(breaker.protect(probe))
        assert.strictEqual(yield* tagOf(breaker), tag)
      }
    })
  )
})

describe("R3.2.4 a probe that says nothing", () => {
  const ignoresNotFound = { classify: Outcome.ignoreWhen((error) => error === "not found") }

  const silent: Record<string, (breaker: Breaker) => Effect.Effect<unknown, unknown>> = {
    "is interrupted (monix#1080, rezilience#521, resilience4j#1681)": (breaker) =>
      Effect.flatMap(startCall(breaker.protect), (probe) => probe.interrupt),
    "was interrupted before it asked": (breaker) =>
      Effect.flatMap(Effect.fork(breaker.protect(Effect.never)), Fiber.interrupt),
    "interrupts itself": (breaker) => Effect.exit(breaker.protect(Effect.interrupt)),
    "is Ignored (Polly#1979, resilience4j#544, smg#2565)": (breaker) =>
      Effect.exit(breaker.protect(Effect.fail("not found"))),
    "never started because a limiter in between was full (Sentinel#1638)": (breaker) =>
      Effect.flatMap(Effect.makeSemaphore(0), (none) =>
        works.pipe(
          none.withPermitsIfAvailable(1),
          Effect.flatMap(Option.match({ onNone: () => Effect.fail("not found"), onSome: Effect.succeed })),
          breaker.protect,
          Effect.exit
        )
      ),
    "is interrupted while a limiter in between makes it wait": (breaker) =>
      Effect.flatMap(Effect.makeSemaphore(0), (none) =>
        Effect.flatMap(
          startCall((effect) => breaker.protect(none.withPermits(1)(effect))),
          (probe) => probe.interrupt
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

        const transitions = yield* transitionsOf(
          breaker,
          Effect.gen(function* () {
            yield* Effect.repeatN(run(breaker), 4)
            assert.deepStrictEqual(yield* breaker.state(), halfOpen())
            assert.strictEqual(yield* breaker.protect(works), "worked")
          })
        )

        assert.deepStrictEqual(transitions, ["Open > HalfOpen", "HalfOpen > Closed"])
      })
    )
  }

  const thrown = () => {
    throw new Error("thrown")
  }
  const exits: Record<string, Effect.Effect<string, string>> = {
    success: works,
    failure: fails,
    "defect (rezilience#482)": Effect.die("a defect"),
    "a throw": Effect.sync(thrown),
    "a throw while the effect is built": Effect.suspend(thrown),
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

        assert.deepInclude(yield* breaker.state(), { _tag: "HalfOpen", probing: 0 })
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
})

describe("R3.2.5 a probe older than probeTimeout", () => {
  for (const [what, probeTimeout, millis] of [
    ["probeTimeout", "5 seconds", 5_000],
    ["a minute by default", undefined, 60_000]
  ] as const) {
    it.scoped(
      `R3.2.5 loses its slot at exactly ${what}, again and again (Effect 4.1, opossum, monix, OmniRoute#13836)`,
      () =>
        Effect.gen(function* () {
          const breaker = yield* makeHalfOpen({ halfOpen: { probes: 2, probeTimeout } })
          for (let round = 0; round < 5; round++) {
            yield* Effect.replicateEffect(startCall(breaker.protect), 2)
            yield* TestClock.adjust(millis - 1)
            assert.deepStrictEqual(yield* breaker.state(), halfOpen(2))
            yield* rejectionOf(breaker.protect(works))

            yield* TestClock.adjust(1)
            assert.deepStrictEqual(yield* breaker.state(), halfOpen())
          }

          yield* Effect.repeatN(breaker.protect(works), 1)

          assert.strictEqual(yield* tagOf(breaker), "Closed")
        })
    )
  }

  it.scoped("R3.2.5 leaves the probe that took over to decide (nora#667)", () =>
    Effect.gen(function* () {
      for (const [exit, tag] of [
        [Exit.succeed("well"), "Closed"],
        [Exit.fail("unavailable"), "Open"]
      ] as const) {
        const breaker = yield* makeHalfOpen()
        const late = yield* startCall(breaker.protect)
        yield* TestClock.adjust("1 minute")
        const second = yield* startCall(breaker.protect)
        yield* late.end(Exit.succeed("late"))
        yield* rejectionOf(breaker.protect(works))

        yield* second.end(exit)

        assert.strictEqual(yield* tagOf(breaker), tag)
      }
    })
  )

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
