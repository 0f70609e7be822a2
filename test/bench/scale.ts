import { cpus } from "node:os"
import { portOf, startRedis } from "./fleet/redis.ts"
import { measureFailing, measureOpening } from "./scale/engine.ts"
import { plus, times, type Work } from "./scale/meter.ts"
import {
  measureChanges,
  measureConnections,
  measureExchanges,
  measureReads,
  rate,
  streak,
  windowSeconds
} from "./scale/units.ts"

const startedAt = performance.now()
const seconds = () => Math.round((performance.now() - startedAt) / 1000)
const note = (what: string) => void process.stderr.write(`${seconds()} s: ${what}\n`)

const number = (value: number): string =>
  value.toLocaleString("en-US", { maximumSignificantDigits: value < 1_000 ? 2 : 3 })
/** A value in the largest of the units, a thousand times the one before each, of which there is at least one. */
const inUnits =
  (units: ReadonlyArray<string>) =>
  (value: number): string => {
    const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(value) / 3)))
    return `${number(value / 1_000 ** power)} ${units[power]}`
  }
const bytes = inUnits(["B", "kB", "MB", "GB"])
const micros = inUnits(["µs", "ms", "s"])

const printTable = (title: string, rows: ReadonlyArray<ReadonlyArray<string>>) => {
  const [head = [], ...rest] = rows
  const rule = head.map((_, column) => (column === 0 ? "---" : "--:"))
  console.log(`\n${title}\n`)
  for (const row of [head, rule, ...rest]) console.log(`| ${row.join(" | ")} |`)
}

// ---------------------------------------------------------------------------------------------------------
// What one costs

const redis = await startRedis()
note("connections")
const { connection, subscription } = await measureConnections(redis)
note("exchanges")
const crowds = [1, 10, 50, 100, 1_000] as const
type Crowd = (typeof crowds)[number]
const measureAll = async (policy: typeof rate | undefined) => {
  const exchange = await measureExchanges(redis, policy)
  const found = new Map<Crowd, Awaited<ReturnType<typeof exchange>>>()
  for (const nodes of crowds) found.set(nodes, await exchange(nodes))
  return { of: (nodes: Crowd) => found.get(nodes)! }
}
const rates = await measureAll(rate)
const streaks = await measureAll(streak)
const opens = await measureAll(undefined)
const read = await measureReads(redis)
note("changes")
const changes = new Map<Crowd, Work>()
for (const nodes of crowds) changes.set(nodes, await measureChanges(redis, nodes))
const change = (nodes: Crowd) => changes.get(nodes)!

printTable("One exchange of a circuit, by how many nodes contribute to it", [
  [
    "nodes",
    `rate over ${windowSeconds} s`,
    "answer",
    "key",
    "5 in a row",
    "answer",
    "key",
    "while open",
    "answer"
  ],
  ...crowds.map((nodes) => {
    const [r, s, o] = [rates.of(nodes), streaks.of(nodes), opens.of(nodes)]
    return [
      number(nodes),
      ...[r, s].flatMap((it) => [micros(it.micros), bytes(it.bytesOut), bytes(it.memory)]),
      micros(o.micros),
      bytes(o.bytesOut)
    ]
  })
])
console.log(
  `
A request is ${bytes(opens.of(1).bytesIn)} to ${bytes(rates.of(1).bytesIn)}. A read of an unknown circuit: \
${micros(read.micros)}. A change of state, told to 1, 100 and 1,000 nodes: \
${([1, 100, 1_000] as const).map((nodes) => `${micros(change(nodes).micros)} and ${bytes(change(nodes).bytesOut)}`).join(", ")}. An idle connection \
takes ${bytes(connection)}, of which a process has two; a subscription, one for each breaker of a process, \
${bytes(subscription)}.`
)

// ---------------------------------------------------------------------------------------------------------
// What a fleet costs

const exchangesAnInterval = { regular: 1, atMost: 10 }
const manyNodes = 50

/** Longer where there are many nodes, but no longer than a quarter of the window. */
const intervalOf = (nodes: Crowd, syncSeconds = 1): number =>
  Math.max(syncSeconds, Math.min((syncSeconds * nodes) / manyNodes, windowSeconds / 4))

/**
 * The work of a second for a circuit with so many failures a second in the fleet. A failure is exchanged at once, and the
 * next regular exchange comes an interval after.
 */
const failing = (nodes: Crowd, failures: number, syncSeconds = 1): Work => {
  const interval = intervalOf(nodes, syncSeconds)
  const perNode = failures / nodes
  const exchanges = Math.min(
    exchangesAnInterval.atMost / interval,
    perNode / -Math.expm1(-perNode * interval)
  )
  return times(rates.of(nodes), nodes * exchanges)
}
const staysOpen = (nodes: Crowd): Work => times(opens.of(nodes), nodes / intervalOf(nodes))

/**
 * One node tells, all of them answer with what they count, each at a time of its own within an interval less the usual
 * one, and the first asks once more.
 */
const warming = (nodes: Crowd, unit = rates): Work => {
  const telling = change(nodes)
  const told = { ...plus(telling, times(change(1), -1)), commands: 0, bytesIn: 0 }
  return plus(told, times(plus(unit.of(1), unit.of(nodes)), (nodes + 1) / 2))
}
/** The node that decides asks twice, writes, and is answered with what all count, like an exchange. */
const opening = (nodes: Crowd, unit = rates): Work =>
  plus(plus(times(unit.of(nodes), 2), { ...unit.of(nodes), commands: 0 }), change(nodes))

const fleet = 1_000
const circuits = 10_000
const gigabit = 125e6
const row = (label: string, work: Work) => [
  label,
  number(work.commands),
  bytes(work.bytesIn),
  bytes(work.bytesOut),
  micros(work.micros),
  `${number(Math.max(work.micros / 1e4, (100 * work.bytesOut) / gigabit))} %`
]
const heading = (of: string) => [of, "commands", "in", "out", "CPU"]

printTable("1,000 nodes that all serve the same 10,000 circuits, each second", [
  [...heading("circuits with failures"), "of a Redis"],
  row("none", times(read, 0)),
  row("1, which is open", staysOpen(fleet)),
  row("1, a failure a second", failing(fleet, 1)),
  row("1, failures at every node all the time", failing(fleet, Infinity)),
  row("100 (1 %), a failure a second each", times(failing(fleet, 1), circuits / 100)),
  row("10,000 (all), a failure a second each", times(failing(fleet, 1), circuits))
])
printTable("... and once", [
  heading("when"),
  ...[
    row("all start, or Redis comes back: each circuit is read", times(read, fleet * circuits)),
    row(`the first failure of a circuit, within ${intervalOf(fleet) - 1} s`, warming(fleet)),
    row("a circuit opens", opening(fleet))
  ].map((cells) => cells.slice(0, -1))
])

const most = (nodes: Crowd, syncSeconds: number, servers: number): string => {
  const { bytesOut, micros } = failing(nodes, 1, syncSeconds)
  const [byCpu, byNetwork] = [(1e6 / micros) * servers, (gigabit / bytesOut) * servers]
  return `${number(Math.min(byCpu, byNetwork))} (${byCpu < byNetwork ? "CPU" : "network"})`
}
printTable("Where it stops: circuits with failures at the same time", [
  [
    "nodes that serve a circuit",
    "each asks every",
    "one Redis",
    "syncInterval 5 s",
    "cluster of 3",
    "cluster of 3, 5 s"
  ],
  ...([10, 100, 1_000] as const).map((nodes) => [
    number(nodes),
    `${intervalOf(nodes)} s`,
    most(nodes, 1, 1),
    most(nodes, 5, 1),
    most(nodes, 1, 3),
    most(nodes, 5, 3)
  ])
])

// ---------------------------------------------------------------------------------------------------------
// Whether it is so

note("the real thing")
const compared = (label: string, computed: Work, measured: Work) => [
  label,
  ...(["commands", "bytesOut", "micros"] as const).map((field) => {
    const format = { commands: number, bytesOut: bytes, micros }[field]
    return `${format(computed[field])} / ${format(measured[field])}`
  })
]
const opened = await measureOpening(redis, 100)
note("a fleet with failures")
const failing10 = await measureFailing(redis, 10, 100, 10_000)
const failing100 = await measureFailing(redis, 100, 10, 10_000)
printTable("Real breakers with connections of their own: computed / measured", [
  ["", "commands", "out", "CPU"],
  compared("100 nodes, 1,000 calls, none fails", times(read, 0), opened.healthy),
  compared("10 nodes, 100 circuits with a failure a second, a second", times(failing(10, 1), 100), failing10),
  compared(
    "100 nodes, 10 circuits with a failure a second, a second",
    times(failing(100, 1), 10),
    failing100
  ),
  compared("100 nodes, the first failure of a circuit", warming(100, streaks), opened.warming),
  compared("100 nodes, a circuit opens", opening(100, streaks), opened.opening)
])
console.log(`
Computed is for a busy Redis: one that has little to do wakes up for each request, which takes it up to twice as long. And
for full windows: before the first failure they were empty.`)
console.log(
  `\n${process.version}, ${cpus().length} x ${cpus()[0]?.model}, Redis on port ${portOf(redis)}, ${seconds()} s.`
)
process.exit()
