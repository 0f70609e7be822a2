import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { CircuitOpenError, Outcome, TripPolicy } from "effect-circuit-breaker"
import {
  atOnce,
  type Breaker,
  counted,
  emptyWindow,
  fails,
  halfOpen,
  make,
  makeHalfOpen,
  makeOpen,
  makeRecovering,
  recordLogs,
  rejecting,
  rejectionOf,
  runFor,
  settled,
  startCall,
  tagOf,
  totals,
  totalsOf,
  windowOf,
  works
} from "../kit/index.ts"

const slowPolicy = TripPolicy.slowCallRate({
  slowerThan: "2 seconds",
  threshold: 1,
  within: "1 minute",
  minimumCalls: 1
})

/** A breaker that admits the next call, by each of the ways there are. */
const admitting: Record<string, Effect.Effect<Breaker, never, Scope.Scope>> = {
  Closed: make(),
  "Closed under a slow-call policy": make({ tripPolicy: slowPolicy }),
  HalfOpen: makeHalfOpen(),
  Recovering: makeRecovering({ recovery: { duration: "100 seconds", from: 1 } }),
  "Open in observe mode": makeOpen({ mode: "observe" })
}

describe("R3.1.1 a rejected call", () => {
  for (const [state, breakerThatRejects] of Object.entries(rejecting)) {
    it.scoped(`R3.1.1 never starts its effect, changes nothing and is counted, while ${state}`, () =>
      Effect.gen(function* () {
        const breaker = yield* breakerThatRejects()
        const call = counted(works)
        const before = yield* breaker.snapshot()

        const error = yield* rejectionOf(breaker.protect(call.effect))

        const after = yield* breaker.snapshot()
        assert.strictEqual(error.state, state)
        assert.strictEqual(call.runs, 0)
        assert.deepStrictEqual(after, {
          ...before,
          totals: { ...before.totals, rejected: before.totals.rejected + 1 }
        })
      })
    )
  }

  it.scoped("R3.1.1 leaves a window as it was", () =>
    Effect.gen(function* () {
      const breaker = yield* makeRecovering({
        tripPolicy: TripPolicy.failureCount({ failures: 2, within: "1 hour" }),
        recovery: { duration: "100 seconds", from: 0.5 }
      })
      yield* breaker.trip()
      yield* TestClock.adjust("10 seconds")
      yield* breaker.protect(works)
      yield* rejectionOf(breaker.protect(works))
      yield* Effect.flip(breaker.protect(fails))

      yield* rejectionOf(breaker.protect(works))

      assert.deepStrictEqual(yield* windowOf(breaker), { calls: 1, failures: 1, slow: 0 })
    })
  )

  it.scoped("R3.1.1 extends nothing: after 100 of them the open time ends when it would have", () =>
    Effect.gen(function* () {
      const breaker = yield* makeOpen()
      yield* Effect.repeatN(
        Effect.zipRight(rejectionOf(breaker.protect(works)), TestClock.adjust("99 millis")),
        99
      )
      yield* TestClock.adjust("99 millis")
      yield* rejectionOf(breaker.protect(works))

      yield* TestClock.adjust("1 millis")

      assert.strictEqual(yield* breaker.protect(works), "worked")
      assert.strictEqual((yield* totalsOf(breaker)).rejected, 101)
    })
  )

  it.scoped(
    "R3.1.1 does not count towards opening: as many failures as ever open it again (opossum 10)",
    () =>
      Effect.gen(function* () {
        const breaker = yield* make({ tripPolicy: TripPolicy.failureRate({ threshold: 0.5, calls: 4 }) })
        yield* breaker.trip()
        yield* Effect.repeatN(rejectionOf(breaker.protect(works)), 99)
        yield* TestClock.adjust("10 seconds")
        yield* breaker.protect(works)

        yield* Effect.repeatN(Effect.flip(breaker.protect(fails)), 2)
        assert.strictEqual(yield* tagOf(breaker), "Closed")
        yield* Effect.flip(breaker.protect(fails))
        yield* Effect.flip(breaker.protect(fails))

        assert.strictEqual(yield* tagOf(breaker), "Open")
      })
  )
})

describe("R3.1.2 what reaches the caller", () => {
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
          if (Exit.isSuccess(exit))
            assert.strictEqual(
              Exit.getOrElse(received, () => undefined),
              exit.value
            )
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

        assert.isTrue(Exit.isInterrupted(exit))
        assert.isTrue(Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause))
        assert.strictEqual(cleanedUp.runs, 1)
      })
    )

    it.scoped(`R3.1.2 what the effect does to its fiber stays done, ${state}`, () =>
      Effect.gen(function* () {
        const breaker = yield* breakerThatAdmits
        const ref = FiberRef.unsafeMake("before")

        yield* breaker.protect(FiberRef.set(ref, "after"))

        assert.strictEqual(yield* FiberRef.get(ref), "after")
      })
    )

    it.scoped(`R3.1.2 the effect finds the services of its caller, ${state}`, () =>
      Effect.gen(function* () {
        class Host extends Context.Tag("Host")<Host, string>() {}
        const breaker = yield* breakerThatAdmits

        const host = yield* breaker.protect(Host).pipe(Effect.provideService(Host, "eu"))

        assert.strictEqual(host, "eu")
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

  it.scoped("R3.1.2 a rejection says which breaker, which circuit and how long", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ name: "payments" })
      yield* Effect.flip(breaker.protectWith(fails, { key: "eu" }))
      yield* TestClock.adjust("4 seconds")

      const error = yield* rejectionOf(breaker.protectWith(works, { key: "eu" }))

      assert.instanceOf(error, CircuitOpenError)
      assert.deepStrictEqual([error.breaker, error.key, error.state], ["payments", "eu", "Open"])
      assert.deepStrictEqual(error.retryAfter, Duration.seconds(6))
    })
  )

  it.scoped(
    "R3.1.2 a rejection's retryAfter is zero while HalfOpen or Recovering, infinite while Isolated",
    () =>
      Effect.gen(function* () {
        const waits = yield* Effect.forEach(["HalfOpen", "Recovering", "Isolated"] as const, (state) =>
          Effect.flatMap(rejecting[state](), (breaker) => rejectionOf(breaker.protect(works)))
        )

        assert.deepStrictEqual(
          waits.map(({ retryAfter }) => Duration.toMillis(retryAfter)),
          [0, 0, Infinity]
        )
      })
  )
})

describe("R3.1.3 a Closed circuit", () => {
  it.scoped("R3.1.3 admits every call, concurrently: one that hangs holds up no other (gobreaker v2)", () =>
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

  it.scoped("R3.1.3 claims nothing: 200 calls given up leave it as it was", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const fibers = yield* Effect.replicateEffect(Effect.fork(breaker.protect(Effect.never)), 200)
      yield* settled
      yield* Fiber.interruptAll(fibers)

      assert.deepStrictEqual(yield* breaker.state(), { _tag: "Closed" })
      assert.deepStrictEqual(yield* windowOf(breaker), emptyWindow)
      assert.strictEqual(yield* breaker.protect(works), "worked")
    })
  )
})

describe("R3.1.4 interruption", () => {
  const policies: Record<string, TripPolicy.TripPolicy> = {
    consecutive: TripPolicy.consecutive(1),
    failureCount: TripPolicy.failureCount({ failures: 1, within: "1 minute" }),
    "failureRate over calls": TripPolicy.failureRate({ threshold: 0.1, calls: 1 }),
    "failureRate over time": TripPolicy.failureRate({ threshold: 0.1, within: "1 minute", minimumCalls: 1 }),
    slowCallRate: TripPolicy.slowCallRate({ slowerThan: "1 minute", threshold: 0.1, calls: 1 })
  }

  for (const [policy, tripPolicy] of Object.entries(policies)) {
    it.scoped(`R3.1.4 is Ignored: callers who give up open nothing, ${policy} (cockatiel 4)`, () =>
      Effect.gen(function* () {
        const breaker = yield* make({ tripPolicy })
        const impatient = Effect.timeoutOption(breaker.protect(Effect.never), "1 second")
        const fibers = yield* Effect.replicateEffect(Effect.fork(impatient), 3)
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* Effect.forEach(fibers, Fiber.join), Array(3).fill(Option.none()))
        yield* Effect.flatMap(startCall(breaker.protect), (call) => call.interrupt)

        assert.strictEqual(yield* tagOf(breaker), "Closed")
        assert.deepStrictEqual(yield* windowOf(breaker), emptyWindow)
        assert.deepStrictEqual(yield* totalsOf(breaker), totals({ ignored: 4 }))
      })
    )
  }

  it.scoped(
    "R3.1.4 so is what the program says: a limiter's rejection (opossum, resilience4j#2013), a bad request (sglang#25811)",
    () =>
      Effect.gen(function* () {
        const breaker = yield* make({
          classify: Outcome.ignoreWhen((error) => error === "too many" || error === "bad request")
        })
        const bulkhead = yield* Effect.makeSemaphore(0)
        const limited = bulkhead
          .withPermitsIfAvailable(1)(works)
          .pipe(
            Effect.flatMap(Option.match({ onNone: () => Effect.fail("too many"), onSome: Effect.succeed })),
            breaker.protect
          )

        assert.strictEqual(yield* Effect.flip(limited), "too many")
        assert.strictEqual(yield* Effect.flip(breaker.protect(Effect.fail("bad request"))), "bad request")
        assert.strictEqual(yield* tagOf(breaker), "Closed")
        yield* Effect.flip(breaker.protect(fails))

        assert.strictEqual(yield* tagOf(breaker), "Open")
      })
  )

  it.scoped("R3.1.4 is Ignored where the effect interrupts itself", () =>
    Effect.gen(function* () {
      const breaker = yield* make()

      yield* Effect.exit(breaker.protect(Effect.interrupt))

      assert.strictEqual(yield* tagOf(breaker), "Closed")
      assert.strictEqual((yield* totalsOf(breaker)).ignored, 1)
    })
  )

  it.scoped("R3.1.4 is Ignored without asking the classifier", () =>
    Effect.gen(function* () {
      let asked = 0
      const classify = () => {
        asked++
        return Outcome.failure()
      }
      const breaker = yield* make({ classify })
      const ofTheBreaker = yield* startCall(breaker.protect)
      yield* ofTheBreaker.interrupt
      const ofTheCall = yield* startCall((effect) => breaker.protectWith(effect, { classify }))
      yield* ofTheCall.interrupt

      assert.strictEqual(asked, 0)
      assert.strictEqual(yield* tagOf(breaker), "Closed")
    })
  )

  for (const [state, breakerThatAdmits] of Object.entries({
    Closed: make(),
    HalfOpen: makeHalfOpen()
  })) {
    it.scoped(`R3.1.4 that comes with a defect is a Failure, ${state}`, () =>
      Effect.gen(function* () {
        const breaker = yield* breakerThatAdmits
        const before = (yield* totalsOf(breaker)).failed
        const call = yield* startCall((effect) =>
          breaker.protect(Effect.onInterrupt(effect, () => Effect.die("the clean-up died")))
        )

        yield* call.interrupt

        assert.strictEqual((yield* totalsOf(breaker)).failed, before + 1)
        assert.strictEqual(yield* tagOf(breaker), "Open")
      })
    )
  }

  it.scoped("R3.1.4 after slowerThan counts as slow, one millisecond earlier does not", () =>
    Effect.gen(function* () {
      const breaker = yield* make({
        tripPolicy: TripPolicy.slowCallRate({
          slowerThan: "2 seconds",
          threshold: 1,
          within: "1 minute",
          minimumCalls: 2
        })
      })
      const early = yield* startCall(breaker.protect)
      yield* TestClock.adjust("1999 millis")
      yield* early.interrupt
      assert.deepStrictEqual(yield* windowOf(breaker), emptyWindow)

      const late = yield* startCall(breaker.protect)
      yield* TestClock.adjust("2 seconds")
      yield* late.interrupt

      assert.deepStrictEqual(yield* windowOf(breaker), { calls: 1, failures: 0, slow: 1 })
      assert.strictEqual((yield* totalsOf(breaker)).ignored, 2)
    })
  )

  it.scoped(
    "R3.1.4 a dependency that hangs behind an outer timeout trips a slow-call policy (Effect 4.1)",
    () =>
      Effect.gen(function* () {
        const breaker = yield* make({ tripPolicy: slowPolicy })

        const caller = yield* breaker.protect(Effect.never).pipe(Effect.timeout("2 seconds"), Effect.fork)
        yield* TestClock.adjust("2 seconds")
        const error = yield* Effect.flip(Fiber.join(caller))

        assert.strictEqual(error._tag, "TimeoutException")
        assert.strictEqual(yield* tagOf(breaker), "Open")
      })
  )
})

describe("R3.1.5 a classifier that throws", () => {
  const classify = () => {
    throw new Error("the classifier's own fault")
  }

  for (const [state, breakerThatAdmits] of Object.entries({
    Closed: make({ classify }),
    HalfOpen: Effect.tap(make({ classify }), (breaker) =>
      Effect.zipRight(breaker.trip(), TestClock.adjust("10 seconds"))
    )
  })) {
    it.scoped(`R3.1.5 leaves the caller's exit alone and the outcome is Ignored, ${state} (Effect 4.1)`, () =>
      Effect.gen(function* () {
        const breaker = yield* breakerThatAdmits

        const exits = yield* Effect.forEach([works, fails, Effect.die("a defect")], (effect) =>
          Effect.exit(breaker.protect(effect))
        )

        assert.deepStrictEqual(exits, [
          Exit.succeed("worked"),
          Exit.fail("unavailable"),
          Exit.die("a defect")
        ])
        assert.strictEqual(yield* tagOf(breaker), state)
        assert.deepStrictEqual(yield* totalsOf(breaker), totals({ ignored: 3 }))
      })
    )
  }

  it.scoped("R3.1.5 is logged once per breaker, with the defect", () =>
    Effect.gen(function* () {
      const lines = yield* recordLogs
      const payments = yield* make({ name: "payments", classify })
      const search = yield* make({ name: "search", classify })

      yield* payments.protect(works)
      yield* payments.protectWith(works, { key: "another circuit" })
      yield* search.protect(works)

      assert.deepStrictEqual(
        lines.map(({ annotations, level }) => [level, annotations["breaker"]]),
        [
          ["Error", "payments"],
          ["Error", "search"]
        ]
      )
      assert.include(Cause.pretty(lines[0]!.cause), "the classifier's own fault")
    })
  )

  it.scoped("R3.1.5 holds for the classifier of a call too", () =>
    Effect.gen(function* () {
      const breaker = yield* make()

      assert.strictEqual(yield* breaker.protectWith(works, { classify }), "worked")
      assert.strictEqual(yield* Effect.flip(breaker.protectWith(fails, { classify })), "unavailable")

      assert.strictEqual(yield* tagOf(breaker), "Closed")
      assert.strictEqual((yield* totalsOf(breaker)).ignored, 2)
    })
  )

  it.scoped("R3.1.5 holds for one that returns no outcome", () =>
    Effect.gen(function* () {
      const lines = yield* recordLogs
      const breaker = yield* make({ classify: () => undefined as never })

      assert.strictEqual(yield* Effect.flip(breaker.protect(fails)), "unavailable")

      assert.strictEqual((yield* totalsOf(breaker)).ignored, 1)
      assert.strictEqual(lines.length, 1)
    })
  )
})

describe("R3.1.6 one breaker", () => {
  it.scoped("R3.1.6 around many different effects: the first's failures stop the second", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const charge = breaker.protect(fails)
      const refund = breaker.protect(Effect.succeed(42))
      yield* Effect.flip(charge)
      yield* rejectionOf(refund)
      yield* TestClock.adjust("10 seconds")

      assert.strictEqual(yield* refund, 42)
      assert.strictEqual(yield* Effect.flip(charge), "unavailable")
    })
  )

  it.scoped("R3.1.6 a protected effect may be run any number of times", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const call = breaker.protect(works)

      yield* Effect.repeatN(call, 9)

      assert.strictEqual((yield* totalsOf(breaker)).succeeded, 10)
    })
  )

  for (const [state, breakerThatAdmits] of Object.entries(admitting)) {
    it.scoped(`R3.1.6 nested use of the same circuit, ${state}`, () =>
      Effect.gen(function* () {
        const breaker = yield* breakerThatAdmits
        const innermost = counted(works)
        const nested = breaker.protect(
          Effect.zipRight(works, breaker.protect(breaker.protect(innermost.effect)))
        )

        assert.strictEqual(yield* nested, "worked")

        assert.strictEqual(innermost.runs, 1)
      })
    )
  }

  it.scoped("R3.1.6 nested use within a probe is part of that probe", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen({ halfOpen: { probes: 2 } })

      yield* breaker.protect(breaker.protect(works))

      assert.deepStrictEqual(yield* breaker.state(), halfOpen(0, 1))
      assert.strictEqual((yield* totalsOf(breaker)).rejected, 0)
    })
  )

  it.scoped("R3.1.6 another caller is no part of a probe", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()
      yield* startCall(breaker.protect)

      const error = yield* rejectionOf(breaker.protect(breaker.protect(works)))

      assert.strictEqual(error.state, "HalfOpen")
    })
  )

  it.scoped("R3.1.6 a circuit's own rejection out of nested use says nothing about the dependency", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ tripPolicy: TripPolicy.consecutive(2) })
      const outer = breaker.protect(Effect.zipRight(breaker.trip(), breaker.protect(works)))

      yield* rejectionOf(outer)
      yield* TestClock.adjust("10 seconds")
      yield* breaker.protect(works)
      assert.strictEqual((yield* totalsOf(breaker)).failed, 0)
      yield* Effect.flip(breaker.protect(rejectedBy(breaker.name, "another key")))
      yield* Effect.flip(breaker.protect(rejectedBy("another breaker", "default")))

      assert.strictEqual((yield* totalsOf(breaker)).failed, 2)
      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  )

  it.scoped("R3.1.6 E7 a rejection by a circuit of the same names in another process is a failure", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ name: "default", tripPolicy: TripPolicy.consecutive(2) })

      yield* Effect.flip(breaker.protect(rejectedBy("default", "default")))
      yield* Effect.flip(breaker.protect(rejectedBy("default", "default")))

      assert.strictEqual((yield* totalsOf(breaker)).failed, 2)
      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  )

  it.scoped("R3.1.6 R3.1.9 E7 of a cause with a circuit's own rejection, the rest is judged", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ tripPolicy: TripPolicy.consecutive(2) })
      const rejected = yield* Effect.scoped(
        Effect.zipRight(breaker.isolate(), rejectionOf(breaker.protect(works)))
      )
      const own = Cause.fail(rejected)
      const end = (cause: Cause.Cause<unknown>) => Effect.exit(breaker.protect(Effect.failCause(cause)))

      yield* end(Cause.parallel(own, own))
      yield* end(Cause.sequential(own, Cause.interrupt(FiberId.none)))
      assert.deepInclude(yield* totalsOf(breaker), { failed: 0, ignored: 2 })
      yield* end(Cause.parallel(own, Cause.fail("unavailable")))

      assert.deepInclude(yield* totalsOf(breaker), { failed: 1, ignored: 2 })
    })
  )

  it.scoped("R3.1.6 circuits of one breaker and breakers within breakers are independent", () =>
    Effect.gen(function* () {
      const outer = yield* make({ name: "outer", tripPolicy: TripPolicy.consecutive(2) })
      const inner = yield* make({ name: "inner" })
      const call = outer.protect(inner.protectWith(fails, { key: "eu" }))

      assert.strictEqual(yield* Effect.flip(call), "unavailable")
      assert.strictEqual(yield* tagOf(inner, "eu"), "Open")
      assert.strictEqual(yield* tagOf(inner, "us"), "Closed")
      assert.strictEqual(yield* tagOf(inner), "Closed")
      assert.strictEqual(yield* tagOf(outer), "Closed")
      yield* rejectionOf(call)

      assert.strictEqual(yield* tagOf(outer), "Open")
    })
  )
})

const rejectedBy = (breaker: string, key: string) =>
  Effect.fail(new CircuitOpenError({ breaker, key, state: "Open", retryAfter: Duration.seconds(1) }))

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

  it.scoped("R3.1.4 a call that took long and did well is slow, and runs to its end", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ tripPolicy: slowPolicy })

      const exit = yield* runFor(breaker, "2 seconds", Exit.succeed("late"))

      assert.deepStrictEqual(exit, Exit.succeed("late"))
      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  )
})
