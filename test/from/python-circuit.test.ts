import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, Outcome, TripPolicy } from "effect-circuit-breaker"
import {
  atOnce,
  begin,
  captureLog,
  Dependency,
  isRejected,
  observe,
  rejection,
  stateTag
} from "../traps/fixtures.ts"

const options = {
  tripPolicy: TripPolicy.failureCount({ failures: 4, within: "60 seconds" }),
  openDuration: "10 seconds"
} as const

/** Calls of a peer that fail at these moments, in milliseconds. */
const failAt = (breaker: CircuitBreaker.CircuitBreaker, key: string, moments: ReadonlyArray<number>) =>
  Effect.forEach(moments, (at) =>
    Effect.zipRight(
      TestClock.setTime(at),
      Effect.exit(breaker.protectWith(Effect.fail("unreachable"), { key }))
    )
  )

class PeerError {
  readonly _tag: string = "PeerError"
}

class PeerTimeout extends PeerError {
  override readonly _tag = "PeerTimeout"
}

class UnknownUser {
  readonly _tag = "UnknownUser"
}

describe("B python-circuit: failureCount within 60 s, open 10 s, keyed by peer", () => {
  it.scoped('B1 four errors at 0 on peer "p" open "p", the fifth call is rejected, "q" stays Closed', () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make(options)
      const { up } = new Dependency()
      yield* failAt(breaker, "p", [0, 0, 0])
      assert.strictEqual(yield* stateTag(breaker, "p"), "Closed")
      yield* failAt(breaker, "p", [0])
      const error = yield* rejection(breaker.protectWith(up, { key: "p" }))
      assert.strictEqual(error.key, "p")
      assert.strictEqual(yield* stateTag(breaker, "q"), "Closed")
      assert.strictEqual(yield* breaker.protectWith(up, { key: "q" }), "up")
    })
  )

  it.scoped("B1 errors at 0, 0, 0 and 59.999 open; at 0, 0, 0 and 60.0 do not", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make(options)
      yield* failAt(breaker, "late", [0, 0, 0])
      yield* failAt(breaker, "just", [0, 0, 0, 59_999])
      assert.strictEqual(yield* stateTag(breaker, "just"), "Open")
      yield* failAt(breaker, "late", [60_000])
      assert.strictEqual(yield* stateTag(breaker, "late"), "Closed")
      assert.strictEqual((yield* breaker.snapshot("late")).window.failures, 1)
    })
  )

  it.scoped("B1 ten errors 30 s apart with failures: 3 never open", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({
        ...options,
        tripPolicy: TripPolicy.failureCount({ failures: 3, within: "60 seconds" })
      })
      const transitions = yield* observe(breaker)
      yield* failAt(
        breaker,
        "p",
        Array.from({ length: 10 }, (_, i) => i * 30_000)
      )
      assert.deepStrictEqual(yield* transitions, [])
    })
  )

  it.scoped("B2 only registered error types count; others pass through unrecorded; refinements count", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({
        ...options,
        classify: Outcome.failWhen((error) => error instanceof PeerError)
      })
      const unknown = new UnknownUser()
      const call = breaker.protectWith(Effect.fail(unknown), { key: "p" })
      for (let i = 0; i < 10; i++) assert.strictEqual(yield* Effect.flip(call), unknown)
      assert.strictEqual((yield* breaker.snapshot("p")).window.failures, 0)

      const refined = new PeerTimeout()
      for (const error of [new PeerError(), refined, refined, refined]) {
        assert.strictEqual(yield* stateTag(breaker, "p"), "Closed")
        assert.strictEqual(yield* Effect.flip(breaker.protectWith(Effect.fail(error), { key: "p" })), error)
      }
      assert.strictEqual(yield* stateTag(breaker, "p"), "Open")
    })
  )

  it.scoped("B3 at 10.0 one probe of five simultaneous calls is admitted", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make(options)
      const dependency = new Dependency()
      yield* failAt(breaker, "p", [0, 0, 0, 0])
      yield* TestClock.setTime(10_000)
      const exits = yield* atOnce(
        5,
        breaker.protectWith(Effect.zipLeft(dependency.up, Effect.yieldNow()), { key: "p" })
      )
      assert.strictEqual(dependency.started, 1)
      assert.strictEqual(exits.filter(isRejected).length, 4)
    })
  )

  it.scoped("B3 it fails: open until 20.0, also when the old errors have aged out of the window", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({
        ...options,
        tripPolicy: TripPolicy.failureCount({ failures: 4, within: "5 seconds" })
      })
      const call = breaker.protectWith(Effect.succeed("up"), { key: "p" })
      yield* failAt(breaker, "p", [0, 0, 0, 0, 10_000])
      assert.strictEqual(yield* stateTag(breaker, "p"), "Open")
      yield* TestClock.setTime(19_999)
      yield* rejection(call)
      yield* TestClock.setTime(20_000)
      assert.strictEqual(yield* call, "up")
    })
  )

  it.scoped("B3 it succeeds: Closed, and one later error leaves it Closed", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make(options)
      yield* failAt(breaker, "p", [0, 0, 0, 0])
      yield* TestClock.setTime(10_000)
      yield* breaker.protectWith(Effect.succeed("up"), { key: "p" })
      assert.strictEqual(yield* stateTag(breaker, "p"), "Closed")
      yield* failAt(breaker, "p", [10_001])
      assert.strictEqual(yield* stateTag(breaker, "p"), "Closed")
      assert.strictEqual((yield* breaker.snapshot("p")).window.failures, 1)
    })
  )

  it.scoped("B4 a probe that ends in an unregistered error gives the slot back", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({
        ...options,
        classify: Outcome.failWhen((error) => error instanceof PeerError)
      })
      const unknown = new UnknownUser()
      yield* breaker.trip("p")
      yield* TestClock.setTime(10_000)
      assert.strictEqual(yield* Effect.flip(breaker.protectWith(Effect.fail(unknown), { key: "p" })), unknown)
      assert.deepStrictEqual(yield* breaker.state("p"), {
        _tag: "HalfOpen",
        probing: 0,
        succeeded: 0,
        openings: 1
      })
      assert.strictEqual(yield* breaker.protectWith(Effect.succeed("up"), { key: "p" }), "up")
      assert.strictEqual(yield* stateTag(breaker, "p"), "Closed")
    })
  )

  const capped = Schedule.exponential("10 seconds").pipe(Schedule.union(Schedule.spaced("64 seconds")))

  it.scoped(
    "B5 backoff: probes fail at 10 and 30, rejected at 69.999, admitted at 70, the third waits 64 s",
    () =>
      Effect.gen(function* () {
        const breaker = yield* CircuitBreaker.make({ ...options, openDuration: capped })
        const call = breaker.protectWith(Effect.succeed("up"), { key: "p" })
        yield* failAt(breaker, "p", [0, 0, 0, 0, 10_000, 30_000])
        yield* TestClock.setTime(69_999)
        yield* rejection(call)
        yield* failAt(breaker, "p", [70_000])
        const state = yield* breaker.state("p")
        assert.strictEqual(state._tag === "Open" && Duration.toSeconds(state.retryAfter), 64)
        yield* TestClock.setTime(133_999)
        yield* rejection(call)
        yield* TestClock.setTime(134_000)
        assert.strictEqual(yield* call, "up")
      })
  )

  it.scoped("B5 staying closed long enough resets the backoff", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ ...options, openDuration: capped })
      const openings = (key: string) =>
        Effect.map(breaker.state(key), (state) => (state._tag === "Open" ? state.openings : state._tag))
      for (const key of ["soon", "later"]) {
        yield* Effect.replicateEffect(
          Effect.exit(breaker.protectWith(Effect.fail("unreachable"), { key })),
          4
        )
      }
      yield* TestClock.setTime(10_000)
      yield* breaker.protectWith(Effect.succeed("up"), { key: "soon" })
      yield* breaker.protectWith(Effect.succeed("up"), { key: "later" })
      yield* failAt(breaker, "soon", [19_999, 19_999, 19_999, 19_999])
      yield* failAt(breaker, "later", [20_000, 20_000, 20_000, 20_000])
      assert.strictEqual(yield* openings("soon"), 2)
      assert.strictEqual(yield* openings("later"), 1)
    })
  )

  it.scoped("B5 with jitter the delay is drawn once an opening, not at every check", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({
        ...options,
        openDuration: Schedule.spaced("10 seconds").pipe(Schedule.jittered)
      })
      const call = breaker.protectWith(Effect.succeed("up"), { key: "p" })
      yield* failAt(breaker, "p", [0, 0, 0, 0])
      const first = yield* rejection(call)
      const delay = Duration.toMillis(first.retryAfter)
      for (let i = 1; i <= 50; i++) {
        const { retryAfter } = yield* rejection(call)
        assert.strictEqual(Duration.toMillis(retryAfter), delay)
        const state = yield* breaker.state("p")
        assert.strictEqual(state._tag === "Open" && Duration.toMillis(state.retryAfter), delay)
      }
      yield* TestClock.setTime(Math.ceil(delay) - 1)
      yield* rejection(call)
      yield* TestClock.setTime(Math.ceil(delay))
      yield* Effect.exit(breaker.protectWith(Effect.fail("unreachable"), { key: "p" }))
      const again = yield* rejection(call)
      assert.notStrictEqual(Duration.toMillis(again.retryAfter), delay)
    }).pipe(Effect.withRandom(Random.make("B5")))
  )

  it.scoped("B6 10,000 peers: memory is bounded", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ ...options, capacity: 500 })
      for (let i = 0; i < 10_000; i++) {
        yield* Effect.exit(breaker.protectWith(Effect.fail("unreachable"), { key: `peer-${i}` }))
      }
      const held = yield* breaker.circuits
      assert.strictEqual(held.length, 500)
      assert.strictEqual(held.filter(({ key }) => Number(key.slice("peer-".length)) >= 9_500).length, 500)
    })
  )

  it.scoped("B6 first use by several fibers at once makes one circuit", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make(options)
      const first = yield* Effect.replicateEffect(begin(breaker, { key: "p" }), 4)
      for (const call of first) yield* call.ends(Exit.fail("unreachable"))
      assert.deepStrictEqual(
        (yield* breaker.circuits).map(({ key, state }) => [key, state._tag]),
        [["p", "Open"]]
      )
    })
  )

  it.scoped("B7 every opening, half-opening and closing is logged with the peer's id", () => {
    const log = captureLog()
    return Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ ...options, name: "peers" })
      yield* failAt(breaker, "p", [0, 0, 0, 0])
      yield* TestClock.setTime(10_000)
      yield* breaker.protectWith(Effect.succeed("up"), { key: "p" })
      assert.deepStrictEqual(
        log.lines.map(({ breaker, key, level }) => [level, breaker, key]),
        [
          ["WARN", "peers", "p"],
          ["DEBUG", "peers", "p"],
          ["INFO", "peers", "p"]
        ]
      )
    }).pipe(Effect.provide(log.layer))
  })
})
