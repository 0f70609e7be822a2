/** The rounds of the soak: faults under load, then a calm time, agreement, idle circuits and samples. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Breakers from "./Breakers.ts"
import type { Fault } from "./faults.ts"
import { faultsOf } from "./faults.ts"
import type { Fleet } from "./Fleet.ts"
import * as Fleets from "./Fleet.ts"
import { inject } from "./inject.ts"
import type { Options } from "./options.ts"
import { roundsOf } from "./options.ts"
import type { Closed } from "./program.ts"
import * as Settling from "./settling.ts"
import { ofEach, within } from "./settling.ts"
import * as Table from "./table.ts"
import { growthOf, remainsOf, slownessOf } from "./verdict.ts"

const calmMillis = 2_000
/** All data in Redis expires within this time after the last exchange. */
const expiryMillis = 60_000

/** Runs all rounds, prints a row for each, and returns what went wrong. */
export const run = (options: Options): Effect.Effect<ReadonlyArray<string>, string, Scope.Scope> =>
  Effect.gen(function* () {
    const { count, faultMillis } = roundsOf(options)
    const startedAt = Date.now()
    const fleet = yield* Fleets.make(options.processes)
    const problems = [...(yield* within(Settling.patienceMillis, isConnected(fleet)))]
    const first = yield* fleet.server.sample
    yield* Console.log(Table.head)
    for (let round = 1; round <= count; round++) {
      const found = yield* runRound(fleet, { ...options, round, faultMillis, startedAt })
      yield* Console.log(found.line)
      for (const problem of found.problems) {
        yield* Console.log(`      ${problem}`)
        problems.push(`round ${round}: ${problem}`)
      }
    }
    yield* within(
      expiryMillis,
      Effect.map(fleet.server.sample, ({ keys }) => (keys === 0 ? [] : [`${keys} keys`]))
    )
    problems.push(...remainsOf(first, yield* fleet.server.sample))
    problems.push(...fleet.members.flatMap(({ samples }) => samples.flatMap(growthOf)))
    return problems
  })

/** Each process has four connections, one of which is subscribed, and the main process has one. */
const isConnected = ({ members, server }: Fleet): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(server.sample, ({ connections, subscriptions }) =>
    connections === 4 * members.length + 1 && subscriptions === members.length
      ? []
      : [`${connections} connections and ${subscriptions} subscriptions of ${members.length} processes`]
  )

interface Round extends Options {
  readonly round: number
  readonly faultMillis: number
  readonly startedAt: number
}

const runRound = (fleet: Fleet, options: Round) =>
  Effect.gen(function* () {
    const { round, seed } = options
    const { members, server } = fleet
    const faults = yield* disturb(fleet, options)
    const problems: Array<string> = []
    const say = (what: string, found: ReadonlyArray<string>) =>
      found.length === 0
        ? Effect.void
        : Effect.map(server.contents, (contents) => {
            problems.push(...found.map((it) => `${what}: ${it}`), ...contents)
          })

    yield* ofEach(members, ({ process }) => process.ask("calm"))
    const calmAt = Date.now()
    yield* Effect.sleep(calmMillis)
    const trouble = yield* within(Settling.patienceMillis, Settling.heal(members))
    const agreedMillis = trouble.length === 0 ? Date.now() - calmAt : undefined
    yield* say("the processes do not agree", trouble)

    yield* ofEach(members, ({ process }) => process.ask("stop"))
    const accounts = yield* ofEach(members, ({ process }) => process.ask("account"))
    accounts.forEach((account, i) => problems.push(...problemsIn(members[i]!.name, account)))

    problems.push(...(yield* Settling.useControls(members, seed, round)))
    yield* say("the processes do not rest", yield* within(Settling.patienceMillis, Settling.isQuiet(fleet)))

    const row = { ...options, faults: faults.length, agreedMillis, figures: accounts.map((it) => it.figures) }
    return { problems, line: Table.lineOf({ ...row, ...(yield* measure(fleet)) }) }
  })

/** Has the processes make calls, and makes the faults happen. Returns them when they are over. */
const disturb = (fleet: Fleet, options: Round): Effect.Effect<ReadonlyArray<Fault>, string> =>
  Effect.gen(function* () {
    const { faultMillis, processes, round, seed } = options
    const callsPerSecond = options.callsPerSecond / processes
    const part = { seed, round, beganAt: Date.now(), faultMillis, callsPerSecond }
    yield* ofEach(fleet.members, (member) => member.begin(part))
    const faults = faultsOf(seed, round, { faultMillis, processes })
    yield* inject(fleet, faults, part)
    yield* Effect.sleep(Math.max(0, part.beganAt + faultMillis - Date.now()))
    return faults
  })

const problemsIn = (name: string, { figures, problems }: Closed): ReadonlyArray<string> => [
  ...problems.map((it) => `${name}: ${it}`),
  ...slownessOf(name, figures, Breakers.deadlineMillis)
]

const measure = ({ members, server }: Fleet) =>
  Effect.gen(function* () {
    const processes = yield* ofEach(members, ({ sample }) => sample)
    return { samples: processes, server: yield* server.sample }
  })
