/** Stores that a program has written itself, and that do something else than a store promises, for a while. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import type { CircuitStore } from "effect-circuit-breaker"
import { fails, recordLogs, tagOf, works } from "../kit/index.ts"
import type { Node } from "./fixtures.ts"
import { failing, inStep, join, makeStore, settled, tagsOf } from "./fixtures.ts"

type Store = CircuitStore.Store
type Wrong = (store: Store) => Partial<Record<keyof Store, unknown>>

/** A store that behaves so while `isWrong`. */
const made = (store: Store, wrong: Wrong) => {
  const condition = { isWrong: false }
  // The replaced methods break the types on purpose, as a program in JavaScript may.
  const other = { ...store, ...wrong(store) } as Store
  const now = (): Store => (condition.isWrong ? other : store)
  const own: Store = {
    coordination: store.coordination,
    exchange: (requests) => now().exchange(requests),
    compareAndSet: (request) => now().compareAndSet(request),
    changes: (breaker) => now().changes(breaker)
  }
  return { condition, own }
}

const thrown = (value: unknown) => () => {
  throw value
}

const withoutPrototype: unknown = Object.create(null)

/** The ways in which an operation may fail to do its work. */
const exchanges: Readonly<Record<string, () => unknown>> = {
  "throws an error": thrown(new Error("boom")),
  "throws a text": thrown("boom"),
  "throws undefined": thrown(undefined),
  "throws an object without a prototype": thrown(withoutPrototype),
  "returns nothing": () => undefined,
  "returns a promise": () => Promise.resolve([]),
  "is interrupted": () => Effect.interrupt,
  dies: () => Effect.die(new Error("boom")),
  "fails with undefined": () => Effect.fail(undefined),
  "fails with an object without a prototype": () => Effect.fail(withoutPrototype),
  "never answers": () => Effect.never,
  "never answers and cannot be interrupted": () => Effect.uninterruptible(Effect.never),
  "answers undefined": () => Effect.succeed(undefined),
  "answers null": () => Effect.succeed(null),
  "answers a text": () => Effect.succeed("entries"),
  "answers an empty object": () => Effect.succeed({})
}

/** Those of them that a write does, too. */
const writes = [
  "throws an error",
  "returns nothing",
  "is interrupted",
  "never answers and cannot be interrupted",
  "fails with undefined",
  "answers undefined"
]

/** Values that a field of an entry must not have. */
const fields: Readonly<Record<string, ReadonlyArray<unknown>>> = {
  now: [NaN, Infinity, -Infinity, 1e300, "1", null, undefined],
  revision: [null, undefined, 7],
  state: [null, 7, {}],
  leases: [null, undefined, {}, [null], [{ node: 7, at: 0 }], [{ node: "a", at: NaN }]]
}

const answering = (change: (answer: object) => unknown): Wrong => {
  const changed = (answers: unknown): unknown =>
    Array.isArray(answers) ? answers.map(change) : change(Object(answers))
  return (store) => ({
    exchange: (requests: ReadonlyArray<CircuitStore.ExchangeRequest>) =>
      Effect.map(store.exchange(requests), changed),
    compareAndSet: (request: CircuitStore.CompareAndSet) => Effect.map(store.compareAndSet(request), changed)
  })
}

const cases: ReadonlyArray<readonly [name: string, wrong: Wrong]> = [
  ...Object.entries(exchanges).map(([what, run]): readonly [string, Wrong] => [
    `whose exchange ${what}`,
    () => ({ exchange: run })
  ]),
  ...writes.map((what): readonly [string, Wrong] => [
    `whose compareAndSet ${what}`,
    () => ({ compareAndSet: exchanges[what] })
  ]),
  ...["an empty list", "null", "a number", "a text"].map((what, i): readonly [string, Wrong] => [
    `whose exchange answers a list of ${what}`,
    () => ({ exchange: () => Effect.succeed([[], [null], [42], ["entry"]][i]) })
  ]),
  ...Object.entries(fields).map(([field, values]): readonly [string, Wrong] => {
    let next = 0
    return [
      `whose answers have a wrong ${field}`,
      answering((answer) => ({ ...answer, [field]: values[next++ % values.length] }))
    ]
  }),
  [
    "whose compareAndSet refuses a change of the state that it has",
    (store) => ({
      compareAndSet: (request: CircuitStore.CompareAndSet) =>
        store.compareAndSet({ ...request, expected: "another" })
    })
  ]
]

/** Runs an effect for as long as it may wait for a store; `undefined` if it has not ended then. */
const inTime = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<Exit.Exit<A, E> | undefined> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    yield* settled
    yield* TestClock.adjust("250 millis")
    yield* settled
    return Option.getOrUndefined(yield* Fiber.poll(fiber))
  })

/** Each operation of a breaker ends in time, and calls get their own results. */
const worksAlone = (node: Node) =>
  Effect.gen(function* () {
    for (const read of [node.state("unmet"), node.snapshot("unmet"), node.awaitReady("another")]) {
      assert.strictEqual((yield* inTime<unknown, never>(read))?._tag, "Success")
    }
    assert.deepStrictEqual(yield* inTime(node.protect(works)), Exit.succeed("worked"))
    const failure = yield* Effect.exit(fails)
    for (let i = 0; i < 5; i++) assert.deepStrictEqual(yield* inTime(node.protect(fails)), failure)
    yield* inStep
    assert.strictEqual(yield* tagOf(node), "Open")
    yield* TestClock.adjust("10 seconds")
    assert.deepStrictEqual(yield* inTime(node.protect(works)), Exit.succeed("worked"))
    for (const control of [node.trip("a"), node.reset("a"), Effect.scoped(node.isolate("a"))]) {
      assert.strictEqual((yield* inTime(control))?._tag, "Success")
    }
  })

describe("a store of the program's own", { concurrent: true }, () => {
  for (const [name, wrong] of cases) {
    it.scoped(`C7 F5 ${name} harms no call, and circuits are shared again afterwards`, () =>
      Effect.gen(function* () {
        const store = yield* makeStore()
        const { condition, own } = made(store, wrong)
        const other = yield* join(store)
        const node = yield* join(own)

        condition.isWrong = true
        yield* worksAlone(node)
        condition.isWrong = false
        yield* TestClock.adjust("1 minute")
        yield* inTime(node.reset())
        yield* inStep

        yield* failing(other, 3)
        yield* inStep
        yield* failing(node, 2)
        yield* inStep
        assert.deepStrictEqual(yield* tagsOf([node, other]), ["Open", "Open"])
      })
    )
  }

  it.scoped("F5 is reported once, by what it answered", () =>
    Effect.gen(function* () {
      const logs = yield* recordLogs
      const { condition, own } = made(
        yield* makeStore(),
        answering((answer) => ({ ...answer, now: NaN }))
      )
      const node = yield* join(own)
      condition.isWrong = true
      yield* failing(node, 3)
      yield* inStep
      const warnings = logs.filter(({ level }) => level === "Warning").map(({ message }) => message)
      assert.deepStrictEqual(warnings, [
        'Circuit "default" is not shared, because the store has a fault with it: the answer is no entry of a circuit: its time is NaN'
      ])
    })
  )

  const notifications: ReadonlyArray<unknown> = [
    null,
    undefined,
    "Failing",
    [],
    {},
    { _tag: "Failing" },
    { _tag: "Failing", key: null },
    { _tag: "Failing", key: "default", listeners: "many" },
    { _tag: "Failing", key: "default", listeners: NaN },
    { _tag: "Failing", key: "default", listeners: 1e308 },
    { _tag: "Changed", key: "default" },
    { _tag: "Changed", key: "default", now: 1e300, revision: "a", state: "" },
    { _tag: "Changed", key: "default", now: 1, revision: null, state: null },
    { _tag: "__proto__", key: "default" }
  ]

  it.scoped("F6 whose notifications are none does not end the subscription, and asks for no exchange", () =>
    Effect.gen(function* () {
      const store = yield* makeStore()
      const listening = { _tag: "Listening" as const }
      const { condition, own } = made(store, () => ({
        changes: (breaker: string) =>
          Stream.concat(Stream.make(listening, ...notifications), Stream.drop(store.changes(breaker), 1))
      }))
      condition.isWrong = true
      const node = yield* join(own)
      yield* node.protect(works)
      const before = node.link.commands
      yield* inStep
      assert.strictEqual(node.link.commands, before)

      const other = yield* join(store)
      yield* other.trip()
      yield* settled
      assert.strictEqual(yield* tagOf(node), "Open")
    })
  )

  for (const [how, changes] of [
    ["throws", thrown(new Error("boom"))],
    ["is no stream", () => undefined],
    ["fails with null", () => Stream.fail(null)],
    ["dies", () => Stream.die("boom")],
    ["is interrupted", () => Stream.fromEffect(Effect.interrupt)],
    ["ends", () => Stream.empty]
  ] as const) {
    it.scoped(`F5 F15 whose subscription ${how} is asked at intervals, and that is reported once`, () =>
      Effect.gen(function* () {
        const logs = yield* recordLogs
        const store = yield* makeStore()
        const { condition, own } = made(store, () => ({ changes }))
        condition.isWrong = true
        const node = yield* join(own)
        const other = yield* join(store)
        yield* node.protect(works)
        yield* other.trip()
        yield* inStep
        assert.strictEqual(yield* tagOf(yield* Effect.as(Effect.exit(node.protect(works)), node)), "Open")
        yield* inStep
        const reports = logs.filter(({ message }) => message.startsWith("Notifications of circuits"))
        assert.strictEqual(reports.length, 1)

        condition.isWrong = false
        yield* inStep
        yield* other.reset()
        yield* settled
        assert.strictEqual(yield* tagOf(node), "Closed")
      })
    )
  }
})
