import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { type CircuitBreaker, Outcome, TripPolicy } from "effect-circuit-breaker"
import {
  atOnce,
  type Breaker,
  counted,
  fails,
  halfOpen,
  isRejected,
  makeHalfOpen,
  startCall,
  tagOf,
  totalsOf,
  transitionsOf,
  works
} from "../kit/index.ts"
import { everyWay } from "../kit/ports.ts"
import { playAll } from "../kit/script.ts"

const options = { tripPolicy: TripPolicy.consecutive(1), openDuration: "10 seconds" } as const
const probes = (probes: number, others: CircuitBreaker.Options["halfOpen"] = {}) => ({
  halfOpen: { probes, ...others }
})

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

  playAll(everyWay, options, [
    [
      "R3.2.3 admits while probing + succeeded is below probes",
      "f +10 ( ( ( ?3 !0 -0 )s ?2 !1 - )x ?1 !1 ( ?2 !1 -",
      probes(3)
    ],
    [
      "R3.2.3 probes successes close it, one fewer does not",
      "f +10 2s ?0 !2 s >Open>HalfOpen>Closed",
      probes(3)
    ],
    [
      "R3.2.3 probes successes start Recovering where recovery is asked for",
      "f +10 2s !2 s >Open>HalfOpen>Recovering",
      { ...probes(3), recovery: { duration: "1 minute" } }
    ],
    [
      "R3.2.3 one failure reopens it by default, even after successes",
      "f +10 2s f >Open>HalfOpen>Open /2",
      probes(3)
    ],
    [
      "R3.2.3 failuresToReopen failures reopen it; those before give their slot back",
      "f +10 s 2f ?0 !1 f =Open",
      probes(2, { failuresToReopen: 3 })
    ],
    [
      "R3.2.3 a trip policy's minimum does not apply to probes: one decides (opossum#276)",
      "trip +10 f =Open +10 s =Closed",
      { tripPolicy: TripPolicy.failureRate({ threshold: 1, within: "1 hour", minimumCalls: 100 }) }
    ]
  ])
})

describe("R3.2.4 a probe without a verdict", () => {
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
  playAll(everyWay, options, [
    [
      "R3.2.5 loses its slot at exactly probeTimeout, again and again",
      "f +10 ( ( +4.999 ?2 - +0.001 ?0 ( ( +4.999 ?2 - +0.001 ?0 ( ( +4.999 ?2 - +0.001 ?0 2s =Closed",
      probes(2, { probeTimeout: "5 seconds" })
    ],
    [
      "R3.2.5 loses it after a minute by default (Effect 4.1, opossum, monix, OmniRoute#13836)",
      "f +10 ( +59.999 ?1 - +0.001 ?0 s =Closed"
    ],
    ["R3.2.5 leaves the probe that took over to close (nora#667)", "f +10 ( +60 ( )s ?1 - )s =Closed"],
    ["R3.2.5 leaves the probe that took over to reopen (nora#667)", "f +10 ( +60 ( )s ?1 - )f =Open /2"],
    [
      "R3.2.5 only the old probe loses its slot",
      "f +10 ( +3 ( +2 ?1 !0 )s ?1 !0 )s ?0 !1",
      probes(2, { probeTimeout: "5 seconds" })
    ]
  ])
})
