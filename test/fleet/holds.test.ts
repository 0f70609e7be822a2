/** Circuits that are isolated or disabled until a release. */
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as TestClock from "effect/TestClock"
import { CircuitStore } from "effect-circuit-breaker"
import { test } from "../kit/test.ts"
import { works } from "../kit/index.ts"
import {
  assertTags,
  failing,
  fleet,
  held,
  historyOf,
  inStep,
  join,
  makeStore,
  type Node,
  openFleet,
  settled,
  succeeding
} from "./fixtures.ts"

const holds = {
  isolate: { state: "Isolated", hold: (node: Node) => node.isolate() },
  disable: { state: "Disabled", hold: (node: Node) => node.disable() }
}

for (const [control, { hold, state }] of Object.entries(holds)) {
  describe(`${control}, for the whole fleet`, () => {
    test(`R3.3 ${control} on several nodes ends on all nodes with the last release`, function* () {
      const [a, b, c] = yield* openFleet(3)
      const nodes = [a, b, c!]
      const first = yield* held(hold(a))
      yield* assertTags(nodes, state)
      const second = yield* held(hold(b))
      assert.strictEqual(Exit.isSuccess(yield* Effect.exit(b.protect(works))), state === "Disabled")
      yield* first.release
      yield* assertTags(nodes, state)
      yield* inStep
      yield* assertTags(nodes, state)
      yield* second.release
      yield* assertTags(nodes, "Closed")
      yield* inStep
      yield* assertTags(nodes, "Closed")
      assert.deepStrictEqual(historyOf(c!), ["Closed > Open 1", `Open > ${state} 2`, `${state} > Closed 3`])
    })

    test(`R3.3 ${control} lasts until its release, however long that takes`, function* () {
      const [a, b] = yield* fleet(2)
      yield* succeeding(b, 1)
      const holding = yield* held(hold(a))
      // The nodes exchange another circuit meanwhile, too.
      yield* failing(b, 1, "another")
      yield* TestClock.adjust("2 minutes")
      yield* assertTags([a, b], state)
      yield* holding.release
      yield* assertTags([a, b], "Closed")
    })

    test(`R3.3 ${control} by a node that died ends with its lease, not before`, function* () {
      const [a, b, c] = yield* fleet(3, {}, { lease: "6 seconds" })
      yield* Effect.forEach([b, c!], (node) => succeeding(node, 1))
      yield* held(hold(a))
      yield* TestClock.adjust("10 seconds")
      a.link.freeze()
      yield* TestClock.adjust("3 seconds")
      yield* assertTags([b, c!], state)
      yield* TestClock.adjust("6 seconds")
      yield* assertTags([b, c!], "Closed")
      assert.strictEqual(yield* b.protect(works), "worked")
    })

    test(`R3.3 trip changes nothing on any node after ${control}`, function* () {
      const [a, b] = yield* fleet(2)
      const holding = yield* held(hold(a))
      yield* b.trip()
      yield* settled
      yield* assertTags([a, b], state)
      yield* holding.release
      yield* assertTags([a, b], "Closed")
    })
  })
}

test("R3.3 reset ends the isolation of another node, whose release then changes nothing", function* () {
  const [a, b] = yield* fleet(2)
  const old = yield* held(a.isolate())
  yield* b.reset()
  yield* settled
  yield* assertTags([a, b], "Closed")
  const current = yield* held(b.isolate())
  yield* old.release
  yield* assertTags([a, b], "Isolated")
  yield* current.release
  yield* assertTags([a, b], "Closed")
})

test("R3.3 the release of an isolation from before a reset does not end a later one", function* () {
  const [a, b] = yield* fleet(2)
  yield* succeeding(b, 1)
  const old = yield* held(a.isolate())
  yield* a.reset()
  const current = yield* held(a.isolate())
  yield* old.release
  yield* inStep
  yield* assertTags([a, b], "Isolated")
  yield* current.release
  yield* assertTags([a, b], "Closed")
})

test("R3.3 reset does not end the disable of another node", function* () {
  const [a, b] = yield* fleet(2)
  const disabled = yield* held(a.disable())
  yield* b.reset()
  yield* inStep
  yield* assertTags([a, b], "Disabled")
  yield* disabled.release
  yield* assertTags([a, b], "Closed")
})

test("R3.3 an isolation by another node outranks disable, and leaves the circuit disabled", function* () {
  const [a, b] = yield* openFleet(2)
  const disabled = yield* held(a.disable())
  const isolated = yield* held(b.isolate())
  yield* assertTags([a, b], "Isolated")
  yield* isolated.release
  yield* assertTags([a, b], "Disabled")
  yield* disabled.release
  yield* assertTags([a, b], "Closed")
})

test("R3.3 a circuit stays enabled although the store first refused that write", function* () {
  const store = yield* makeStore({ lease: "1 hour" })
  const isReadOnly = new CircuitStore.CircuitStoreError({ message: "the store is read-only" })
  let refuses = false
  const refusing: CircuitStore.Store = {
    ...store,
    compareAndSet: (request) =>
      Effect.suspend(() => (refuses ? Effect.fail(isReadOnly) : store.compareAndSet(request)))
  }
  const [a, b] = [yield* join(refusing), yield* join(store)]
  yield* Effect.forEach([a, b], (node) => succeeding(node, 1))
  const disabled = yield* held(a.disable())
  yield* a.isolate()
  yield* settled
  yield* assertTags([a, b], "Isolated")

  refuses = true
  yield* disabled.release
  yield* b.isolate()
  yield* TestClock.adjust("100 millis")
  refuses = false
  yield* inStep
  yield* a.reset()
  yield* settled

  yield* assertTags([a, b], "Closed")
})

const cutOff = Effect.gen(function* () {
  const [a, b] = yield* fleet(2)
  yield* Effect.forEach([a, b], (node) => succeeding(node, 1))
  a.link.cut()
  yield* succeeding(a, 1)
  const mended = Effect.gen(function* () {
    a.link.mend()
    yield* inStep
    yield* succeeding(a, 1)
    yield* inStep
  })
  return { a, b, mended }
})

test("R3.3 a circuit that was disabled while its node was cut off is Disabled on all nodes afterwards", function* () {
  const { a, b, mended } = yield* cutOff
  const disabled = yield* held(a.disable())
  yield* assertTags([a, b], "Disabled", "Closed")
  yield* mended
  yield* assertTags([a, b], "Disabled")
  yield* disabled.release
  yield* assertTags([a, b], "Closed")
  yield* inStep
  yield* assertTags([a, b], "Closed")
})

test("R3.3 a circuit is Closed after the release, although another node had isolated it meanwhile", function* () {
  const { a, b, mended } = yield* cutOff
  const own = yield* held(a.isolate())
  const disabled = yield* held(a.disable())
  yield* own.release
  const isolated = yield* held(b.isolate())
  yield* assertTags([a, b], "Disabled", "Isolated")
  yield* mended
  yield* assertTags([a, b], "Isolated")
  yield* isolated.release
  yield* assertTags([a, b], "Disabled")
  yield* disabled.release
  yield* assertTags([a, b], "Closed")
  yield* inStep
  yield* assertTags([a, b], "Closed")
})

test("R3.3 a circuit is not Disabled again if it was released before the other nodes knew", function* () {
  const { a, b, mended } = yield* cutOff
  const disabled = yield* held(a.disable())
  yield* disabled.release
  yield* mended
  yield* assertTags([a, b], "Closed")
})
