import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, Outcome, TripPolicy } from "effect-circuit-breaker"
import { settled } from "../rules/fixtures.ts"
import { begin, observe, path, rejection, stateTag } from "./fixtures.ts"

const options = { tripPolicy: TripPolicy.consecutive(1), openDuration: "10 seconds" } as const

describe("Late results", () => {
  it.scoped("a late success closes no open circuit (opossum 10, davenverse/circuit)", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make(options)
      const early = yield* begin(breaker)
      yield* Effect.exit(breaker.protect(Effect.fail("down")))
      yield* early.ends(Exit.succeed("late"))
      assert.deepStrictEqual(yield* early.exit, Option.some(Exit.succeed("late")))
      assert.strictEqual(yield* stateTag(breaker), "Open")
      assert.strictEqual((yield* breaker.snapshot()).totals.succeeded, 0)
    })
  )

  it.scoped("a late success closes no half-open circuit and frees no slot", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make(options)
      const [unprobed, probed] = yield* Effect.replicateEffect(begin(breaker), 2)
      yield* Effect.exit(breaker.protect(Effect.fail("down")))
      yield* TestClock.setTime(10_000)
      yield* unprobed!.ends(Exit.succeed("late"))
      assert.strictEqual(yield* stateTag(breaker), "HalfOpen")
      yield* begin(breaker)
      yield* probed!.ends(Exit.succeed("late"))
      assert.deepStrictEqual(yield* breaker.state(), {
        _tag: "HalfOpen",
        probing: 1,
        succeeded: 0,
        openings: 1
      })
    })
  )

  it.scoped("a late success does not wipe out the failures of the new closed window", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ ...options, tripPolicy: TripPolicy.consecutive(2) })
      const early = yield* begin(breaker)
      yield* breaker.reset()
      yield* Effect.exit(breaker.protect(Effect.fail("down")))
      yield* early.ends(Exit.succeed("late"))
      yield* Effect.exit(breaker.protect(Effect.fail("down")))
      assert.strictEqual(yield* stateTag(breaker), "Open")
    })
  )

  it.scoped("a late failure does not reopen a half-open circuit (cockatiel 4)", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make(options)
      const [unprobed, probed] = yield* Effect.replicateEffect(begin(breaker), 2)
      yield* Effect.exit(breaker.protect(Effect.fail("down")))
      yield* TestClock.setTime(10_000)
      yield* unprobed!.ends(Exit.fail("late"))
      assert.strictEqual(yield* stateTag(breaker), "HalfOpen")
      const probe = yield* begin(breaker)
      yield* probed!.ends(Exit.fail("late"))
      yield* probe.ends(Exit.succeed("up"))
      assert.strictEqual(yield* stateTag(breaker), "Closed")
    })
  )

  it.scoped("a late failure does not count in the new closed window or trip it again (cockatiel 4)", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make(options)
      const early = yield* begin(breaker)
      yield* Effect.exit(breaker.protect(Effect.fail("down")))
      yield* TestClock.setTime(10_000)
      yield* breaker.protect(Effect.succeed("up"))
      const { lastFailure, totals } = yield* breaker.snapshot()

      yield* early.ends(Exit.fail("late"))
      assert.deepStrictEqual(yield* early.exit, Option.some(Exit.fail("late")))
      const snapshot = yield* breaker.snapshot()
      assert.strictEqual(snapshot.state._tag, "Closed")
      assert.deepStrictEqual(snapshot.window, { calls: 0, failures: 0, slow: 0 })
      assert.deepStrictEqual(snapshot.totals, totals)
      assert.deepStrictEqual(snapshot.lastFailure, lastFailure)
    })
  )

  it.scoped("late failures do not refresh the open time, so it heals (couchbase#191)", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({
        ...options,
        classify: (exit) =>
          Exit.isSuccess(exit) ? Outcome.success : Outcome.failure({ retryAfter: "30 minutes" })
      })
      const transitions = yield* observe(breaker)
      const early = yield* Effect.replicateEffect(begin(breaker), 9)
      yield* breaker.trip()
      for (const call of early) {
        yield* TestClock.adjust("1 second")
        yield* call.ends(Exit.fail("late"))
      }
      const state = yield* breaker.state()
      assert.strictEqual(state._tag === "Open" && Duration.toSeconds(state.retryAfter), 1)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* breaker.protect(Effect.succeed("up")), "up")
      assert.deepStrictEqual((yield* transitions).map(path), [
        "Closed -> Open",
        "Open -> HalfOpen",
        "HalfOpen -> Closed"
      ])
    })
  )

  it.scoped("a late slow call, cancelled after the circuit closed again, does not count as slow", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({
        ...options,
        tripPolicy: TripPolicy.slowCallRate({ slowerThan: "1 second", threshold: 1, calls: 1 })
      })
      const early = yield* begin(breaker)
      yield* breaker.trip()
      yield* TestClock.setTime(10_000)
      yield* breaker.protect(Effect.succeed("up"))
      yield* early.interrupt
      assert.strictEqual(yield* stateTag(breaker), "Closed")
      assert.deepStrictEqual((yield* breaker.snapshot()).window, { calls: 0, failures: 0, slow: 0 })
    })
  )

  it.scoped("a probe of an earlier half-open settles nothing in the next one", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ ...options, halfOpen: { probes: 2 } })
      yield* breaker.trip()
      yield* TestClock.setTime(10_000)
      const stale = yield* begin(breaker)
      yield* Effect.exit(breaker.protect(Effect.fail("down")))
      yield* TestClock.setTime(20_000)
      yield* begin(breaker)
      const state = yield* breaker.state()
      yield* stale.ends(Exit.succeed("late"))
      assert.deepStrictEqual(yield* breaker.state(), state)
      yield* breaker.protect(Effect.succeed("up"))
      yield* rejection(breaker.protect(Effect.succeed("up")))
    })
  )
})

describe("A stream that fails after its first chunk", () => {
  /** A protected stream that is being read; it is given its chunk, and then it is failed. */
  const stream = (breaker: CircuitBreaker.CircuitBreaker) =>
    Effect.gen(function* () {
      const queue = yield* Queue.unbounded<Effect.Effect<string, string>>()
      const elements = Stream.mapEffect(Stream.fromQueue(queue, { maxChunkSize: 1 }), (element) => element)
      yield* breaker.protectStream(elements).pipe(Stream.runDrain, Effect.exit, Effect.forkScoped)
      yield* settled
      const offer = (element: Effect.Effect<string, string>) =>
        Effect.zipRight(Queue.offer(queue, element), settled)
      return { arrives: offer(Effect.succeed("chunk")), fails: offer(Effect.fail("cut off")) }
    })

  const halfOpen = (probing: number, succeeded: number) => ({
    _tag: "HalfOpen" as const,
    probing,
    succeeded,
    openings: 1
  })

  const makeHalfOpen = (over: CircuitBreaker.Options) =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ ...options, ...over })
      yield* breaker.trip()
      yield* TestClock.setTime(10_000)
      return breaker
    })

  it.scoped("R3.1.8 reopens a circuit that still asks for another probe", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen({ halfOpen: { probes: 2 } })
      const probe = yield* stream(breaker)
      yield* probe.arrives
      assert.deepStrictEqual(yield* breaker.state(), halfOpen(0, 1))
      yield* probe.fails
      assert.strictEqual(yield* stateTag(breaker), "Open")
    })
  )

  it.scoped("R3.2.5 changes nothing if its chunk came after its lease", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen({ halfOpen: { probes: 2, probeTimeout: "5 seconds" } })
      const probe = yield* stream(breaker)
      yield* TestClock.adjust("5 seconds")
      yield* probe.arrives
      assert.deepStrictEqual(yield* breaker.state(), halfOpen(0, 0))
      yield* probe.fails
      assert.deepStrictEqual(yield* breaker.state(), halfOpen(0, 0))
    })
  )

  it.scoped("R3.2.11 counts once if its chunk came so late that it has failed by that", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen({
        tripPolicy: TripPolicy.slowCallRate({ slowerThan: "2 seconds", threshold: 1, calls: 1 }),
        halfOpen: { failuresToReopen: 2 }
      })
      const probe = yield* stream(breaker)
      yield* TestClock.adjust("2 seconds")
      yield* probe.arrives
      yield* probe.fails
      assert.deepStrictEqual(yield* breaker.state(), halfOpen(0, 0))
      yield* Effect.exit(breaker.protect(Effect.fail("down")))
      assert.strictEqual(yield* stateTag(breaker), "Open")
    })
  )
})
