import * as Effect from "effect/Effect"
import type { Entry } from "../../CircuitStore.ts"
import { exchange, expectSame, expectThat, read, replace, shortMillis, windowWith } from "./expectations.ts"
import { laws } from "./law.ts"

/** @internal */
export const leases = laws("storage", {
  "a lease is renewed by an exchange and by compareAndSet, with the store's time": (connect, breaker) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const circuit = { breaker, key: "renewed" }
      const first = yield* exchange(one, { circuit, node: "one", renew: true })
      yield* expectLease(first, first.now)
      yield* expectLease(yield* read(other, circuit), first.now)
      for (const [expected, what] of [
        ["", "a compareAndSet"],
        ["never", "a compareAndSet that is refused"]
      ] as const) {
        yield* Effect.sleep("5 millis")
        const write = { expected, revision: "a", node: "one", renew: true }
        const { leases, now } = yield* replace(one, circuit, write)
        yield* expectSame(`the leases after ${what}`, leases, [{ node: "one", at: now }])
        yield* expectLease(yield* read(other, circuit), now)
      }
      yield* Effect.sleep("5 millis")
      const last = yield* exchange(other, { circuit, node: "one", renew: true, window: windowWith(1) })
      yield* expectThat(last.now > first.now, `the store's time has stood still at ${first.now}`)
      yield* expectLease(yield* read(one, circuit), last.now)
    }),

  "a node has a lease only if it renews one, and a report leaves it as it is": (connect, breaker) =>
    Effect.gen(function* () {
      const store = yield* connect
      const circuit = { breaker, key: "holders" }
      yield* exchange(store, { circuit, node: "reporter", window: windowWith(1) })
      yield* replace(store, circuit, { expected: "", revision: "a" })
      yield* expectSame("the leases of nobody", (yield* read(store, circuit)).leases, [])
      for (const node of ["one", "two", "three"]) yield* exchange(store, { circuit, node, renew: true })
      const { leases } = yield* read(store, circuit)
      const names = leases.map(({ node }) => node).toSorted()
      yield* expectSame("the holders", names, ["one", "three", "two"])
      yield* Effect.sleep("5 millis")
      for (const node of ["reporter", "one"]) {
        const window = windowWith(1, { number: 2, base: node === "one" ? 0 : 1 })
        const reported = yield* exchange(store, { circuit, node, window })
        yield* expectSame(`the leases after a report of ${node}`, reported.leases, leases)
      }
    }),

  "a lease that is not renewed expires although another node keeps the circuit alive": (connect, breaker) =>
    Effect.gen(function* () {
      const store = yield* connect
      const circuit = { breaker, key: "expires" }
      const renew = (node: string) => exchange(store, { circuit, node, renew: true, keepMillis: shortMillis })
      yield* renew("silent")
      for (let i = 0; i < 6; i++) {
        yield* Effect.sleep(`${shortMillis / 2} millis`)
        yield* renew("active")
      }
      const { leases } = yield* renew("active")
      yield* expectSame(
        "the holders",
        leases.map(({ node }) => node),
        ["active"]
      )
    })
})

const expectLease = ({ leases }: Entry, at: number) => expectSame("the leases", leases, [{ node: "one", at }])
