import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as TestClock from "effect/TestClock"
import { CircuitOpenError, Outcome, TripPolicy } from "effect-circuit-breaker"
import {
  admitting,
  atOnce,
  counted,
  emptyWindow,
  fails,
  make,
  rejecting,
  rejectionOf,
  settled,
  startCall,
  tagOf,
  totalsOf,
  windowOf,
  works
} from "../kit/index.ts"
import { everyWay } from "../kit/ports.ts"
import { playAll } from "../kit/script.ts"

describe("R3.1.1 a rejected call", () => {
  for (const [state, breakerThatRejects] of Object.entries(rejecting)) {
    it.scoped(`R3.1.1 never starts its effect, changes nothing and is counted, while ${state}`, () =>
      Effect.gen(function* () {
        const breaker = yield* breakerThatRejects()
        const call = counted(works)
        const before = yield* breaker.snapshot()

        const error = yield* rejectionOf(breaker.protect(call.effect))

        assert.strictEqual(error.state, state)
        assert.strictEqual(call.runs, 0)
        assert.deepStrictEqual(yield* breaker.snapshot(), {
          ...before,
          totals: { ...before.totals, rejected: before.totals.rejected + 1 }
        })
      })
    )
  }

  playAll(everyWay, { tripPolicy: TripPolicy.consecutive(1), openDuration: "10 seconds" }, [
    [
      "R3.1.1 leaves a window as it was",
      "trip +10 s =Recovering - f #1 - #1",
      {
        tripPolicy: TripPolicy.failureCount({ failures: 2, within: "1 hour" }),
        recovery: { duration: "100 seconds", from: 0.5 }
      }
    ],
    [
      "R3.1.1 extends nothing: after 100 of them the open time ends when it would have",
      "f @2 30- @9.9 70- @9.999 - @10 s"
    ],
    [
      "R3.1.1 does not count towards opening: as many failures as ever open it again (opossum 10)",
      "trip 100- +10 s #0 3f =Closed f =Open",
      { tripPolicy: TripPolicy.failureRate({ threshold: 0.5, calls: 4 }) }
    ]
  ])
})

describe("R3.1.2 the caller receives", () => {
  class Host extends Context.Tag("Host")<Host, string>() {}

  const error = new Error("a typed error")
  const defect = new Error("a defect")
  const exits: Record<string, Exit.Exit<object, Error>> = {
    value: Exit.succeed({ a: "value" }),
    "typed error": Exit.fail(error),
    defect: Exit.die(defect),
    interruption: Exit.interrupt(FiberId.none),
    "composed cause": Exit.failCause(
      Cause.parallel(Cause.fail(error), Cause.sequential(Cause.die(defect), Cause.interrupt(FiberId.none)))
    )
  }

  for (const [state, breakerThatAdmits] of Object.entries(admitting)) {
    for (const [name, exit] of Object.entries(exits)) {
      it.scoped(`R3.1.2 ${name} unchanged, ${state}`, () =>
        Effect.gen(function* () {
          const breaker = yield* breakerThatAdmits

          const received = yield* Effect.exit(breaker.protect(exit))

          assert.deepStrictEqual(received, exit)
          if (Exit.isSuccess(exit) && Exit.isSuccess(received)) assert.strictEqual(received.value, exit.value)
        })
      )
    }

    it.scoped(`R3.1.2 an interruption from outside stops the effect and is all that remains, ${state}`, () =>
      Effect.gen(function* () {
        const breaker = yield* breakerThatAdmits
        const cleanedUp = counted(Effect.void)
        const call = yield* startCall((effect) =>
          breaker.protect(Effect.onInterrupt(effect, () => cleanedUp.effect))
        )

        const exit = yield* call.interrupt

        assert.isTrue(Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause))
        assert.strictEqual(cleanedUp.runs, 1)
      })
    )

    it.scoped(
      `R3.1.2 the effect finds its caller's services, and what it does to its fiber stays, ${state}`,
      () =>
        Effect.gen(function* () {
          const breaker = yield* breakerThatAdmits
          const ref = FiberRef.unsafeMake("before")

          const host = yield* breaker
            .protect(Effect.zipLeft(Host, FiberRef.set(ref, "after")))
            .pipe(Effect.provideService(Host, "eu"))

          assert.strictEqual(host, "eu")
          assert.strictEqual(yield* FiberRef.get(ref), "after")
        })
    )

    it.scoped(`R3.1.2 an uninterruptible effect runs to its end, ${state}`, () =>
      Effect.gen(function* () {
        const breaker = yield* breakerThatAdmits
        const finished = counted(Effect.succeed("finished"))
        const call = yield* startCall((effect) =>
          Effect.uninterruptible(breaker.protect(Effect.zipRight(effect, finished.effect)))
        )
        yield* Effect.fork(call.interrupt)
        yield* settled
        assert.strictEqual(finished.runs, 0)

        yield* call.end(Exit.succeed("go on"))

        assert.strictEqual(finished.runs, 1)
        assert.strictEqual((yield* totalsOf(breaker)).ignored, 0)
      })
    )
  }

  it.scoped("R3.1.2 a rejection says which breaker and circuit reject, and how long to wait", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ name: "payments" })
      yield* Effect.flip(breaker.protectWith(fails, { key: "eu" }))
      yield* TestClock.adjust("4 seconds")

      const error = yield* rejectionOf(breaker.protectWith(works, { key: "eu" }))

      assert.instanceOf(error, CircuitOpenError)
      assert.deepInclude(error, { breaker: "payments", key: "eu", state: "Open" })
      assert.deepStrictEqual(error.retryAfter, Duration.seconds(6))
    })
  )

  it.scoped("R3.1.2 its retryAfter is zero while HalfOpen or Recovering, infinite while Isolated", () =>
    Effect.gen(function* () {
      for (const [state, wait] of [
        ["HalfOpen", 0],
        ["Recovering", 0],
        ["Isolated", Infinity]
      ] as const) {
        const breaker = yield* rejecting[state]()
        const { retryAfter } = yield* rejectionOf(breaker.protect(works))
        assert.strictEqual(Duration.toMillis(retryAfter), wait)
      }
    })
  )
})

describe("R3.1.3 a Closed circuit", () => {
  it.scoped("R3.1.3 admits every call, concurrently: a hanging call delays no other (gobreaker v2)", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ tripPolicy: TripPolicy.failureRate({ threshold: 0.5, calls: 10 }) })
      const hanging = counted(Effect.never)
      const fibers = yield* Effect.replicateEffect(Effect.fork(breaker.protect(hanging.effect)), 200)
      yield* settled

      assert.strictEqual(hanging.runs, 200)
      assert.deepStrictEqual(yield* windowOf(breaker), emptyWindow)
      assert.isTrue((yield* atOnce(100, breaker.protect(works))).every(Exit.isSuccess))
      yield* Fiber.interruptAll(fibers)
    })
  )

  it.scoped("R3.1.3 claims nothing: 200 abandoned calls leave it as it was", () =>
    Effect.gen(function* () {
      const breaker = yield* make()

      yield* atOnce(200, breaker.protect(Effect.never))

      assert.deepStrictEqual(yield* breaker.state(), { _tag: "Closed" })
      assert.deepStrictEqual(yield* windowOf(breaker), emptyWindow)
      assert.strictEqual(yield* breaker.protect(works), "worked")
    })
  )
})

describe("R3.1.6 protectWith", () => {
  it.scoped("R3.1.6 data-first and data-last, with a key, a classifier or both", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const options = { key: "eu", classify: () => Outcome.success }

      yield* Effect.exit(fails.pipe(breaker.protectWith({ classify: options.classify })))
      yield* Effect.exit(fails.pipe(breaker.protectWith(options)))
      yield* Effect.exit(breaker.protectWith(fails, options))
      yield* Effect.exit(breaker.protectWith(fails, {}))
      yield* Effect.exit(fails.pipe(breaker.protectWith({ key: "us" })))

      assert.deepStrictEqual(yield* Effect.forEach(["default", "eu", "us"], (key) => tagOf(breaker, key)), [
        "Open",
        "Closed",
        "Open"
      ])
      assert.strictEqual((yield* totalsOf(breaker)).succeeded, 1)
      assert.strictEqual((yield* totalsOf(breaker, "eu")).succeeded, 2)
    })
  )
})
