import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, Outcome, TripPolicy } from "effect-circuit-breaker"
import { begin, Dependency, rejection, settled, stateTag } from "../traps/fixtures.ts"

const options = { tripPolicy: TripPolicy.consecutive(3), openDuration: "30 seconds" } as const

/** A breaker that has just become half-open, at 30 s. */
const halfOpen = (over: CircuitBreaker.Options = {}) =>
  Effect.gen(function* () {
    const breaker = yield* CircuitBreaker.make({ ...options, ...over })
    yield* Effect.replicateEffect(Effect.exit(breaker.protect(Effect.fail("500"))), 3)
    yield* TestClock.setTime(30_000)
    return breaker
  })

describe("D circuit_breaker_fastapi: consecutive or total of 3, open 30 s", () => {
  it.scoped("D1 three failures open it; then no handler runs and retryAfter counts down", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make(options)
      const handler = new Dependency()
      yield* Effect.replicateEffect(Effect.exit(breaker.protect(handler.down)), 2)
      assert.strictEqual(yield* stateTag(breaker), "Closed")
      yield* Effect.exit(breaker.protect(handler.down))
      for (const [second, left] of [
        [0, 30],
        [10, 20],
        [29, 1]
      ] as const) {
        yield* TestClock.setTime(second * 1_000)
        const error = yield* rejection(breaker.protect(handler.up))
        assert.strictEqual(Duration.toSeconds(error.retryAfter), left)
      }
      assert.strictEqual(handler.started, 3)
    })
  )

  it.scoped("D2 at 30 s one probe runs, and concurrent requests are rejected as before", () =>
    Effect.gen(function* () {
      const breaker = yield* halfOpen()
      const handler = new Dependency()
      const probe = yield* begin(breaker)
      const error = yield* rejection(breaker.protect(handler.up))
      assert.strictEqual(error.state, "HalfOpen")
      assert.strictEqual(handler.started, 0)
      yield* probe.ends(Exit.succeed("200"))
      assert.strictEqual(yield* stateTag(breaker), "Closed")
    })
  )

  it.scoped("D2 success closes, failure opens for a new 30 s", () =>
    Effect.gen(function* () {
      const breaker = yield* halfOpen()
      yield* Effect.exit(breaker.protect(Effect.fail("500")))
      yield* TestClock.setTime(59_999)
      yield* rejection(breaker.protect(Effect.succeed("200")))
      yield* TestClock.setTime(60_000)
      assert.strictEqual(yield* breaker.protect(Effect.succeed("200")), "200")
      assert.strictEqual(yield* stateTag(breaker), "Closed")
    })
  )

  it.scoped("D3 probes: 3: three successes close", () =>
    Effect.gen(function* () {
      const breaker = yield* halfOpen({ halfOpen: { probes: 3 } })
      const probes = yield* Effect.replicateEffect(begin(breaker), 3)
      yield* rejection(breaker.protect(Effect.succeed("200")))
      for (const probe of probes) {
        assert.strictEqual(yield* stateTag(breaker), "HalfOpen")
        yield* probe.ends(Exit.succeed("200"))
      }
      assert.strictEqual(yield* stateTag(breaker), "Closed")
    })
  )

  it.scoped("D3 probes: 3: one failure among them reopens", () =>
    Effect.gen(function* () {
      const breaker = yield* halfOpen({ halfOpen: { probes: 3 } })
      yield* breaker.protect(Effect.succeed("200"))
      yield* breaker.protect(Effect.succeed("200"))
      assert.strictEqual(yield* stateTag(breaker), "HalfOpen")
      yield* Effect.exit(breaker.protect(Effect.fail("500")))
      assert.strictEqual(yield* stateTag(breaker), "Open")
    })
  )

  const usable = (breaker: CircuitBreaker.CircuitBreaker) =>
    Effect.gen(function* () {
      const state = yield* breaker.state()
      assert.strictEqual(state._tag === "HalfOpen" && state.probing, 0)
      assert.strictEqual(yield* breaker.protect(Effect.succeed("200")), "200")
      assert.strictEqual(yield* stateTag(breaker), "Closed")
    })

  it.scoped("D4 a probe whose client disconnects leaves the circuit usable", () =>
    Effect.gen(function* () {
      const breaker = yield* halfOpen()
      const probe = yield* begin(breaker)
      yield* rejection(breaker.protect(Effect.succeed("200")))
      yield* probe.interrupt
      yield* usable(breaker)
    })
  )

  it.scoped("D4 a probe that times out leaves the circuit usable", () =>
    Effect.gen(function* () {
      const breaker = yield* halfOpen()
      const handler = new Dependency()
      const request = yield* Effect.fork(breaker.protect(handler.hanging).pipe(Effect.timeout("5 seconds")))
      yield* settled
      yield* rejection(breaker.protect(handler.up))
      yield* TestClock.adjust("5 seconds")
      const exit = yield* Fiber.await(request)
      assert.isTrue(Exit.isFailure(exit) && Cause.isFailType(exit.cause))
      yield* usable(breaker)
    })
  )

  it.scoped("D4 a probe that ends in an unlisted error leaves the circuit usable", () =>
    Effect.gen(function* () {
      const breaker = yield* halfOpen({ classify: Outcome.failWhen((error) => error === "500") })
      assert.strictEqual(yield* Effect.flip(breaker.protect(Effect.fail("422"))), "422")
      yield* usable(breaker)
    })
  )

  it.scoped("D6 total since the last close: bad, ok, ok, ok, bad, ok, bad opens on the third bad", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({
        ...options,
        tripPolicy: TripPolicy.failureCount({ failures: 3, within: Infinity })
      })
      const { down: bad, up: ok } = new Dependency()
      for (const call of [bad, ok, ok, ok, bad, ok]) {
        yield* Effect.exit(breaker.protect(call))
        yield* TestClock.adjust("365 days")
        assert.strictEqual(yield* stateTag(breaker), "Closed")
      }
      yield* Effect.exit(breaker.protect(bad))
      assert.strictEqual(yield* stateTag(breaker), "Open")

      yield* TestClock.adjust("30 seconds")
      yield* breaker.protect(ok)
      yield* Effect.replicateEffect(Effect.exit(breaker.protect(bad)), 2)
      assert.strictEqual(yield* stateTag(breaker), "Closed")
    })
  )

  const { consecutive, failureCount, failureRate } = TripPolicy

  it.each<readonly [option: string, received: string, options: CircuitBreaker.Options]>([
    ["tripPolicy.failures", "0", { tripPolicy: consecutive(0) }],
    ["tripPolicy.failures", "-3", { tripPolicy: consecutive(-3) }],
    ["tripPolicy.failures", "2.5", { tripPolicy: consecutive(2.5) }],
    ["tripPolicy.failures", "NaN", { tripPolicy: failureCount({ failures: NaN, within: "1 minute" }) }],
    ["tripPolicy.within", "0", { tripPolicy: failureCount({ failures: 3, within: 0 }) }],
    ["tripPolicy.threshold", "0", { tripPolicy: failureRate({ threshold: 0, calls: 10 }) }],
    ["tripPolicy.threshold", "1.1", { tripPolicy: failureRate({ threshold: 1.1, calls: 10 }) }],
    [
      "tripPolicy.minimumCalls",
      "11",
      { tripPolicy: failureRate({ threshold: 1, calls: 10, minimumCalls: 11 }) }
    ],
    ["tripPolicy: anyOf", "none", { tripPolicy: TripPolicy.anyOf() }],
    ["openDuration", "0", { openDuration: 0 }],
    ["openDuration", "-1", { openDuration: -1 }],
    ["openDuration", "Infinity", { openDuration: Infinity }],
    ["openDuration", "0", { openDuration: Schedule.forever }],
    ["maxOpenDuration", "0", { maxOpenDuration: 0 }],
    ["halfOpen.probes", "0", { halfOpen: { probes: 0 } }],
    ["halfOpen.failuresToReopen", "1.5", { halfOpen: { failuresToReopen: 1.5 } }],
    ["halfOpen.probeTimeout", "Infinity", { halfOpen: { probeTimeout: Infinity } }],
    ["recovery.from", "2", { recovery: { duration: "1 minute", from: 2 } }],
    ["capacity", "-1", { capacity: -1 }],
    ["idleTimeToLive", "0", { idleTimeToLive: 0 }]
  ])("D8 settings out of range are refused at construction: %s of %s", (option, received, options) => {
    const exit = Effect.runSyncExit(Effect.scoped(CircuitBreaker.make({ ...options, name: "D8" })))
    const defect = Exit.isFailure(exit) && exit.cause._tag === "Die" ? exit.cause.defect : undefined
    assert.instanceOf(defect, RangeError)
    const { message } = defect as RangeError
    assert.include(message, `CircuitBreaker "D8": ${option} must be `)
    assert.include(message.slice(message.indexOf("received ")), received)
  })
})
