import * as Effect from "effect/Effect"
import type { Layout, Row, WindowEntry } from "../../CircuitStore.ts"
import * as Sections from "../core/windows/section.ts"
import {
  callsIn,
  contentsOf,
  everything,
  exchange,
  exchangeAll,
  expectSame,
  expectThat,
  read,
  reading,
  replace,
  shortMillis,
  windowOf,
  windowWith
} from "./expectations.ts"
import { laws } from "./law.ts"

/** @internal */
export const windows = laws("storage", {
  "a report is added to a window, which is returned to its own node and to others": (connect, breaker) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const circuit = { breaker, key: "report" }
      const sections = [
        { floor: 7, rows: [[10, 5, 3, 2] as const, [2 ** 35, 1, 0, 0] as const] },
        { floor: 0, rows: [] }
      ]
      const report = { sections: sections.map((it) => ({ ...everything, ...it })) }
      const own = yield* exchange(one, {
        circuit,
        node: "one",
        window: windowWith(0, { epoch: 3, ...report })
      })
      const stored = { epoch: 3, latestReport: 1, exchanges: 1, sections, failing: [] }
      yield* expectWindow("the window for the node that reports", own.window, stored)
      const seen = yield* read(other, circuit)
      yield* expectWindow("the window for another node", seen.window, { ...stored, latestReport: 0 })
      const again = yield* exchange(other, { circuit, node: "one", window: windowOf() })
      yield* expectWindow("the window when its node reads it", again.window, stored)
    }),

  "reports of many nodes add up, each once, as the layout of their sections says": (connect, breaker) =>
    Effect.gen(function* () {
      const clients = [yield* connect, yield* connect]
      for (const [i, layout] of layouts.entries()) {
        const circuit = { breaker, key: `sum ${i}` }
        const { now: start } = yield* read(clients[0]!, circuit)
        let section = Sections.empty
        for (let n = 0; n < 60; n++) {
          const latest = Math.floor(start / layout.unitMillis)
          const rows = [latest - ((n * 7) % 12), latest - ((n * 5) % 4)]
            .map((index): Row => [index, (n % 5) + 1, n % 2, n % 3 === 0 ? 1 : 0])
            .toSorted(([a], [b]) => a - b)
            .filter(([index], k, all) => index !== all[k - 1]?.[0])
          const report = { ...layout, floor: n === 40 ? latest - 8 : 0, rows }
          const number = Math.floor(n / 6) + 1
          const { now, window } = yield* exchange(clients[n % 2]!, {
            circuit,
            node: `node ${n % 6}`,
            window: windowWith(0, { number, sections: [report] })
          })
          section = Sections.add(section, report, layout, now)
          yield* expectSame(`the section after ${n + 1} reports to circuit ${i}`, window?.sections, [section])
        }
      }
    }),

  "a report that arrives twice is added once": (connect, breaker) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const circuit = { breaker, key: "twice" }
      for (const number of [1, 2]) {
        for (const store of [one, other, one]) {
          const entry = yield* exchange(store, { circuit, node: "one", window: windowWith(1, { number }) })
          yield* expectSame("the calls", callsIn(entry), number)
          yield* expectSame("the number of the report", entry.window?.latestReport, number)
        }
      }
    }),

  "a report on another base than the latest one is not added, and the entry says which one that is": (
    connect,
    breaker
  ) =>
    Effect.gen(function* () {
      const store = yield* connect
      const circuit = { breaker, key: "base" }
      const report = (number: number, base: number) =>
        exchange(store, { circuit, node: "one", window: windowWith(1, { number, base }) })
      const outcomeOf = (number: number, base: number) =>
        Effect.map(report(number, base), (entry) => [callsIn(entry) ?? 0, entry.window?.latestReport])
      yield* expectSame("after a report on 4, the first one", yield* outcomeOf(5, 4), [0, 0])
      yield* expectSame("after one on none", yield* outcomeOf(6, 0), [1, 6])
      yield* expectSame("after another on none", yield* outcomeOf(7, 0), [1, 6])
      yield* expectSame("after one on 7", yield* outcomeOf(8, 7), [1, 6])
      yield* expectSame("after one on 6", yield* outcomeOf(9, 6), [2, 9])
      // Each node numbers its own reports.
      yield* exchange(store, { circuit, node: "other", window: windowWith(1) })
      yield* expectSame("after a report of another node", yield* outcomeOf(10, 9), [4, 10])
    }),

  "a report to a later epoch replaces the window, and one to an earlier epoch changes nothing": (
    connect,
    breaker
  ) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const circuit = { breaker, key: "epoch" }
      for (const number of [1, 2]) {
        const failing = { failing: true, listed: 2 }
        yield* exchange(one, {
          circuit,
          node: "one",
          window: windowWith(1, { number, epoch: 5, ...failing })
        })
      }
      const later = yield* exchange(other, { circuit, node: "other", window: windowWith(3, { epoch: 6 }) })
      yield* expectSame("the calls of the later epoch", callsIn(later), 3)
      const replaced = { epoch: 6, exchanges: 1, failing: [] }
      yield* expectWindow("the later window", later.window, {
        ...later.window!,
        ...replaced,
        latestReport: 1
      })
      const before = yield* read(one, circuit)
      for (const epoch of [5, 1]) {
        const window = windowWith(9, { number: 3, epoch, failing: true, listed: 2 })
        const entry = yield* exchange(one, { circuit, node: "one", window })
        yield* expectSame(
          "the entry after a report to an earlier epoch",
          contentsOf(entry),
          contentsOf(before)
        )
      }
      // The numbers of reports to the earlier epoch belong to its window, which was replaced.
      const onOld = windowWith(1, { number: 3, epoch: 7 })
      const empty = yield* exchange(one, { circuit, node: "one", window: onOld })
      yield* expectSame("the calls after a report on an earlier epoch's", callsIn(empty) ?? 0, 0)
      yield* expectSame("the epoch and the number", [empty.window?.epoch, empty.window?.latestReport], [7, 0])
    }),

  "windows of different names are separate": (connect, breaker) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const circuit = { breaker, key: "names" }
      const names = [
        "",
        "a",
        "A",
        "a:",
        ":a",
        "a:one",
        "a:one:",
        "revision",
        "a b",
        "%",
        "%3A",
        "\ud800",
        "\ud801"
      ]
      for (const [i, name] of names.entries()) {
        for (const [j, node] of ["one", ":one", "one:one"].entries()) {
          const number = 10 * i + j + 1
          const window = windowWith(i + 1, { name, epoch: i + 1, number, base: 0 })
          yield* exchange(one, { circuit, node, window })
        }
      }
      for (const [i, name] of names.entries()) {
        const entry = yield* exchange(other, { circuit, node: ":one", window: windowOf(name) })
        const seen = [
          entry.window?.epoch,
          entry.window?.latestReport,
          entry.window?.exchanges,
          callsIn(entry)
        ]
        yield* expectSame(`the window ${JSON.stringify(name)}`, seen, [i + 1, 10 * i + 2, 3, 3 * i + 3])
      }
    }),

  "a window outlives the connections of those that reported to it": (connect, breaker) =>
    Effect.gen(function* () {
      const other = yield* connect
      const circuit = { breaker, key: "gone" }
      yield* Effect.scoped(
        Effect.flatMap(connect, (store) => exchange(store, { circuit, node: "gone", window: windowWith(4) }))
      )
      yield* expectSame("the calls", callsIn(yield* read(other, circuit)), 4)
    }),

  "the latest nodes that see failures are listed, as many as are asked for": (connect, breaker) =>
    Effect.gen(function* () {
      const store = yield* connect
      const circuit = { breaker, key: "failing" }
      const report = (node: string, failing: boolean, listed: number) =>
        Effect.map(
          exchange(store, { circuit, node, window: windowWith(1, { failing, listed }) }),
          ({ window }) => window?.failing
        )
      yield* expectSame("after the first", yield* report("a", true, 2), ["a"])
      yield* expectSame("after the second", yield* report("b", true, 2), ["a", "b"])
      yield* expectSame("after the first again", yield* report("a", true, 2), ["b", "a"])
      yield* expectSame("after a third", yield* report("c", true, 2), ["a", "c"])
      yield* expectSame("after one without failures", yield* report("d", false, 2), ["a", "c"])
      yield* expectSame("when one sees none any more", yield* report("a", false, 2), ["c"])
      yield* expectSame("when three may be listed", yield* report("b", true, 3), ["c", "b"])
      yield* expectSame("when none is asked for", yield* report("a", true, 0), [])
    }),

  "a node that saw failures and is silent is no longer listed although others report": (connect, breaker) =>
    Effect.gen(function* () {
      const store = yield* connect
      const circuit = { breaker, key: "silent" }
      const report = (node: string, number: number) => {
        const window = windowWith(1, { number, failing: true, listed: 9 })
        return exchange(store, { circuit, node, keepMillis: shortMillis, window })
      }
      yield* report("silent", 1)
      for (let i = 1; i <= 6; i++) {
        yield* Effect.sleep(`${shortMillis / 2} millis`)
        yield* report("active", i)
      }
      const { window } = yield* report("active", 7)
      yield* expectSame("the nodes that see failures", window?.failing, ["active"])
    }),

  "an entry does not grow with the number of nodes that report": (connect, breaker) =>
    Effect.gen(function* () {
      const [one, other] = [yield* connect, yield* connect]
      const circuit = { breaker, key: "size" }
      const entries = yield* exchangeAll(
        one,
        Array.from({ length: 200 }, (_, i) => ({
          ...reading,
          circuit,
          node: longName(i),
          window: windowWith(1, { failing: true, listed: 3 })
        }))
      )
      const entry = yield* exchange(other, { circuit, node: longName(7), window: windowOf() })
      yield* expectSame("the calls", callsIn(entry), 200)
      yield* expectSame("the number of the node's report", entry.window?.latestReport, 1)
      for (const answer of [...entries, entry]) {
        const { length } = JSON.stringify(answer)
        yield* expectThat(length < 1_000, `an entry of 200 nodes has ${length} characters as JSON`)
      }
    }),

  "a report leaves the state unchanged, and a new state leaves the window unchanged": (connect, breaker) =>
    Effect.gen(function* () {
      const store = yield* connect
      const circuit = { breaker, key: "both" }
      yield* exchange(store, { circuit, node: "one", window: windowWith(1) })
      yield* replace(store, circuit, { expected: "", revision: "a" })
      const reported = yield* exchange(store, { circuit, node: "other", window: windowWith(2) })
      yield* expectSame("the state", [reported.revision, reported.state], ["a", "state of a"])
      const { window } = yield* replace(store, circuit, { expected: "a", revision: "b" })
      yield* expectSame("the window in the answer of compareAndSet", window, undefined)
      yield* expectSame("the window", (yield* read(store, circuit)).window, {
        ...reported.window!,
        latestReport: 0
      })
    })
})

/**
 * Layouts that drop the oldest rows (by time, by the floor, or because newer rows suffice), and some that join rows.
 */
const layouts: ReadonlyArray<Layout> = [
  { ...everything, unitMillis: 3_600_000, span: 10 },
  { ...everything, unitMillis: 86_400_000 / 7, enough: 20 },
  { ...everything, unitMillis: 86_400_000, enough: 20, freshMillis: 4 * 86_400_000, parts: 4 },
  { ...everything, unitMillis: 1, span: 1e12, parts: 3 }
]

const longName = (i: number): string => `node ${i} of many, with a name as long as that of a process`

/** Compares windows regardless of the order of their properties. */
const expectWindow = (
  subject: string,
  received: WindowEntry | undefined,
  { epoch, exchanges, failing, sections, latestReport }: WindowEntry
) =>
  expectSame(
    subject,
    received && order(received),
    order({ epoch, exchanges, failing, sections, latestReport })
  )

const order = ({ epoch, exchanges, failing, sections, latestReport }: WindowEntry) => ({
  epoch,
  latestReport,
  exchanges,
  failing,
  sections: sections.map(({ floor, rows }) => ({ floor, rows }))
})
