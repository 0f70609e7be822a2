import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { CircuitBreakerRegistry } from "effect-circuit-breaker"
import { type Breaker, fails, make, makeOpen, settled, tagOf, watch, works } from "../kit/index.ts"
import { inLongRun } from "../kit/runLength.ts"

// So many take long.
const many = inLongRun(10_000, 1_000)

const resetTimes = (breaker: Breaker, times: number) => Effect.repeatN(breaker.reset(), times - 1)

const upTo = (last: number, howMany: number) =>
  Array.from({ length: howMany }, (_, i) => last - howMany + 1 + i)

describe("R3.4 transitions", () => {
  it.scoped("R3.4 begin with the moment of subscription", () =>
    Effect.gen(function* () {
      const breaker = yield* makeOpen()
      const seen = yield* watch(breaker.transitions)

      yield* Effect.zipRight(breaker.reset(), settled)

      assert.deepStrictEqual(
        seen.map(({ generation }) => generation),
        [2]
      )
    })
  )

  it.scoped("R3.4 every subscriber gets all of them, of every circuit, in order", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const one = yield* watch(breaker.transitions)
      const other = yield* watch(breaker.transitions)

      yield* Effect.forEach(["eu", "us", "eu"], (key) => breaker.reset(key))
      yield* settled

      assert.deepStrictEqual(
        one.map(({ generation, key }) => `${key} ${generation}`),
        ["eu 1", "us 1", "eu 2"]
      )
      assert.deepStrictEqual(other, one)
    })
  )

  it.scoped(
    "R3.4 a slow consumer blocks no call, gets the newest, and sees what it missed by a gap (Effect 4.1)",
    () =>
      Effect.gen(function* () {
        const breaker = yield* make()
        const begun = yield* Deferred.make<void>()
        const goOn = yield* Deferred.make<void>()
        const generations: Array<number> = []
        yield* breaker.transitions.pipe(
          Stream.runForEach(({ generation }) => {
            generations.push(generation)
            return Effect.zipRight(Deferred.succeed(begun, undefined), Deferred.await(goOn))
          }),
          Effect.forkScoped
        )
        yield* Effect.forkScoped(Stream.runForEach(CircuitBreakerRegistry.transitions, () => Effect.never))
        yield* settled
        yield* breaker.reset()
        yield* Deferred.await(begun)
        const others = yield* watch(breaker.transitions)

        yield* Effect.repeatN(Effect.zipRight(resetTimes(breaker, 100), settled), 14)
        assert.strictEqual(yield* breaker.protect(works), "worked")
        yield* Deferred.succeed(goOn, undefined)
        yield* settled

        assert.strictEqual(others.length, 1_500)
        const [first, ...rest] = generations
        assert.strictEqual(first, 1)
        assert.isAtLeast(rest.length, 1_000)
        assert.isBelow(rest.length, 1_500)
        assert.deepStrictEqual(rest, upTo(1_501, rest.length))
      })
  )

  it.scoped("R3.4 a failing consumer affects neither calls nor other consumers (resilience4j#1115)", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const failing = yield* Effect.forEach(
        [
          Stream.runForEach(breaker.transitions, () => Effect.die("the consumer died")),
          Stream.runForEach(breaker.transitions, (): Effect.Effect<void> => {
            throw new Error("the consumer threw")
          })
        ],
        (consumer) => Effect.forkDaemon(consumer)
      )
      const seen = yield* watch(breaker.transitions)

      assert.strictEqual(yield* Effect.flip(breaker.protect(fails)), "unavailable")
      for (const consumer of failing) assert.isTrue(Exit.isFailure(yield* Fiber.await(consumer)))
      yield* Effect.zipRight(breaker.reset(), settled)

      assert.deepStrictEqual(
        seen.map(({ to }) => to),
        ["Open", "Closed"]
      )
    })
  )

  it.scoped("R3.4 a consumer may use the breaker it observes", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* breaker.transitions.pipe(
        Stream.runForEach(({ to }) => (to === "Open" ? breaker.reset() : breaker.snapshot())),
        Effect.forkScoped
      )
      yield* settled

      yield* Effect.zipRight(Effect.flip(breaker.protect(fails)), settled)

      assert.strictEqual(yield* tagOf(breaker), "Closed")
    })
  )

  it.scoped(
    "R3.4 subscribe listens once it has succeeded, loses the oldest, and is shut down with its breaker",
    () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const breaker = yield* Scope.extend(make(), scope)
        const transitions = yield* breaker.subscribe
        yield* resetTimes(breaker, 2_000)

        const seen = Chunk.toReadonlyArray(yield* Queue.takeAll(transitions))
        assert.deepStrictEqual(
          seen.map(({ generation }) => generation),
          upTo(2_000, 1_024)
        )
        const takeNext = Effect.zipLeft(Effect.fork(Queue.take(transitions)), settled)
        const next = yield* takeNext
        yield* breaker.trip()
        assert.deepInclude(yield* Fiber.join(next), { from: "Closed", to: "Open", origin: "Local" })
        const last = yield* takeNext

        yield* Scope.close(scope, Exit.void)

        assert.isTrue(Exit.isInterrupted(yield* Fiber.await(last)))
        assert.isTrue(yield* Queue.isShutdown(transitions))
      })
  )

  it.scoped(`R3.4 ${many} subscribers each get every transition`, () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const all = yield* Effect.replicateEffect(breaker.subscribe, many)
      yield* breaker.trip()

      const seen = yield* Effect.forEach(all, Queue.take)

      assert.isTrue(seen.every(({ to }) => to === "Open"))
    })
  )

  it.scoped("R3.4 end with the breaker, after all published ones", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const breaker = yield* Scope.extend(make(), scope)
      const collected = yield* Effect.fork(Stream.runCollect(breaker.transitions))
      yield* settled
      yield* Effect.flip(breaker.protect(fails))

      yield* Scope.close(scope, Exit.void)

      assert.strictEqual(Chunk.size(yield* Fiber.join(collected)), 1)
      assert.strictEqual(Chunk.size(yield* Stream.runCollect(breaker.transitions)), 0)
    })
  )
})
