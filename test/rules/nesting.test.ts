import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { CircuitOpenError, TripPolicy } from "effect-circuit-breaker"
import { runningCall } from "../../src/internal/breaker/nesting.ts"
import {
  admitting,
  type Breaker,
  counted,
  fails,
  halfOpen,
  make,
  makeHalfOpen,
  rejectionOf,
  settled,
  startCall,
  tagOf,
  totalsOf,
  works
} from "../kit/index.ts"

describe("R3.1.6 one breaker", () => {
  it.scoped("R3.1.6 guards many different effects: the failures of one stop the others", () =>
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

  it.scoped("R3.1.6 another caller's call is not part of a probe", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()
      yield* startCall(breaker.protect)

      const error = yield* rejectionOf(breaker.protect(breaker.protect(works)))

      assert.strictEqual(error.state, "HalfOpen")
    })
  )

  it.scoped("R3.1.6 a circuit's own rejection in nested use says nothing about the dependency", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const outer = breaker.protect(Effect.zipRight(breaker.trip(), breaker.protect(works)))

      yield* rejectionOf(outer)
      yield* TestClock.adjust("10 seconds")
      yield* breaker.protect(works)

      assert.strictEqual((yield* totalsOf(breaker)).failed, 0)
    })
  )

  for (const [whose, name, key] of [
    ["another circuit of the breaker", "default", "another key"],
    ["another breaker", "another breaker", "default"],
    ["a circuit of the same names in another process", "default", "default"]
  ] as const) {
    it.scoped(`R3.1.6 E7 a rejection by ${whose} is a failure`, () =>
      Effect.gen(function* () {
        const breaker = yield* make({ name: "default" })

        yield* Effect.flip(breaker.protect(rejectedBy(name, key)))

        assert.strictEqual((yield* totalsOf(breaker)).failed, 1)
        assert.strictEqual(yield* tagOf(breaker), "Open")
      })
    )
  }

  it.scoped("R3.1.6 R3.1.9 E7 a circuit's own rejection is left out of a cause, and the rest is judged", () =>
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

describe("R3.1.6 E11 calls that outlive their probes", () => {
  const ways: Record<
    string,
    (breaker: Breaker, effect: Effect.Effect<void>) => Effect.Effect<void, unknown>
  > = {
    protect: (breaker, effect) => breaker.protect(effect),
    protectStream: (breaker, effect) => Stream.runDrain(breaker.protectStream(Stream.fromEffect(effect)))
  }

  for (const [way, call] of Object.entries(ways)) {
    it.scoped(
      `R3.1.6 E11 a poll by ${way} that starts the next one in the background keeps one call in memory, not all`,
      () =>
        Effect.gen(function* () {
          const breaker = yield* makeHalfOpen({ halfOpen: { probes: 1_000 } })
          const depths: Array<number> = []
          const entries: Array<number> = []
          const poll = (left: number): Effect.Effect<void, unknown> =>
            call(
              breaker,
              Effect.withFiberRuntime((fiber) => {
                let depth = 0
                for (let it = fiber.getFiberRef(runningCall); it !== undefined; it = it.outer) depth++
                depths.push(depth)
                entries.push(fiber.getFiberRefs().locals.get(runningCall)?.length ?? 0)
                return left === 0 ? Effect.void : Effect.asVoid(Effect.forkDaemon(poll(left - 1)))
              })
            )

          yield* poll(200)
          yield* Effect.repeatN(settled, 200)

          assert.strictEqual(depths.length, 201)
          assert.isAtMost(Math.max(...depths), 2)
          assert.deepStrictEqual([Math.min(...entries), Math.max(...entries)], [1, 1])
        })
    )
  }

  it.scoped("R3.1.6 a fiber that inherits the FiberRefs of a running probe does not become part of it", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()
      const probe = yield* startCall(breaker.protect)

      yield* Fiber.inheritAll(probe.fiber)

      assert.strictEqual((yield* rejectionOf(breaker.protect(works))).state, "HalfOpen")
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
