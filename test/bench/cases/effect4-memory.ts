import * as Duration from "effect-4/Duration"
import * as Effect from "effect-4/Effect"
import * as CircuitBreaker from "effect-4/persistence/CircuitBreaker"
import { admitEach, loop, makeBreaker } from "../effect4.ts"
import { usedBytes } from "../heap.ts"
import { inOrder, makeKeys, scaled } from "../key-order.ts"
import type { Case, Cases } from "../case.ts"
import type { Made } from "../effect4.ts"

type Fill = (made: Made, keys: ReadonlyArray<string>) => Promise<unknown>

const tripPolicy = CircuitBreaker.rate({ threshold: 0.5, size: 100 })

const fillConsecutive: Fill = (made, keys) => Effect.runPromise(admitEach(made, keys))

const fillRate: Fill = async (made, keys) => {
  const generations = await Effect.runPromise(admitEach(made, keys))
  const next = inOrder(keys)
  let index = -1
  const record = () => {
    index = (index + 1) % keys.length
    const generation = generations[index] ?? -1
    return made.store.record({
      key: next(),
      generation,
      outcome: "Success",
      tripPolicy,
      openFor: Duration.zero
    })
  }
  await loop(record)(keys.length * 100)
}

const bytes =
  (count: number, fill: Fill): Case =>
  async (scale) => {
    const keys = makeKeys(scaled(count, scale))
    const make = () => makeBreaker({ tripPolicy, openDuration: "30 seconds" })
    await fill(await make(), keys.slice(0, 10))
    return async () => {
      const before = usedBytes()
      const made = await make()
      await fill(made, keys)
      const sample = { bytes: (usedBytes() - before) / keys.length }
      await Effect.runPromise(made.breaker.state(keys[0] ?? ""))
      return sample
    }
  }

export const cases: Cases = {
  "consecutive-100000": bytes(100_000, fillConsecutive),
  "consecutive-1000000": bytes(1_000_000, fillConsecutive),
  "rate-100000": bytes(100_000, fillRate)
}
