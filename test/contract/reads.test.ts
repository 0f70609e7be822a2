/** The law about reads is worth what it catches: each of these stores writes when it is read. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { CircuitStore } from "effect-circuit-breaker"
import * as testing from "effect-circuit-breaker/testing"
import { entriesOf } from "../kit/entries.ts"

type Store = CircuitStore.Store

const law = testing.storeLaws.find(({ name }) => name.startsWith("a read by another client leaves"))!

/** Forgets, whenever it is asked, the nodes that were silent for as long as the one who asks says. */
const forgetful = (store: Store): Store => {
  const forgotten = new Set<string>()
  return {
    ...store,
    exchange: (requests) =>
      Effect.map(store.exchange(requests), (answers) =>
        entriesOf(answers).map((answer, i) => {
          const { circuit, keepMillis } = requests[i]!
          const nameOf = ({ at, node }: CircuitStore.Entry["contributions"][number]) =>
            JSON.stringify([circuit, node, at])
          for (const contribution of answer.contributions) {
            if (answer.now - contribution.at > keepMillis) forgotten.add(nameOf(contribution))
          }
          return { ...answer, contributions: answer.contributions.filter((it) => !forgotten.has(nameOf(it))) }
        })
      )
  }
}

/** Keeps a circuit no longer than the one who asks says. */
const shortening = (store: Store): Store => {
  const until = new Map<string, number>()
  return {
    ...store,
    exchange: (requests) =>
      Effect.map(store.exchange(requests), (answers) =>
        entriesOf(answers).map((answer, i) => {
          const { circuit, contribution, keepMillis } = requests[i]!
          const id = JSON.stringify(circuit)
          const hasEnded = answer.now > (until.get(id) ?? Infinity)
          if (contribution === undefined) until.set(id, Math.min(until.get(id) ?? Infinity, answer.now))
          else until.set(id, answer.now + keepMillis)
          return hasEnded ? { now: answer.now, revision: "", state: "", contributions: [] } : answer
        })
      )
  }
}

/** Takes a read for a sign of life of the node that reads. */
const renewing = (store: Store): Store => {
  const told = new Map<string, string>()
  return {
    ...store,
    exchange: (requests) =>
      store.exchange(
        requests.map((request) => {
          const id = JSON.stringify([request.circuit, request.node])
          const contribution = request.contribution ?? told.get(id)
          if (contribution !== undefined) told.set(id, contribution)
          return { ...request, contribution }
        })
      )
  }
}

describe("F13 a store is found out that, when it is read,", { concurrent: true }, () => {
  for (const [name, wrong] of Object.entries({ forgetful, shortening, renewing })) {
    it.live(`F13 is ${name}`, () =>
      Effect.gen(function* () {
        const store = yield* CircuitStore.makeMemory()
        const broken = yield* Effect.flip(law.check(Effect.succeed(wrong(store))))
        assert.strictEqual(broken.law, law.name)
        assert.include(broken.message, "the entry after another client has read it")
      })
    )
  }
})
