/** The end of a round: the processes agree, a control reaches all of them, and then no process sends questions. */
import * as Effect from "effect/Effect"
import * as Breakers from "./Breakers.ts"
import type { Fleet, Member } from "./Fleet.ts"
import type { CircuitName } from "./program.ts"
import { random } from "./random.ts"
import { disagreementsOf } from "./verdict.ts"
import { steadyKeys } from "./workload.ts"

/** The longest that the processes may take for each step of settling. */
export const patienceMillis = 30_000

type Found = Effect.Effect<ReadonlyArray<string>, string>

const steady: ReadonlyArray<CircuitName> = steadyKeys.map((key) => ({ breaker: "steady", key }))

/** Asks all processes at once. */
export const ofEach = <A>(
  members: ReadonlyArray<Member>,
  ask: (member: Member) => Effect.Effect<A, string>
): Effect.Effect<ReadonlyArray<A>, string> =>
  Effect.forEach(members, (member) => Effect.mapError(ask(member), (error) => `${member.name}: ${error}`), {
    concurrency: "unbounded"
  })

/** Looks again and again until nothing is wrong any more; returns what still is after some time. */
export const within = (millis: number, look: Found): Found =>
  Effect.gen(function* () {
    const startedAt = Date.now()
    for (;;) {
      const wrong = yield* look
      if (wrong.length === 0 || Date.now() - startedAt > millis) return wrong
      yield* Effect.sleep("100 millis")
    }
  })

const agree = (
  members: ReadonlyArray<Member>,
  circuits: ReadonlyArray<CircuitName>,
  expected: (state: string) => boolean
): Found =>
  Effect.map(
    ofEach(members, ({ process }) => process.ask("states", { circuits })),
    (states) => disagreementsOf(circuits, states, expected)
  )

/** Has each process call the circuits that it does not see Closed; returns those that are not Closed everywhere. */
export const heal = (members: ReadonlyArray<Member>): Found =>
  Effect.gen(function* () {
    yield* ofEach(members, ({ process }) => process.ask("heal"))
    const troubled = yield* ofEach(members, ({ process }) => process.ask("troubled"))
    const passing = troubled.flat().filter(({ breaker }) => breaker === "passing")
    const keys = [...new Set(passing.map(({ key }) => key))]
    const circuits = [...steady, ...keys.map((key): CircuitName => ({ breaker: "passing", key }))]
    return yield* agree(members, circuits, (state) => state === "Closed")
  })

/** Opens a circuit in one process and isolates another one in the next: all have to see it, and its end. */
export const useControls = (members: ReadonlyArray<Member>, seed: number, round: number): Found =>
  Effect.gen(function* () {
    const source = random(seed, `controls at the end of round ${round}`)
    const tripped = source.pick(steady)
    const isolated = source.pick(steady.filter((it) => it !== tripped))
    const one = source.between(0, members.length - 1)
    const { process } = members[one]!
    const other = members[(one + 1) % members.length]!.process
    yield* process.ask("control", { ...tripped, control: "trip" })
    yield* other.ask("control", { ...isolated, control: "isolate" })
    const isOpen = (state: string) => state === "Open" || state === "HalfOpen"
    const unseen = [
      ...(yield* within(patienceMillis, agree(members, [tripped], isOpen))),
      ...(yield* within(
        patienceMillis,
        agree(members, [isolated], (state) => state === "Isolated")
      ))
    ]
    yield* process.ask("control", { ...tripped, control: "reset" })
    yield* other.ask("release")
    const left = yield* within(
      patienceMillis,
      agree(members, [tripped, isolated], (state) => state === "Closed")
    )
    return [
      ...unseen.map((it) => `a control did not reach all processes: ${it}`),
      ...left.map((it) => `a control did not end for all processes: ${it}`)
    ]
  })

/** Nobody asks the server while nothing happens. */
export const isQuiet = ({ server }: Fleet): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const before = yield* server.scriptsRun
    yield* Effect.sleep(4 * Breakers.syncMillis)
    const run = (yield* server.scriptsRun) - before
    return run === 0 ? [] : [`${run} scripts were run in ${4 * Breakers.syncMillis} ms`]
  })
