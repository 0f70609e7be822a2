/**
 * The number of circuits and processes that one Redis can serve. It measures what one exchange costs, calculates fleets
 * from that, and checks some of them with real breakers. It takes a few minutes: `npm run bench:scale`.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { Redis } from "ioredis"
import { cpus } from "node:os"
import {
  measureChanges,
  measureConnections,
  measureExchanges,
  measureRead,
  windowSeconds
} from "./capacity/Costs.ts"
import { measureFailing, measureOpening } from "./capacity/Fleet.ts"
import type { Work } from "./capacity/Work.ts"
import { plus, times } from "./capacity/Work.ts"
import * as RedisServer from "./RedisServer.ts"

const startedAt = performance.now()
const seconds = () => Math.round((performance.now() - startedAt) / 1000)
const note = (what: string) => void process.stderr.write(`${seconds()} s: ${what}\n`)

const number = (value: number): string =>
  value.toLocaleString("en-US", { maximumSignificantDigits: value < 1_000 ? 2 : 3 })

/** A value in the largest of the units, each a thousand times the one before, in which it is at least 1. */
const inUnits =
  (...units: ReadonlyArray<string>) =>
  (value: number): string => {
    const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(value) / 3)))
    return `${number(value / 1_000 ** power)} ${units[power]}`
  }
const bytes = inUnits("B", "kB", "MB", "GB")
const micros = inUnits("µs", "ms", "s")

const printTable = (title: string, [head = [], ...rows]: ReadonlyArray<ReadonlyArray<string>>) => {
  const rule = head.map((_, column) => (column === 0 ? "---" : "--:"))
  console.log(`\n${title}\n`)
  for (const row of [head, rule, ...rows]) console.log(`| ${row.join(" | ")} |`)
}

// The cost of one request of each kind

const scope = await Effect.runPromise(Scope.make())
const port = await Effect.runPromise(Scope.extend(RedisServer.start, scope))
process.on("exit", () => Effect.runSync(Scope.close(scope, Exit.void)))
const redis = new Redis({ port, host: "127.0.0.1" })

const crowds = [1, 10, 50, 100, 1_000] as const
type Crowd = (typeof crowds)[number]
const byCrowd = async <A>(measure: (nodes: number) => Promise<A>) => {
  const found = new Map<Crowd, A>()
  for (const nodes of crowds) found.set(nodes, await measure(nodes))
  return (nodes: Crowd) => found.get(nodes)!
}

note("connections")
const { connection, subscription } = await measureConnections(redis, port)
note("exchanges")
const ofRate = await byCrowd(await measureExchanges(redis, port, "rate"))
const ofStreak = await byCrowd(await measureExchanges(redis, port, "streak"))
const ofCalls = await byCrowd(await measureExchanges(redis, port, "calls"))
const whileOpen = await byCrowd(await measureExchanges(redis, port, undefined))
const read = await measureRead(redis, port, 1)
/** As many as a process asks about at a time. */
const together = 128
const readTogether = await measureRead(redis, port, together)
note("changes of state")
const change = await byCrowd(await measureChanges(redis, port))

printTable("One exchange of a circuit, by how many nodes report to it", [
  [
    "nodes",
    `rate over ${windowSeconds} s`,
    "answer",
    "key",
    "5 in a row",
    "answer",
    "key",
    "last 100 calls",
    "answer",
    "key",
    "while open",
    "answer"
  ],
  ...crowds.map((nodes) => {
    const open = whileOpen(nodes)
    return [
      number(nodes),
      ...[ofRate(nodes), ofStreak(nodes), ofCalls(nodes)].flatMap((work) => [
        micros(work.micros),
        bytes(work.bytesOut),
        bytes(work.memory)
      ]),
      micros(open.micros),
      bytes(open.bytesOut)
    ]
  })
])
const changes = ([1, 100, 1_000] as const)
  .map((nodes) => `${micros(change(nodes).micros)} and ${bytes(change(nodes).bytesOut)}`)
  .join(", ")
console.log(`
A request is ${bytes(whileOpen(1).bytesIn)} to ${bytes(ofRate(1).bytesIn)}. A read of an unknown circuit: \
${micros(read.micros)}; of ${together} in a turn, ${micros(readTogether.micros / together)} each. A change of state, published to 1, 100 and 1,000 nodes: ${changes}. An idle connection takes \
${bytes(connection)}, of which a process has two; a subscription, one for each breaker of a process, \
${bytes(subscription)}.`)

// The cost of a fleet

const syncSeconds = 1
const mostExchangesAnInterval = 10
const manyNodes = 50

/** Longer where there are many nodes, but no longer than a quarter of the window. */
const intervalOf = (nodes: Crowd, sync = syncSeconds): number =>
  Math.max(sync, Math.min((sync * nodes) / manyNodes, windowSeconds / 4))

/**
 * The work of a second for a circuit with so many failures a second in the fleet. A failure is exchanged at once, and the
 * next regular exchange comes an interval after.
 */
const failing = (nodes: Crowd, failures: number, sync = syncSeconds): Work => {
  const interval = intervalOf(nodes, sync)
  const perNode = failures / nodes
  const exchanges = Math.min(mostExchangesAnInterval / interval, perNode / -Math.expm1(-perNode * interval))
  return times(ofRate(nodes), nodes * exchanges)
}

const staysOpen = (nodes: Crowd): Work => times(whileOpen(nodes), nodes / intervalOf(nodes))

/**
 * One node announces the failure. All of them answer with what they count, each at a time of its own, and the first asks
 * once more.
 */
const firstFailure = (nodes: Crowd, exchange: (nodes: Crowd) => Work = ofRate): Work => {
  const announced = { ...plus(change(nodes), times(change(1), -1)), commands: 0, bytesIn: 0 }
  return plus(announced, times(plus(exchange(1), exchange(nodes)), (nodes + 1) / 2))
}

/** The node that decides asks twice, writes, and is answered with what all count, as by an exchange. */
const opening = (nodes: Crowd, exchange: (nodes: Crowd) => Work = ofRate): Work =>
  plus(times(exchange(nodes), 2), { ...exchange(nodes), commands: 0 }, change(nodes))

const fleet = 1_000
const circuits = 10_000
const gigabit = 125e6
const cells = (label: string, work: Work) => [
  label,
  number(work.commands),
  bytes(work.bytesIn),
  bytes(work.bytesOut),
  micros(work.micros)
]
const row = (label: string, work: Work) => [
  ...cells(label, work),
  `${number(Math.max(work.micros / 1e4, (100 * work.bytesOut) / gigabit))} %`
]

printTable("1,000 nodes that all serve the same 10,000 circuits, each second", [
  ["circuits with failures", "commands", "in", "out", "CPU", "of a Redis"],
  row("none", times(read, 0)),
  row("1, which is open", staysOpen(fleet)),
  row("1, a failure a second", failing(fleet, 1)),
  row("1, failures at every node all the time", failing(fleet, Infinity)),
  row("100 (1 %), a failure a second each", times(failing(fleet, 1), circuits / 100)),
  row("10,000 (all), a failure a second each", times(failing(fleet, 1), circuits))
])
printTable("... and once", [
  ["when", "commands", "in", "out", "CPU"],
  cells("all start, or Redis comes back: each circuit is read", times(read, fleet * circuits)),
  cells(`the same, ${together} circuits in a turn`, times(readTogether, (fleet * circuits) / together)),
  cells(`the first failure of a circuit, within ${intervalOf(fleet) - 1} s`, firstFailure(fleet)),
  cells("a circuit opens", opening(fleet))
])

const most = (nodes: Crowd, sync: number, servers: number): string => {
  const work = failing(nodes, 1, sync)
  const [byCpu, byNetwork] = [(1e6 / work.micros) * servers, (gigabit / work.bytesOut) * servers]
  return `${number(Math.min(byCpu, byNetwork))} (${byCpu < byNetwork ? "CPU" : "network"})`
}
printTable("The most circuits with failures at the same time", [
  [
    "nodes of a circuit",
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

// Whether real breakers cost the same

const compared = (label: string, computed: Work, measured: Work) => [
  label,
  `${number(computed.commands)} / ${number(measured.commands)}`,
  `${bytes(computed.bytesOut)} / ${bytes(measured.bytesOut)}`,
  `${micros(computed.micros)} / ${micros(measured.micros)}`
]
note("a circuit that opens")
const opened = await measureOpening(redis, port, 100)
note("fleets with failures")
const failing10 = await measureFailing(redis, port, 10, 100)
const failing100 = await measureFailing(redis, port, 100, 10)
printTable("Real breakers with connections of their own: computed / measured", [
  ["", "commands", "out", "CPU"],
  compared("100 nodes, 1,000 calls, none fails", times(read, 0), opened.healthy),
  compared("10 nodes, 100 circuits with a failure a second, a second", times(failing(10, 1), 100), failing10),
  compared(
    "100 nodes, 10 circuits with a failure a second, a second",
    times(failing(100, 1), 10),
    failing100
  ),
  compared("100 nodes, the first failure of a circuit", firstFailure(100, ofStreak), opened.firstFailure),
  compared("100 nodes, a circuit opens", opening(100, ofStreak), opened.opening)
])
console.log(`
Computed is for a busy Redis and for full windows. A Redis with little to do wakes up for each request, which takes up to
twice as long; the windows of the real breakers hold some twenty seconds.

${process.version}, ${cpus().length} x ${cpus()[0]?.model}, ${seconds()} s.`)
process.exit()
