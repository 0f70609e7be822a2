import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { CircuitStore } from "effect-circuit-breaker"
import * as testing from "effect-circuit-breaker/testing"
import { reportOf, request } from "../kit/entries.ts"
import { liveTest } from "../kit/test.ts"

describe.concurrent("CircuitStore laws, of the store in memory", () => {
  for (const law of testing.storeLaws) {
    it.live(`CircuitStore law, in memory: ${law.about}: ${law.name}`, () =>
      Effect.flatMap(CircuitStore.makeMemory(), (store) => law.check(Effect.succeed(store)))
    )
  }
})

const alone = Effect.succeed(CircuitStore.alone)

for (const law of testing.storeLaws.filter(({ about }) => about === "answers")) {
  it.live(`CircuitStore law, of a process alone: ${law.about}: ${law.name}`, () => law.check(alone))
}

liveTest("CircuitStore.alone keeps nothing", function* () {
  const circuit = { breaker: "payments", key: "default" }
  const write = { ...request, circuit, expected: "", revision: "a", state: "open" }
  const answer = yield* CircuitStore.alone.compareAndSet(write)
  assert.deepInclude(answer, { revision: "a", state: "open" })
  const report = { ...request, circuit, window: reportOf(1), announce: true, renew: true }
  const [entry] = yield* CircuitStore.alone.exchange([report])
  assert.deepInclude(entry, { revision: "", state: "", window: undefined, leases: [] })
})
