import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Runtime from "effect/Runtime"
import * as TestClock from "effect/TestClock"
import * as Tracer from "effect/Tracer"
import { Outcome, TripPolicy } from "effect-circuit-breaker"
import {
  type Breaker,
  counted,
  fails,
  make,
  pathOf,
  rejectionOf,
  settled,
  tagOf,
  totalsOf,
  transitionsOf,
  watch,
  works
} from "../kit/index.ts"

describe("R3.4 code that throws or calls again in the middle of a step", () => {
  const breaks = (): never => {
    throw new Error("a fault of its own")
  }

  /** Each surrounds calls that open the circuit, are rejected, and heal it; it may return the calls that it made. */
  const around: Record<
    string,
    (
      breaker: Breaker,
      runtime: Runtime.Runtime<never>
    ) => { readonly layer: Layer.Layer<never>; readonly started?: { readonly runs: number } }
  > = {
    "a logger that throws": () => ({ layer: Logger.add(Logger.make(breaks)) }),
    "a span that throws": () => ({
      layer: Layer.setTracer(
        Tracer.make({
          context: (f) => f(),
          span: (...args) => Object.assign(Effect.runSync(Effect.tracer).span(...args), { event: breaks })
        })
      )
    }),
    // Rejected while Open and while the probe runs, admitted once Closed.
    "a logger that calls again": (breaker, runtime) => {
      const started = counted(works)
      const calling = Logger.make(() => {
        Runtime.runSyncExit(runtime)(breaker.protect(started.effect))
        Runtime.runSyncExit(runtime)(breaker.snapshot())
      })
      return { layer: Logger.add(calling), started }
    }
  }

  for (const [what, putRound] of Object.entries(around)) {
    it.scoped(`R3.4 ${what} breaks nothing and gets no extra probe`, () =>
      Effect.gen(function* () {
        const breaker = yield* make()
        const seen = yield* watch(breaker.transitions)
        const { layer, started } = putRound(breaker, yield* Effect.runtime())

        yield* Effect.gen(function* () {
          assert.strictEqual(yield* Effect.flip(breaker.protect(fails)), "unavailable")
          yield* rejectionOf(breaker.protect(works))
          yield* TestClock.adjust("10 seconds")
          assert.strictEqual(yield* breaker.protect(works), "worked")
        }).pipe(Effect.withSpan("caller"), Effect.provide(layer), Logger.withMinimumLogLevel(LogLevel.Debug))
        yield* settled

        assert.deepStrictEqual(
          seen.map((it) => [pathOf(it), it.generation]),
          [
            ["Closed > Open", 1],
            ["Open > HalfOpen", 2],
            ["HalfOpen > Closed", 3]
          ]
        )
        if (started !== undefined) assert.strictEqual(started.runs, 1)
      })
    )
  }

  it.scoped("R3.4 a logger that resets the circuit at an opening leaves it consistent", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const runtime = yield* Effect.runtime()
      const resetting = Logger.make(({ logLevel }) => {
        if (logLevel === LogLevel.Warning) Runtime.runSyncExit(runtime)(breaker.reset())
      })
      const fail = Effect.provide(Effect.flip(breaker.protect(fails)), Logger.add(resetting))

      assert.deepStrictEqual(yield* transitionsOf(breaker, fail), ["Closed > Open", "Open > Closed"])

      assert.strictEqual(yield* tagOf(breaker), "Closed")
      yield* Effect.flip(breaker.protect(fails))
      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  )

  it.scoped("R3.1.5 R3.2.6 the outcome of a call whose classifier resets the circuit counts nowhere", () =>
    Effect.gen(function* () {
      const runtime = yield* Effect.runtime()
      const breaker: Breaker = yield* make({
        classify: (exit) => {
          Runtime.runSync(runtime)(breaker.reset())
          return Outcome.fromExit(exit)
        }
      })
      const failThrice = Effect.repeatN(Effect.flip(breaker.protect(fails)), 2)

      assert.deepStrictEqual(yield* transitionsOf(breaker, failThrice), Array(3).fill("Closed > Closed"))

      assert.strictEqual((yield* totalsOf(breaker)).failed, 0)
    })
  )

  const oftenEnough = 3

  /** A custom policy that trips on the third failure, and runs an effect once within one of its functions. */
  const policyThat = (within: "record" | "trips", runtime: Runtime.Runtime<never>) => {
    let effect: Effect.Effect<unknown, unknown> = Effect.void
    const run = (here: string) => {
      const once = effect
      if (here !== within) return
      effect = Effect.void
      Runtime.runSyncExit(runtime)(once)
    }
    return {
      willRun: (next: Effect.Effect<unknown, unknown>) => {
        effect = next
      },
      tripPolicy: TripPolicy.make({
        initial: 0,
        record: (failures, { outcome }) => {
          run("record")
          return outcome._tag === "Failure" ? failures + 1 : failures
        },
        trips: (failures) => {
          run("trips")
          return failures >= oftenEnough
        }
      })
    }
  }

  for (const within of ["record", "trips"] as const) {
    for (const [control, path] of [
      ["trip", "Closed > Open"],
      ["reset", "Closed > Closed"]
    ] as const) {
      it.scoped(
        `R3.2.6 the outcome of a call in whose ${within} the policy does a ${control} counts nowhere`,
        () =>
          Effect.gen(function* () {
            const policy = policyThat(within, yield* Effect.runtime())
            const breaker = yield* make({ tripPolicy: policy.tripPolicy })
            yield* Effect.replicateEffect(Effect.flip(breaker.protect(fails)), 2)
            const seen = yield* watch(breaker.transitions)

            policy.willRun(breaker[control]())
            assert.strictEqual(yield* Effect.flip(breaker.protect(fails)), "unavailable")
            yield* settled

            assert.deepStrictEqual(
              seen.map((it) => [pathOf(it), it.generation]),
              [[path, 1]]
            )
            assert.strictEqual((yield* totalsOf(breaker)).failed, 2)
          })
      )
    }

    it.scoped(
      `R3.2.1 a call that a policy makes in its ${within} is counted beside the call that it judges`,
      () =>
        Effect.gen(function* () {
          const policy = policyThat(within, yield* Effect.runtime())
          const breaker = yield* make({ tripPolicy: policy.tripPolicy })

          policy.willRun(breaker.protect(fails))
          yield* Effect.flip(breaker.protect(fails))
          assert.strictEqual(yield* tagOf(breaker), "Closed")
          yield* Effect.flip(breaker.protect(fails))

          assert.strictEqual((yield* totalsOf(breaker)).failed, oftenEnough)
          assert.strictEqual(yield* tagOf(breaker), "Open")
        })
    )
  }
})
