import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, CircuitStore, TripPolicy } from "effect-circuit-breaker"
import { test } from "../kit/test.ts"
import { recordLogs, tagOf, works } from "../kit/index.ts"
import { assertTags, failing, historyOf, inStep, join, makeStore, settled } from "./fixtures.ts"

const older = { tripPolicy: TripPolicy.consecutive(3) }
const newer = { tripPolicy: TripPolicy.consecutive(5) }

test("C6 nodes with different policies do not count together", function* () {
  const store = yield* makeStore()
  const [a, b] = [yield* join(store, older), yield* join(store, newer)]
  yield* failing(b, 2)
  yield* failing(a, 2)
  yield* inStep
  yield* assertTags([a, b], "Closed")
  yield* failing(a, 1)
  yield* inStep
  yield* assertTags([a, b], "Open", "Closed")
})

test("C6 a node uses its own circuit, and logs that once, while the shared one is open under another policy", function* () {
  const logs = yield* recordLogs
  const store = yield* makeStore()
  const a = yield* join(store, older)
  yield* failing(a, 3)
  const b = yield* join(store, newer)
  assert.strictEqual(yield* b.protect(works), "worked")
  yield* failing(b, 4)
  assert.strictEqual(yield* tagOf(b), "Closed")
  yield* failing(b, 1)
  yield* settled
  assert.strictEqual(yield* tagOf(b), "Open")
  yield* inStep
  const warnings = logs.filter(({ level, message }) => level === "Warning" && !message.startsWith("Circuit "))
  assert.strictEqual(warnings.length, 1)
  assert.match(warnings[0]!.message, /is Open under the rules .*those of this breaker are /)
  assert.notMatch(warnings[0]!.message, /does not answer/)
})

test("C6 nodes share again when the circuit has closed under the other policy", function* () {
  const store = yield* makeStore()
  const a = yield* join(store, older)
  yield* failing(a, 3)
  const [b, c] = [yield* join(store, newer), yield* join(store, newer)]
  yield* Effect.forEach([b, c], (node) => node.protect(works))
  yield* TestClock.adjust("10 seconds")
  yield* a.protect(works)
  yield* inStep
  yield* failing(b, 3)
  yield* inStep
  yield* failing(c, 2)
  yield* inStep
  yield* assertTags([b, c], "Open")
  assert.deepStrictEqual(historyOf(b), ["Closed > Open 1"])
})

test("S16 a circuit is shared again once its state under other rules has ended, even if the nodes that wrote it are gone", function* () {
  const store = yield* makeStore()
  yield* Effect.scoped(Effect.flatMap(join(store, older), (gone) => failing(gone, 3)))
  const [b, c] = [yield* join(store, newer), yield* join(store, newer)]
  yield* failing(b, 1)
  yield* failing(c, 1)
  yield* inStep
  yield* TestClock.adjust("10 seconds")
  yield* inStep
  yield* failing(b, 2)
  yield* inStep
  yield* failing(c, 1)
  yield* inStep
  yield* assertTags([b, c], "Open")
})

test("C6 nodes that differ in openDuration alone share their circuits", function* () {
  const store = yield* makeStore()
  const a = yield* join(store, { ...newer, openDuration: "10 seconds" })
  const b = yield* join(store, { ...newer, openDuration: "20 seconds" })
  yield* failing(b, 1)
  yield* inStep
  yield* failing(a, 4)
  yield* assertTags([a, b], "Open")
})

const written = (state: string) =>
  Effect.tap(makeStore(), (store) =>
    store.compareAndSet({
      circuit: { breaker: "default", key: "default" },
      node: "another",
      expected: "",
      revision: "from-elsewhere",
      state,
      renew: false,
      keepMillis: 3_600_000
    })
  )

for (const [name, state, warning] of [
  ["a state of a later version", JSON.stringify({ version: 2, circuit: {} }), /its version is 2, not 1/],
  ["a text that is no state", "~~~", /./],
  ["null as its state", "null", /./]
] as const) {
  test(`F3 F5 an entry with ${name} is reported once and overwritten by the next change`, function* () {
    const logs = yield* recordLogs
    const store = yield* written(state)
    const node = yield* join(store)
    assert.strictEqual(yield* node.protect(works), "worked")
    yield* failing(node, 5)
    assert.strictEqual(yield* tagOf(node), "Open")
    yield* inStep
    const warnings = logs.filter(
      ({ level, message }) => level === "Warning" && !message.startsWith("Circuit ")
    )
    assert.strictEqual(warnings.length, 1)
    assert.match(warnings[0]!.message, warning)
    const other = yield* join(store)
    assert.deepInclude(yield* Effect.flip(other.protect(works)), { state: "Open" })
  })
}

for (const [option, value] of [
  ["syncInterval", "0 seconds"],
  ["syncInterval", "Infinity"],
  ["deadline", -1],
  ["quorum", 0],
  ["quorum", 1.5],
  ["lease", 0],
  ["sync", "sometimes"],
  ["onStoreError", "ignore"]
] as const) {
  test(`R3.5 a store refuses ${option}: ${value} by name`, function* () {
    const options = { [option]: value } as CircuitStore.Options
    const defect = yield* Effect.flip(Effect.sandbox(CircuitStore.makeMemory(options)))
    assert.match(String(defect), new RegExp(`CircuitStore.makeMemory: ${option}`))
  })
}

test("R3.5 a store refuses an unknown option by name", function* () {
  const options: CircuitStore.Options & { readonly interval: number } = { interval: 5 }
  const defect = yield* Effect.flip(Effect.sandbox(CircuitStore.makeMemory(options)))
  assert.match(String(defect), /interval/)
})

test("CircuitStore the default store coordinates nothing", function* () {
  const make = CircuitBreaker.make(older)
  const [a, b] = [yield* make, yield* make]
  yield* failing(a, 3)
  yield* assertTags([a, b], "Open", "Closed")
})
