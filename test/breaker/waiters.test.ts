/** The fibers that wait for a circuit: which are woken, and what remains of them. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import { Waiters } from "../../src/internal/breaker/waiters.ts"

const isDone = Deferred.isDone<void, never>

describe("the waiters of a circuit", () => {
  it.effect("are woken together, and those of other circuits are not", () =>
    Effect.gen(function* () {
      const waiters = new Waiters()
      const eu = [waiters.add("eu", FiberId.none), waiters.add("eu", FiberId.none)]
      const us = waiters.add("us", FiberId.none)
      waiters.wake("asia")
      waiters.wake("eu")
      assert.deepStrictEqual(yield* Effect.forEach(eu, (one) => Deferred.await(one)), [undefined, undefined])
      assert.isFalse(yield* isDone(us))
    })
  )

  it.effect("are held until each is removed, and leave nothing behind", () =>
    Effect.sync(() => {
      const waiters = new Waiters()
      assert.isFalse(waiters.has("eu"))
      const first = waiters.add("eu", FiberId.none)
      const second = waiters.add("eu", FiberId.none)
      assert.isTrue(waiters.has("eu"))
      assert.isFalse(waiters.has("us"))
      waiters.forget("us", first)
      waiters.forget("eu", first)
      waiters.forget("eu", first)
      assert.isTrue(waiters.has("eu"))
      waiters.forget("eu", second)
      assert.isFalse(waiters.has("eu"))
      const third = waiters.add("us", FiberId.none)
      assert.isFalse(waiters.has("eu"))
      waiters.forget("us", third)
    })
  )

  it.effect("are interrupted when the breaker closes, and so are later ones", () =>
    Effect.gen(function* () {
      const waiters = new Waiters()
      const before = [waiters.add("eu", FiberId.none), waiters.add("us", FiberId.none)]
      assert.isFalse(yield* isDone(before[0]!))
      waiters.end()
      const after = waiters.add("eu", FiberId.none)
      for (const one of [...before, after])
        assert.isTrue(Exit.isInterrupted(yield* Effect.exit(Deferred.await(one))))
    })
  )
})
