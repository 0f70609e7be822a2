import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Scheduler from "effect/Scheduler"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, Outcome } from "effect-circuit-breaker"
import { atOnce, begin, Dependency, isRejected, rejection, settled, stateTag } from "./fixtures.ts"

const openDuration = "10 seconds"

/** A breaker that has just become half-open, at 10 s. */
const halfOpen = (options: CircuitBreaker.Options = {}) =>
  Effect.gen(function* () {
    const breaker = yield* CircuitBreaker.make({ openDuration, ...options })
    yield* breaker.trip()
    yield* TestClock.setTime(10_000)
    return breaker
  })

const untouched: CircuitBreaker.CircuitState = { _tag: "HalfOpen", probing: 0, succeeded: 0, openings: 1 }

/** Interrupts the fiber that runs on it just before one of its operations. */
class InterruptsAt implements Scheduler.Scheduler {
  hasInterrupted = false
  private readonly offset: number
  private operations = 0

  constructor(offset: number) {
    this.offset = offset
  }

  shouldYield(fiber: Fiber.RuntimeFiber<unknown, unknown>): false {
    if (this.operations++ === this.offset) {
      this.hasInterrupted = true
      fiber.unsafeInterruptAsFork(FiberId.none)
    }
    return false
  }

  scheduleTask(task: Scheduler.Task, priority: number): void {
    Scheduler.defaultScheduler.scheduleTask(task, priority)
  }
}

describe("A probe that never settles", () => {
  it.scoped("half-open for ever when the probe hangs: its slot is free again after probeTimeout", () =>
    Effect.gen(function* () {
      const breaker = yield* halfOpen()
      const dependency = new Dependency()
      yield* Effect.fork(breaker.protect(dependency.hanging))
      yield* settled
      for (const second of [10, 30, 69.999]) {
        yield* TestClock.setTime(second * 1_000)
        const exits = yield* atOnce(100, breaker.protect(dependency.up))
        assert.isTrue(exits.every(isRejected))
      }
      yield* TestClock.setTime(70_000)
      assert.deepStrictEqual(yield* breaker.state(), untouched)
      assert.strictEqual(yield* breaker.protect(dependency.up), "up")
      assert.strictEqual(yield* stateTag(breaker), "Closed")
      assert.strictEqual(dependency.started, 2)
    })
  )

  it.scoped("half-open for ever when every probe hangs: each lease ends by itself", () =>
    Effect.gen(function* () {
      const breaker = yield* halfOpen({ halfOpen: { probes: 2, probeTimeout: "5 seconds" } })
      const dependency = new Dependency()
      for (let round = 1; round <= 10; round++) {
        yield* Effect.replicateEffect(Effect.fork(breaker.protect(dependency.hanging)), 3)
        yield* settled
        assert.strictEqual(dependency.started, 2 * round)
        yield* TestClock.adjust("5 seconds")
      }
      yield* breaker.protect(dependency.up)
      yield* breaker.protect(dependency.up)
      assert.strictEqual(yield* stateTag(breaker), "Closed")
    })
  )

  it.scoped("a cancelled probe keeps no slot (monix#1080, rezilience#521, resilience4j#1681)", () =>
    Effect.gen(function* () {
      const breaker = yield* halfOpen()
      for (let i = 0; i < 5; i++) {
        const probe = yield* begin(breaker)
        assert.deepStrictEqual(yield* breaker.state(), { ...untouched, probing: 1 })
        yield* probe.interrupt
        assert.deepStrictEqual(yield* breaker.state(), untouched)
      }
      assert.strictEqual(yield* breaker.protect(Effect.succeed("up")), "up")
    })
  )

  it.scoped("a probe that dies keeps no slot (rezilience#482)", () =>
    Effect.gen(function* () {
      const breaker = yield* halfOpen({ halfOpen: { probes: 1, failuresToReopen: 3 } })
      const dies = breaker.protect(Effect.die("bug"))
      assert.deepStrictEqual(yield* Effect.exit(dies), Exit.die("bug"))
      assert.deepStrictEqual(yield* breaker.state(), untouched)
      const throws = breaker.protect(
        Effect.suspend((): Effect.Effect<never> => {
          throw new Error("bug")
        })
      )
      assert.isTrue(Exit.isFailure(yield* Effect.exit(throws)))
      assert.deepStrictEqual(yield* breaker.state(), untouched)
      yield* Effect.exit(dies)
      assert.strictEqual(yield* stateTag(breaker), "Open")
      yield* TestClock.adjust(openDuration)
      assert.strictEqual(yield* breaker.protect(Effect.succeed("up")), "up")
    })
  )

  it.scoped("an ignored probe keeps no slot (Polly#1979, resilience4j#544)", () =>
    Effect.gen(function* () {
      const breaker = yield* halfOpen({ classify: Outcome.ignoreWhen((error) => error === "not found") })
      for (let i = 0; i < 5; i++) {
        assert.strictEqual(yield* Effect.flip(breaker.protect(Effect.fail("not found"))), "not found")
        assert.deepStrictEqual(yield* breaker.state(), untouched)
      }
      assert.strictEqual(yield* breaker.protect(Effect.succeed("up")), "up")
    })
  )

  it.scoped("a probe that an inner limiter stops keeps no slot (Sentinel#1638)", () =>
    Effect.gen(function* () {
      const breaker = yield* halfOpen({ classify: Outcome.ignoreWhen((error) => error === "too many") })
      const dependency = new Dependency()
      const limiter = yield* Effect.makeSemaphore(1)
      const call = dependency.up.pipe(
        limiter.withPermitsIfAvailable(1),
        Effect.flatMap(Option.match({ onNone: () => Effect.fail("too many"), onSome: Effect.succeed })),
        breaker.protect
      )
      yield* limiter.take(1)
      assert.strictEqual(yield* Effect.flip(call), "too many")
      assert.strictEqual(dependency.started, 0)
      assert.deepStrictEqual(yield* breaker.state(), untouched)
      yield* limiter.release(1)
      assert.strictEqual(yield* call, "up")
      assert.strictEqual(yield* stateTag(breaker), "Closed")
    })
  )

  it.scoped("a probe that is cancelled while an inner limiter makes it wait keeps no slot", () =>
    Effect.gen(function* () {
      const breaker = yield* halfOpen()
      const dependency = new Dependency()
      const limiter = yield* Effect.makeSemaphore(1)
      yield* limiter.take(1)
      const call = yield* Effect.fork(dependency.up.pipe(limiter.withPermits(1), breaker.protect))
      yield* settled
      assert.deepStrictEqual(yield* breaker.state(), { ...untouched, probing: 1 })
      yield* Fiber.interrupt(call)
      assert.strictEqual(dependency.started, 0)
      assert.deepStrictEqual(yield* breaker.state(), untouched)
    })
  )

  it.scoped.each([
    ["succeeds", Effect.succeed("up"), "Closed"],
    ["fails", Effect.fail("down"), "Open"]
  ] as const)(
    "interrupted between taking the slot and starting, or anywhere else: no offset leaks it when the probe %s",
    ([, answer, settledAs]) =>
      Effect.gen(function* () {
        const breaker = yield* CircuitBreaker.make({ openDuration })
        const runtime = yield* Effect.runtime()
        const seen = { neverStarted: 0, cutShort: 0, finished: 0 }
        for (let offset = 0; seen.finished === 0; offset++) {
          const key = `${offset}`
          yield* breaker.trip(key)
          yield* TestClock.adjust(openDuration)
          const dependency = new Dependency()
          const probe = dependency.reached(Effect.zipRight(Effect.yieldNow(), answer))
          const scheduler = new InterruptsAt(offset)
          const fiber = Runtime.runFork(runtime)(breaker.protectWith(probe, { key }), { scheduler })
          yield* Fiber.await(fiber)
          if (!scheduler.hasInterrupted) seen.finished++
          else if (dependency.started === 0) seen.neverStarted++
          else seen.cutShort++

          const state = yield* breaker.state(key)
          if (state._tag === "HalfOpen") assert.deepStrictEqual(state, untouched, `offset ${offset}`)
          else assert.strictEqual(state._tag, settledAs)
          if (state._tag !== "Open") {
            assert.strictEqual(yield* breaker.protectWith(Effect.succeed("up"), { key }), "up")
          }
        }
        assert.isAbove(seen.neverStarted, 3)
        assert.isAbove(seen.cutShort, 3)
      })
  )

  it.scoped(
    "a lease expired, a second probe took over: the first one's late success is fenced (nora#667)",
    () =>
      Effect.gen(function* () {
        const breaker = yield* halfOpen({ halfOpen: { probeTimeout: "1 minute" } })
        const first = yield* begin(breaker)
        yield* TestClock.setTime(70_000)
        const second = yield* begin(breaker)

        yield* first.ends(Exit.succeed("late"))
        assert.deepStrictEqual(yield* first.exit, Option.some(Exit.succeed("late")))
        assert.deepStrictEqual(yield* breaker.state(), { ...untouched, probing: 1 })
        yield* rejection(breaker.protect(Effect.succeed("up")))

        yield* second.ends(Exit.fail("down"))
        assert.strictEqual(yield* stateTag(breaker), "Open")
      })
  )

  it.scoped("a lease expired, a second probe took over: the first one's late failure is fenced", () =>
    Effect.gen(function* () {
      const breaker = yield* halfOpen({ halfOpen: { probeTimeout: "1 minute" } })
      const first = yield* begin(breaker)
      yield* TestClock.setTime(70_000)
      const second = yield* begin(breaker)
      yield* first.ends(Exit.fail("late"))
      assert.deepStrictEqual(yield* breaker.state(), { ...untouched, probing: 1 })
      assert.isTrue(Option.isNone((yield* breaker.snapshot()).lastFailure))
      yield* second.ends(Exit.succeed("up"))
      assert.strictEqual(yield* stateTag(breaker), "Closed")
    })
  )

  it.scoped(
    "a lease expired, a second probe took over: cancelling the first frees no slot of the second",
    () =>
      Effect.gen(function* () {
        const breaker = yield* halfOpen({ halfOpen: { probeTimeout: "1 minute" } })
        const first = yield* begin(breaker)
        yield* TestClock.setTime(70_000)
        yield* begin(breaker)
        yield* first.interrupt
        assert.deepStrictEqual(yield* breaker.state(), { ...untouched, probing: 1 })
        yield* rejection(breaker.protect(Effect.succeed("up")))
      })
  )

  it.scoped("a lease expired and nobody took over: the late success does not close", () =>
    Effect.gen(function* () {
      const breaker = yield* halfOpen({ halfOpen: { probeTimeout: "1 minute" } })
      const probe = yield* begin(breaker)
      yield* TestClock.setTime(70_000)
      yield* probe.ends(Exit.succeed("late"))
      assert.deepStrictEqual(yield* breaker.state(), untouched)
    })
  )
})
