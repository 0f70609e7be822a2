import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, TripPolicy, type Transition } from "effect-circuit-breaker"
import {
  atOnce,
  begin,
  Dependency,
  type InFlight,
  isRejected,
  observe,
  path,
  rejection,
  settled,
  stateTag
} from "./fixtures.ts"

const openDuration = "10 seconds"

const openingsOf = (transitions: ReadonlyArray<Transition.Transition>) =>
  transitions.flatMap((it) => (it.to === "Open" ? [it.openings] : []))

describe("Concurrency", () => {
  it.scoped.each([1, 3])(
    "N callers at the instant the open time ends: no more than %i probes (opossum#119, Polly#216, resilience4j#343)",
    (probes) =>
      Effect.gen(function* () {
        const breaker = yield* CircuitBreaker.make({ openDuration, halfOpen: { probes } })
        const transitions = yield* observe(breaker)
        const dependency = new Dependency()
        yield* breaker.trip()
        yield* TestClock.setTime(10_000)
        const exits = yield* atOnce(100, breaker.protect(Effect.zipLeft(dependency.up, Effect.yieldNow())))
        assert.strictEqual(dependency.started, probes)
        assert.strictEqual(exits.filter(isRejected).length, 100 - probes)
        assert.deepStrictEqual((yield* transitions).map(path), [
          "Closed -> Open",
          "Open -> HalfOpen",
          "HalfOpen -> Closed"
        ])
      })
  )

  it.scoped("N sleepers that wake when the open time ends: one probe", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ openDuration })
      const dependency = new Dependency()
      yield* breaker.trip()
      yield* Effect.replicateEffect(
        Effect.fork(Effect.delay(breaker.protect(dependency.hanging), openDuration)),
        20
      )
      yield* TestClock.adjust(openDuration)
      yield* settled
      assert.strictEqual(dependency.started, 1)
      assert.strictEqual((yield* breaker.snapshot()).totals.rejected, 19)
    })
  )

  it.scoped("simultaneous failures open once: one event, one backoff step (Polly#223, rezilience)", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({
        tripPolicy: TripPolicy.consecutive(3),
        openDuration: Schedule.exponential("1 second")
      })
      const transitions = yield* observe(breaker)
      const calls = yield* Effect.replicateEffect(begin(breaker), 50)
      for (const call of calls) yield* call.ends(Exit.fail("down"))
      assert.deepStrictEqual((yield* transitions).map(path), ["Closed -> Open"])
      assert.deepStrictEqual(openingsOf(yield* transitions), [1])
      const state = yield* breaker.state()
      assert.strictEqual(state._tag === "Open" && Duration.toSeconds(state.retryAfter), 1)
    })
  )

  it.scoped("simultaneous failures of probes reopen once", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({
        openDuration: Schedule.exponential("1 second"),
        halfOpen: { probes: 10, failuresToReopen: 1 }
      })
      const transitions = yield* observe(breaker)
      yield* breaker.trip()
      yield* TestClock.adjust("1 second")
      const probes = yield* Effect.replicateEffect(begin(breaker), 10)
      for (const probe of probes) yield* probe.ends(Exit.fail("down"))
      assert.deepStrictEqual(openingsOf(yield* transitions), [1, 2])
      const state = yield* breaker.state()
      assert.strictEqual(state._tag === "Open" && Duration.toSeconds(state.retryAfter), 2)
    })
  )

  it.scoped("simultaneous failures leave no second timer that flips a recovered circuit (Polly#223)", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ tripPolicy: TripPolicy.consecutive(1), openDuration })
      const calls = yield* Effect.replicateEffect(begin(breaker), 5)
      for (const call of calls) {
        yield* TestClock.adjust("1 second")
        yield* call.ends(Exit.fail("down"))
      }
      yield* breaker.reset()
      const transitions = yield* observe(breaker)
      for (let second = 0; second < 20; second += 5) {
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual(yield* breaker.protect(Effect.succeed("up")), "up")
        assert.strictEqual(yield* stateTag(breaker), "Closed")
      }
      assert.deepStrictEqual(yield* transitions, [])
    })
  )

  const endings: ReadonlyArray<readonly [name: string, end: (probe: InFlight) => Effect.Effect<void>]> = [
    ["success", (probe) => probe.ends(Exit.succeed("late"))],
    ["failure", (probe) => probe.ends(Exit.fail("late"))],
    ["interruption", (probe) => probe.interrupt]
  ]

  it.scoped.each(endings)(
    "releasing a slot after the state changed, by %s, gives the next half-open no extra one (failsafe#391)",
    ([, end]) =>
      Effect.gen(function* () {
        const breaker = yield* CircuitBreaker.make({ openDuration, halfOpen: { probes: 2 } })
        const dependency = new Dependency()
        yield* breaker.trip()
        yield* TestClock.adjust(openDuration)
        const [whileOpen, whileHalfOpen] = yield* Effect.replicateEffect(begin(breaker), 2)
        yield* breaker.trip()
        yield* end(whileOpen!)
        yield* TestClock.adjust(openDuration)
        yield* Effect.replicateEffect(Effect.fork(breaker.protect(dependency.hanging)), 10)
        yield* settled
        assert.strictEqual(dependency.started, 2)
        yield* end(whileHalfOpen!)
        yield* rejection(breaker.protect(dependency.up))
        const state = yield* breaker.state()
        assert.strictEqual(state._tag === "HalfOpen" && state.probing, 2)
      })
  )

  it.scoped("half-open callers fail fast, none of 1,000 queues (cockatiel 4)", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ openDuration })
      const dependency = new Dependency()
      yield* breaker.trip()
      yield* TestClock.setTime(10_000)
      yield* Effect.fork(breaker.protect(dependency.hanging))
      yield* settled
      const exits = yield* atOnce(1_000, breaker.protect(dependency.up))
      assert.isTrue(exits.every(isRejected))
      assert.strictEqual(dependency.started, 1)
    })
  )

  it.scoped("no lock is held while a call runs: one that hangs holds up no other (gobreaker v2)", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ openDuration, halfOpen: { probes: 2 } })
      const dependency = new Dependency()
      yield* Effect.replicateEffect(Effect.fork(breaker.protect(dependency.hanging)), 100)
      yield* settled
      assert.strictEqual(dependency.started, 100)
      assert.isTrue((yield* atOnce(100, breaker.protect(dependency.up))).every(Exit.isSuccess))
      yield* breaker.trip()
      yield* rejection(breaker.protect(dependency.up))
      yield* TestClock.setTime(10_000)
      yield* Effect.fork(breaker.protect(dependency.hanging))
      yield* settled
      assert.isTrue((yield* atOnce(1, breaker.protect(dependency.up))).every(Exit.isSuccess))
    })
  )
})
