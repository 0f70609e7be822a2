/** Windows on a server: the script does the same as the library, and copes with any stored data. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { CircuitStore } from "effect-circuit-breaker"
import * as fc from "fast-check"
import { decodeWindow } from "../../src/internal/core/wire/window.ts"
import type { StoredWindow } from "../../src/internal/core/windows/stored.ts"
import { pack } from "../../src/internal/stores/redis/packed.ts"
import { applyReport, entryOf, unexpired } from "../../src/internal/core/windows/stored.ts"
import { callsIn, entriesOf, reportOf, request } from "../kit/entries.ts"
import { inLongRun } from "../kit/runLength.ts"
import { describeWith } from "./describe.ts"
import * as RedisServer from "./RedisServer.ts"
import { storeOn } from "./stores.ts"

type Request = CircuitStore.ExchangeRequest
type Report = CircuitStore.Report

const seed = Number(process.env["FC_SEED"] ?? 20_260_101)

const layouts: fc.Arbitrary<ReadonlyArray<CircuitStore.Layout>> = fc.array(
  fc.record({
    unitMillis: fc.constantFrom(1, 0.7, 1_000 / 3, 6_000),
    span: fc.constantFrom(3, 10, 1e9, Infinity),
    enough: fc.constantFrom(3, 10, 30, Infinity),
    freshMillis: fc.constantFrom(0, 3, 2_000, Infinity),
    parts: fc.constantFrom(2, 3, 7, Infinity)
  }),
  { minLength: 1, maxLength: 2, size: "max" }
)

const counts = fc
  .tuple(fc.integer({ min: -2, max: 6 }), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([calls, share]) => [calls, Math.trunc(calls * share), Math.trunc((calls * share) / 2)] as const)

const offset = fc.oneof(fc.integer({ min: -8, max: 2 }), fc.double({ min: -8, max: 2, noNaN: true }))

/** A section with rows around the present of the store. */
const section = (layout: CircuitStore.Layout, now: number): fc.Arbitrary<Report["sections"][number]> => {
  const index = offset.map((it) => now / layout.unitMillis + it)
  return fc
    .record({
      floor: fc.oneof({ weight: 8, arbitrary: fc.constantFrom(0, -Infinity) }, index),
      rows: fc.array(
        fc.tuple(index, counts).map(([index, counts]) => [index, ...counts] as const),
        { maxLength: 8, size: "max" }
      )
    })
    .map((it) => ({ ...it, ...layout }))
}

type Asked = Omit<Request, "circuit">

/** Requests of nodes about one window. Most reports continue the one before. */
const requests = (now: number): fc.Arbitrary<ReadonlyArray<Asked>> =>
  layouts.chain((layouts) => {
    const sections = fc.tuple(...layouts.map((it) => section(it, now)))
    const report = fc.record({
      sections: fc.oneof(
        { weight: 15, arbitrary: sections },
        sections.map((it) => it.slice(1))
      ),
      failing: fc.boolean(),
      listed: fc.nat(3)
    })
    const request = fc.record({
      node: fc.constantFrom("a", "b", "c", "ü \ud800"),
      keepMillis: fc.oneof({ weight: 15, arbitrary: fc.constant(60_000) }, fc.constantFrom(0.5, 1, 3)),
      renew: fc.boolean(),
      epoch: fc.oneof({ weight: 30, arbitrary: fc.constant(2 ** 45) }, fc.constantFrom(1, 2 ** 46)),
      report: fc.option(report, { freq: 8, nil: undefined }),
      order: fc.constantFrom("next", "next", "next", "next", "again", "unknown")
    } as const)
    return fc.array(request, { minLength: 1, maxLength: 40, size: "max" }).map(inOrder)
  })

/** Reports of one row, mostly of the latest one, under layouts that change: what some rows were kept by, others go by. */
const latestRows = (now: number): fc.Arbitrary<ReadonlyArray<Asked>> => {
  const unitMillis = 3_600_000
  const rare = <A>(usual: A, ...others: ReadonlyArray<A>) =>
    fc.oneof({ weight: 10, arbitrary: fc.constant(usual) }, fc.constantFrom(...others))
  const index = fc.constantFrom(0, 0, 0, -1, -2, 2).map((it) => Math.floor(now / unitMillis) + it)
  const section = fc.record({
    unitMillis: fc.constant(unitMillis),
    span: rare(Infinity, 2, 3),
    enough: rare(Infinity, 5),
    freshMillis: fc.constant(0),
    parts: rare(Infinity, 1, 2),
    floor: fc.oneof({ weight: 10, arbitrary: fc.constant(0) }, index),
    rows: fc.tuple(fc.tuple(index, counts).map(([index, counts]) => [index, ...counts] as const))
  })
  const request = fc.record({
    node: fc.constantFrom("a", "b"),
    keepMillis: fc.constant(60_000),
    renew: fc.constant(false),
    epoch: fc.constant(1),
    report: fc.record({
      sections: fc.oneof({ weight: 10, arbitrary: fc.tuple(section) }, fc.tuple(section, section)),
      failing: fc.boolean(),
      listed: rare(0, 1)
    }),
    order: fc.constant("next" as const)
  })
  return fc.array(request, { minLength: 1, maxLength: 40, size: "max" }).map(inOrder)
}

const inOrder = (
  all: ReadonlyArray<{
    readonly node: string
    readonly keepMillis: number
    readonly renew: boolean
    readonly epoch: number
    readonly report: Omit<Report, "number" | "base"> | undefined
    readonly order: "next" | "again" | "unknown"
  }>
): ReadonlyArray<Asked> => {
  const latest = new Map<string, number>()
  return all.map(({ epoch, order, report, ...rest }) => {
    const asked = { ...request, ...rest }
    if (report === undefined) return { ...asked, window: { name: "rules", epoch, report } }
    const base = order === "unknown" ? 77 : (latest.get(rest.node) ?? 0)
    const number = order === "again" ? Math.max(1, base) : base + 1
    if (order === "next") latest.set(rest.node, number)
    return { ...asked, window: { name: "rules", epoch, report: { ...report, base, number } } }
  })
}

/** The library's window after each request, at the times of the store. */
const windowsOf = (asked: ReadonlyArray<Request>, entries: ReadonlyArray<CircuitStore.Entry>) => {
  let window: StoredWindow | undefined
  return asked.map(({ keepMillis, node, window: its }, i) => {
    const { now } = entries[i]!
    window = applyReport(unexpired(window, now), node, its!, { now, keepMillis })
    return window === undefined ? undefined : decodeWindow(entryOf(window, node, now), now)
  })
}

describeWith("own", "windows on a server", () => {
  const cases = [
    ["R3.2.1 the script applies reports as the library does", requests],
    ["R3.2.1 the script applies reports to the latest row, in place, as the library does", latestRows]
  ] as const
  for (const [title, generate] of cases) {
    it.scopedLive(title, () =>
      Effect.gen(function* () {
        const server = yield* RedisServer.make()
        const store = yield* storeOn(server.address)
        const [first] = entriesOf(
          yield* store.exchange([{ ...request, circuit: { breaker: "b", key: "k" } }])
        )
        let trials = 0
        let added = 0
        const trial = async (all: ReadonlyArray<Asked>) => {
          const circuit = { breaker: "payments", key: `${trials++}` }
          const asked = all.map((it) => ({ ...it, circuit }))
          const entries = entriesOf(await Effect.runPromise(store.exchange(asked)))
          assert.deepStrictEqual(
            entries.map(({ window }) => window),
            windowsOf(asked, entries)
          )
          added += entries.filter(({ window }) => window?.sections.some(({ rows }) => rows.length > 1)).length
        }
        const property = fc.asyncProperty(generate(first!.now), trial)
        yield* Effect.promise(() => fc.assert(property, { numRuns: inLongRun(5_000, 150), seed }))
        assert.isAbove(added, inLongRun(1_000, 300))
      })
    )
  }

  it.scopedLive("C8 the numbers of nodes that are gone are deleted, and those of others are kept", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const store = yield* storeOn(server.address)
      const circuit = { breaker: "payments", key: "default" }
      const report = (node: string, number: number, keepMillis: number): Request => ({
        ...request,
        circuit,
        node,
        window: reportOf(1, { number }),
        keepMillis
      })
      const exchange = (all: ReadonlyArray<Request>) => Effect.map(store.exchange(all), entriesOf)
      const nodes = (name: string) => Array.from({ length: 500 }, (_, i) => `${name} ${i}`)
      yield* exchange(nodes("kept").map((node) => report(node, 1, 60_000)))
      yield* exchange(nodes("gone").map((node) => report(node, 1, 1)))
      yield* exchange([{ ...report("one", 1, 1), window: reportOf(1, { name: "other rules" }) }])
      const fields = Effect.map(server.command("HKEYS", "circuit:v2:{payments:default}"), (it) =>
        Array.isArray(it) ? it.map(String) : []
      )
      // The same node continues, so that no field is added.
      for (let i = 0; i < 16; i++) {
        yield* exchange(Array.from({ length: 100 }, (_, j) => report("one", 100 * i + j + 1, 60_000)))
      }
      const left = (yield* fields).filter((it) => it !== "sweep")
      assert.deepStrictEqual(
        left.toSorted(),
        [...nodes("kept").map((node) => `n:rules:${node}`), "n:rules:one", "w:rules"].toSorted()
      )
      const [entry] = yield* exchange([
        { ...report("kept 7", 1, 1), window: { ...reportOf(1), report: undefined } }
      ])
      assert.strictEqual(entry?.window?.latestReport, 1)
      assert.strictEqual(callsIn(entry!), 500 + 500 + 1_600)
    })
  )

  it.scopedLive("F7 a field that the script has not written counts as missing, and is replaced", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const store = yield* storeOn(server.address)
      const [first] = entriesOf(yield* store.exchange([{ ...request, circuit: { breaker: "b", key: "k" } }]))
      let trials = 0
      const trial = async (garbage: Readonly<Record<string, Uint8Array>>) => {
        const run = <A, E>(effect: Effect.Effect<A, E>) => Effect.runPromise(effect)
        const circuit = { breaker: "payments", key: `${trials++}` }
        const exchange = async (window: CircuitStore.WindowRequest | undefined, renew = false) =>
          entriesOf(await run(store.exchange([{ ...request, circuit, window, renew }])))[0]!
        await exchange(reportOf(5), true)
        const fields = Object.entries(garbage).flatMap(([field, bytes]) => [field, Buffer.from(bytes)])
        await run(server.command("HSET", `circuit:v2:{payments:${circuit.key}}`, ...fields))
        await exchange({ name: "rules", epoch: 1, report: undefined })
        // A corrupted number may be any number; the node then continues from the one that the store answers.
        const { window } = await exchange(reportOf(1, { number: 2 }), true)
        const latest = window?.latestReport ?? 0
        const before = window === undefined ? 0 : callsIn({ ...first!, window })
        const after = await exchange(
          { ...reportOf(7, { number: latest + 1 }), epoch: Math.max(1, window?.epoch ?? 1) },
          true
        )
        assert.strictEqual(after.window?.latestReport, latest + 1)
        assert.isAtLeast(callsIn(after), before + 7)
        assert.deepStrictEqual(
          after.leases.map(({ node }) => node).filter((node) => node === "one"),
          ["one"]
        )
        // The 32nd exchange looks at all fields.
        const more = Array.from({ length: 32 }, (_, i) => ({
          ...request,
          circuit,
          window: { ...reportOf(1, { number: latest + 2 + i }), epoch: after.window!.epoch }
        }))
        assert.strictEqual(
          entriesOf(await run(store.exchange(more))).at(-1)!.window?.latestReport,
          latest + 33
        )
      }
      yield* Effect.promise(() =>
        fc.assert(fc.asyncProperty(garbage(first!.now), trial), { numRuns: inLongRun(1_000, 150), seed })
      )
    })
  )

  it.scopedLive(
    "F5 a window of a generation that no circuit can have counts as missing, and is replaced",
    () =>
      Effect.gen(function* () {
        const store = yield* storeOn((yield* RedisServer.make()).address)
        const circuit = { breaker: "payments", key: "default" }
        const exchange = (window: CircuitStore.WindowRequest) =>
          Effect.map(store.exchange([{ ...request, circuit, window }]), (it) => entriesOf(it)[0]!.window)
        assert.isUndefined(yield* exchange({ ...reportOf(5), epoch: 2 ** 52 }))

        const replaced = yield* exchange(reportOf(1))

        assert.deepStrictEqual([replaced?.epoch, replaced?.latestReport], [1, 1])
      })
  )
})

/** Fields of arbitrary bytes, and lists of numbers that begin like those of the script. */
const garbage = (now: number) => {
  const number = fc.oneof(
    fc.constantFrom(0, 1, -1, 5, -4, 0.5, now, Infinity, -Infinity, NaN, 1e300),
    fc.nat(12)
  )
  const list = fc.array(number, { maxLength: 12 }).map(pack)
  const window = fc
    .tuple(
      fc.constantFrom(1, 0, 2),
      fc.constantFrom(now, NaN),
      fc.constantFrom(now + 60_000, Infinity, NaN),
      fc.array(number, { maxLength: 20 })
    )
    .map(([epoch, madeAt, until, rest]) => pack([epoch, madeAt, until, ...rest]))
  const bytes: fc.Arbitrary<Uint8Array> = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.constantFrom("", "5", "nonsense", "1e3 text", "[1,2,3]").map((text) => Buffer.from(text)),
    list,
    window
  )
  return fc.record(
    { "w:rules": bytes, "n:rules:one": bytes, "n:rules:x": bytes, "w:x": bytes, leases: bytes, sweep: bytes },
    { requiredKeys: ["w:rules"] }
  )
}
