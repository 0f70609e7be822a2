import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import { begin, observe, path, rejection, stateTag } from "./fixtures.ts"

type Breaker = CircuitBreaker.CircuitBreaker

const options = { tripPolicy: TripPolicy.consecutive(1), openDuration: "10 seconds" } as const
const makeBreaker = CircuitBreaker.make(options)

describe("Control", () => {
  it.scoped("force-open outlives the open time, and its end does not wait for it", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const call = breaker.protect(Effect.succeed("up"))
      const scope = yield* Scope.make()
      yield* Effect.exit(breaker.protect(Effect.fail("down")))
      yield* Scope.extend(breaker.isolate(), scope)
      for (const second of [9, 10, 100]) {
        yield* TestClock.setTime(second * 1_000)
        const error = yield* rejection(call)
        assert.strictEqual(error.state, "Isolated")
        assert.isFalse(Duration.isFinite(error.retryAfter))
      }
      yield* breaker.trip()
      assert.strictEqual(yield* stateTag(breaker), "Isolated")
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* call, "up")
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* stateTag(breaker), "Closed")
    })
  )

  it.scoped("a trip by hand begins the open time anew and heals", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({
        ...options,
        openDuration: Schedule.exponential("10 seconds")
      })
      yield* Effect.exit(breaker.protect(Effect.fail("down")))
      yield* TestClock.setTime(9_000)
      yield* breaker.trip()
      yield* TestClock.setTime(18_999)
      const state = yield* breaker.state()
      assert.strictEqual(state._tag === "Open" && state.openings, 1)
      yield* TestClock.setTime(19_000)
      assert.strictEqual(yield* breaker.protect(Effect.succeed("up")), "up")
    })
  )

  const controls: ReadonlyArray<
    readonly [name: string, control: (breaker: Breaker) => Effect.Effect<void, never, Scope.Scope>]
  > = [
    ["reset", (breaker) => breaker.reset()],
    ["trip", (breaker) => breaker.trip()],
    ["isolate", (breaker) => breaker.isolate()]
  ]

  it.scoped.each(controls)("%s with calls in flight: they report into nothing", ([, control]) =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const calls = yield* Effect.replicateEffect(begin(breaker), 3)
      yield* control(breaker)
      const after = yield* breaker.snapshot()
      const exits = [Exit.succeed("up"), Exit.fail("down"), Exit.die("bug")]
      for (const [i, exit] of exits.entries()) {
        yield* calls[i]!.ends(exit)
        assert.deepStrictEqual(yield* calls[i]!.exit, Option.some(exit))
      }
      assert.deepStrictEqual(yield* breaker.snapshot(), after)
    })
  )

  it.scoped.each(controls)("%s with a probe in flight: it reports into nothing", ([, control]) =>
    Effect.gen(function* () {
      for (const exit of [Exit.succeed("up"), Exit.fail("down")]) {
        const breaker = yield* makeBreaker
        yield* breaker.trip()
        yield* TestClock.adjust("10 seconds")
        const probe = yield* begin(breaker)
        yield* control(breaker)
        const after = yield* breaker.snapshot()
        yield* probe.ends(exit)
        assert.deepStrictEqual(yield* probe.exit, Option.some(exit))
        assert.deepStrictEqual(yield* breaker.snapshot(), after)
      }
    })
  )

  it.scoped("reset with calls in flight: those that begin after it count", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const before = yield* begin(breaker)
      yield* breaker.reset()
      const after = yield* begin(breaker)
      yield* before.ends(Exit.fail("down"))
      assert.strictEqual(yield* stateTag(breaker), "Closed")
      yield* after.ends(Exit.fail("down"))
      assert.strictEqual(yield* stateTag(breaker), "Open")
    })
  )

  it.scoped("nested isolates: the last to end closes, in whatever order they end", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const transitions = yield* observe(breaker)
      const scopes = yield* Effect.replicateEffect(Scope.make(), 3)
      for (const scope of scopes) yield* Scope.extend(breaker.isolate(), scope)
      for (const i of [0, 2]) {
        yield* Scope.close(scopes[i]!, Exit.void)
        assert.strictEqual(yield* stateTag(breaker), "Isolated")
      }
      yield* Scope.close(scopes[1]!, Exit.void)
      assert.strictEqual(yield* stateTag(breaker), "Closed")
      assert.deepStrictEqual((yield* transitions).map(path), ["Closed -> Isolated", "Isolated -> Closed"])
    })
  )

  it.scoped("nested isolates that a reset has ended release nothing of a later one", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const [first, second, later] = yield* Effect.replicateEffect(Scope.make(), 3)
      yield* Scope.extend(breaker.isolate(), first!)
      yield* Scope.extend(breaker.isolate(), second!)
      yield* breaker.reset()
      assert.strictEqual(yield* stateTag(breaker), "Closed")
      yield* Scope.close(first!, Exit.void)
      yield* Scope.extend(breaker.isolate(), later!)
      yield* Scope.close(second!, Exit.void)
      assert.strictEqual(yield* stateTag(breaker), "Isolated")
      yield* Scope.close(later!, Exit.void)
      assert.strictEqual(yield* stateTag(breaker), "Closed")
    })
  )
})
