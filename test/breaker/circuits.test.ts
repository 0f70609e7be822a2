/** The table of a breaker's circuits: the order in which they are dropped, and their look-up. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { CircuitBreaker } from "effect-circuit-breaker"
import type { CircuitEntry } from "../../src/internal/breaker/circuitEntry.ts"
import { RecencyList } from "../../src/internal/breaker/circuitEntry.ts"
import type { Circuits } from "../../src/internal/breaker/circuits.ts"
import * as ManualControl from "../../src/internal/core/manualControl.ts"
import { makeBreaker } from "./fixtures.ts"

const makeCircuits = (options?: CircuitBreaker.Options): Effect.Effect<Circuits> =>
  Effect.map(makeBreaker(options), ({ circuits }) => circuits)

const keysOf = (entries: Iterable<CircuitEntry>): ReadonlyArray<string> =>
  Array.from(entries, ({ key }) => key)

const fromOldest = ({ oldest }: RecencyList): ReadonlyArray<CircuitEntry> => {
  const found: Array<CircuitEntry> = []
  for (let entry = oldest; entry !== undefined; entry = entry.newer) found.push(entry)
  return found
}

const isolate = (circuits: Circuits, key: string, now: number): CircuitEntry => {
  const entry = circuits.use(key, now)
  circuits.set(entry, ManualControl.isolate(entry.current), now)
  return entry
}

describe("the order of use", () => {
  for (const [used, order] of [
    ["a", ["b", "c", "a"]],
    ["b", ["a", "c", "b"]],
    ["c", ["a", "b", "c"]]
  ] as const) {
    it.effect(`moves a circuit that is used behind the others: ${used} of a, b and c`, () =>
      Effect.gen(function* () {
        const circuits = yield* makeCircuits()
        for (const key of ["a", "b", "c"]) circuits.use(key, 0)
        circuits.use(used, 1)
        assert.deepStrictEqual(keysOf(circuits.all(1)), order)
        for (const key of order) circuits.use(key, 2)
        assert.deepStrictEqual(keysOf(circuits.all(2)), order)
      })
    )
  }

  it.effect("counts the uses of the newest circuit as those of any other", () =>
    Effect.gen(function* () {
      const circuits = yield* makeCircuits({ capacity: 2 })
      circuits.use("a", 0)
      circuits.use("a", 1)
      circuits.use("b", 2)
      circuits.use("c", 3)
      assert.deepStrictEqual(keysOf(circuits.all(3)), ["b", "c"])
    })
  )

  it.effect("of very many circuits is kept with a precision of a sixty-fourth of the idle time", () =>
    Effect.gen(function* () {
      const circuits = yield* makeCircuits({ idleTimeToLive: "6400 millis" })
      for (let i = 0; i < 1_024; i++) circuits.use(`${i}`, 0)
      circuits.use("0", 1)
      assert.strictEqual(keysOf(circuits.all(1)).at(-1), "0")
      circuits.use("one more", 1)
      circuits.use("1", 99)
      assert.strictEqual(keysOf(circuits.all(99))[0], "1")
      circuits.use("1", 100)
      assert.strictEqual(keysOf(circuits.all(100)).at(-1), "1")
      circuits.use("2", 101)
      circuits.use("1", 199)
      assert.strictEqual(keysOf(circuits.all(199)).at(-1), "2")
    })
  )

  for (const idleTimeToLive of [Duration.hours(1), Duration.infinity]) {
    it.effect(
      `of very many circuits never drops one that was just used: idle after ${Duration.format(idleTimeToLive)}`,
      () =>
        Effect.gen(function* () {
          const circuits = yield* makeCircuits({ capacity: 2_000, idleTimeToLive })
          for (let i = 0; i < 2_000; i++) circuits.use(`${i}`, i)
          const inUse = Array.from({ length: 500 }, (_, i) => circuits.use(`${i * 2}`, 2_000))

          for (let now = 2_001; now < 3_000; now++) {
            circuits.use(`new ${now}`, now)
            for (const { key } of inUse) circuits.use(key, now)
          }

          assert.deepStrictEqual(keysOf(inUse.filter((entry) => !circuits.holds(entry))), [])
          assert.isUndefined(circuits.find("1", 3_000))
        })
    )
  }

  it.effect("an insertion moves a bounded number of circuits that are in use", () =>
    Effect.gen(function* () {
      const circuits = yield* makeCircuits({ capacity: 5_000 })
      for (const now of [0, 1]) for (let i = 0; i < 5_000; i++) circuits.use(`${i}`, now)

      circuits.use("new", 2)

      const order = keysOf(circuits.all(2))
      assert.strictEqual(order.length, 5_000)
      assert.strictEqual(order[0], "1025")
    })
  )

  it.effect("is not changed by an outcome", () =>
    Effect.gen(function* () {
      const circuits = yield* makeCircuits()
      const entry = circuits.use("a", 0)
      circuits.use("b", 0)
      circuits.set(entry, { ...entry.current }, 1)
      assert.deepStrictEqual(keysOf(circuits.all(1)), ["a", "b"])
    })
  )

  it.effect("that is not kept exactly still keeps the time of the use", () =>
    Effect.gen(function* () {
      const circuits = yield* makeCircuits({ idleTimeToLive: "6400 millis" })
      for (let i = 0; i < 1_025; i++) circuits.use(`${i}`, 0)
      circuits.use("7", 50)
      assert.isDefined(circuits.find("7", 6_449))
      assert.isUndefined(circuits.find("8", 6_449))
    })
  )

  it.effect("is separate for Closed circuits, Recovering ones, and those in other states", () =>
    Effect.gen(function* () {
      const circuits = yield* makeCircuits({ recovery: { duration: "10 seconds" } })
      isolate(circuits, "isolated", 0)
      const recovering = circuits.use("recovering", 0)
      circuits.set(
        recovering,
        {
          _tag: "Recovering",
          generation: 3,
          openings: 1,
          openMillis: 10,
          startedAt: 0,
          arrivals: 0,
          admitted: 0,
          window: recovering.current._tag === "Closed" ? recovering.current.window : undefined
        },
        0
      )
      circuits.use("closed", 0)
      circuits.useUnkeyed()
      const order = ["default", "closed", "recovering", "isolated"]
      assert.deepStrictEqual(keysOf(circuits.all(0)), order)
      assert.deepStrictEqual(keysOf(circuits.every()), order)
    })
  )
})

describe("a list of circuits", () => {
  it.effect("is linked in both directions, whichever circuit is removed", () =>
    Effect.gen(function* () {
      const circuits = yield* makeCircuits()
      for (const gone of ["a", "b", "c"]) {
        const list = new RecencyList()
        const entries = ["a", "b", "c"].map((key) => circuits.use(key, 0))
        for (const entry of entries) {
          entry.list?.remove(entry)
          list.add(entry)
        }
        const leaves = entries.find(({ key }) => key === gone)!
        list.remove(leaves)
        const rest = entries.filter((entry) => entry !== leaves)
        assert.deepStrictEqual(fromOldest(list), rest)
        assert.strictEqual(list.newest, rest[1])
        assert.strictEqual(list.oldest, rest[0])
        assert.strictEqual(rest[1]?.older, rest[0])
        assert.isUndefined(rest[0]?.older)
        assert.isUndefined(leaves.list)
        assert.isUndefined(leaves.newer)
        assert.isUndefined(leaves.older)
        for (const entry of rest) list.remove(entry)
        assert.isUndefined(list.newest)
        assert.isUndefined(list.oldest)
        for (const entry of entries) circuits.touch(entry, 0)
      }
    })
  )
})

describe("circuits that have been idle too long", () => {
  const options = { idleTimeToLive: "1 second" } as const

  it.effect("are held until calls drop them, two per call, and are invisible to readers", () =>
    Effect.gen(function* () {
      const circuits = yield* makeCircuits(options)
      for (const key of ["a", "b", "c", "d"]) circuits.use(key, 0)
      assert.deepStrictEqual(keysOf(circuits.all(999)), ["a", "b", "c", "d"])
      assert.deepStrictEqual(keysOf(circuits.all(1_000)), [])
      assert.isUndefined(circuits.find("a", 1_000))
      assert.deepStrictEqual(keysOf(circuits.every()), ["a", "b", "c", "d"])
      circuits.use("e", 1_000)
      assert.deepStrictEqual(keysOf(circuits.every()), ["c", "d", "e"])
      circuits.use("e", 1_000)
      assert.deepStrictEqual(keysOf(circuits.every()), ["e"])
    })
  )

  it.effect("are dropped to make room for others", () =>
    Effect.gen(function* () {
      const circuits = yield* makeCircuits({ ...options, capacity: 2 })
      for (const key of ["a", "b"]) circuits.use(key, 0)
      for (const key of ["c", "d"]) circuits.use(key, 1_000)
      assert.deepStrictEqual(keysOf(circuits.every()), ["c", "d"])
    })
  )

  it.effect("are created again by their next call", () =>
    Effect.gen(function* () {
      const circuits = yield* makeCircuits(options)
      for (const key of ["a", "b", "c", "d"]) circuits.use(key, 0)
      const before = circuits.find("d", 0)!
      const after = circuits.use("d", 1_000)
      assert.notStrictEqual(after, before)
      assert.isFalse(circuits.holds(before))
      assert.isTrue(circuits.holds(after))
      assert.isTrue(circuits.isSuperseded(before))
      assert.isFalse(circuits.isSuperseded(after))
    })
  )

  it.effect("are kept if they are not Closed", () =>
    Effect.gen(function* () {
      const circuits = yield* makeCircuits(options)
      const entry = isolate(circuits, "a", 0)
      assert.strictEqual(circuits.use("a", 5_000), entry)
      assert.strictEqual(circuits.find("a", 10_000), entry)
    })
  )
})

describe("a circuit that was dropped", () => {
  it.effect("returns with its next value, and does not belong to its key until then", () =>
    Effect.gen(function* () {
      const circuits = yield* makeCircuits({ capacity: 1 })
      const entry = circuits.use("a", 0)
      circuits.use("b", 0)
      assert.isUndefined(circuits.find("a", 0))
      assert.isFalse(circuits.holds(entry))
      assert.isFalse(circuits.isSuperseded(entry))
      circuits.touch(entry, 5)
      assert.isFalse(circuits.holds(entry))
      circuits.set(entry, ManualControl.isolate(entry.current), 6)
      assert.isTrue(circuits.holds(entry))
      assert.strictEqual(circuits.find("a", 6), entry)
      assert.deepStrictEqual(keysOf(circuits.every()), ["a"])
      assert.isUndefined(circuits.takeEvicted())
    })
  )

  it.effect("is reported once if it was not Closed", () =>
    Effect.gen(function* () {
      const circuits = yield* makeCircuits({ capacity: 2 })
      const first = isolate(circuits, "a", 0)
      isolate(circuits, "b", 0)
      circuits.use("c", 0)
      assert.strictEqual(circuits.takeEvicted(), first)
      assert.isUndefined(circuits.takeEvicted())
      assert.deepStrictEqual(keysOf(circuits.every()), ["c", "b"])
    })
  )
})

describe("the circuit of calls without a key", () => {
  it.effect("is a single one, found by its key, and created by its first call only", () =>
    Effect.gen(function* () {
      const circuits = yield* makeCircuits({ idleTimeToLive: "1 second" })
      assert.isUndefined(circuits.find("default", 0))
      assert.deepStrictEqual(keysOf(circuits.every()), [])
      const entry = circuits.useUnkeyed()
      assert.strictEqual(circuits.useUnkeyed(), entry)
      assert.strictEqual(circuits.use("default", 9_000), entry)
      assert.strictEqual(circuits.find("default", 20_000), entry)
      assert.isTrue(circuits.holds(entry))
      circuits.set(entry, ManualControl.isolate(entry.current), 0)
      assert.deepStrictEqual(keysOf(circuits.every()), ["default"])
      assert.isUndefined(entry.list)
    })
  )
})

describe("E25 the tables over which keys are spread", () => {
  const perTable = 4_096

  const kinds: Record<string, (i: number) => string> = {
    "of one length that differ at their end": (i) => `tenant-${String(i).padStart(8, "0")}`,
    "of one length that differ at their beginning": (i) => `${String(i).padStart(8, "0")}-tenant`,
    "long ones that differ all over": (i) => String(i).padStart(7, "0").repeat(10)
  }

  for (const [kind, keyOf] of Object.entries(kinds)) {
    it.effect(`E25 hold each key once, and the same number of keys approximately: ${kind}`, () =>
      Effect.gen(function* () {
        const circuits = yield* makeCircuits({ capacity: 100_000 })
        const tables = circuits["shards"]
        const keys = Array.from({ length: 6 * perTable }, (_, i) => keyOf(i))
        const entries = new Set<CircuitEntry>()
        for (const [i, key] of keys.entries()) {
          entries.add(circuits.use(key, 0))
          assert.strictEqual(tables.length, Math.floor(i / perTable) + 1)
        }
        assert.isTrue(keys.every((key) => entries.has(circuits.find(key, 0)!)))
        assert.strictEqual(entries.size, keys.length)
        const sizes = tables.map(({ size }) => size)
        assert.strictEqual(
          sizes.reduce((sum, size) => sum + size),
          keys.length
        )
        // Two of the six have not been split yet, so they hold twice as many keys as the others.
        const whole = keys.length / 4
        assert.isTrue(
          sizes.every((size) => size > whole / 4 && size < whole * 1.5),
          String(sizes)
        )
      })
    )
  }
})
