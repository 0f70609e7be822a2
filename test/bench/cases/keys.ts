import { CircuitBreaker } from "effect-circuit-breaker"
import * as Effect from "effect/Effect"
import { acquire, loop, work } from "../effect3.ts"
import { inOrder, makeKeys, scaled, shuffled } from "../key-order.ts"
import { timed } from "../timed.ts"
import type { Cases } from "../case.ts"

/** The bare loop looks its key up in a plain `Map`: what a machine's caches alone make of so many keys. */
const perCall = (count: number) =>
  timed(async (scale) => {
    const keys = makeKeys(scaled(count, scale))
    const breaker = await acquire(CircuitBreaker.make({ capacity: keys.length }))
    const [first, bareNext, next] = [inOrder(keys), shuffled(keys), shuffled(keys)]
    await loop(() => breaker.protectWith(Effect.sync(work), { key: first() }))(keys.length)
    const plain = new Map(keys.map((key) => [key, { calls: 0 }]))
    return {
      bare: loop(() => {
        // Something is done with what is found: otherwise the look-up is optimised away.
        const found = plain.get(bareNext())
        if (found !== undefined) found.calls++
        return Effect.sync(work)
      }),
      guarded: loop(() => breaker.protectWith(Effect.sync(work), { key: next() }))
    }
  })

export const cases: Cases = {
  "10": perCall(10),
  "100000": perCall(100_000),
  "1000000": perCall(1_000_000)
}
