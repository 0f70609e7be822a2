import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { rm } from "node:fs/promises"
import * as path from "node:path"
import { TripPolicy } from "effect-circuit-breaker"
import { inLongRun } from "../kit/runLength.ts"
import { describeWith } from "./describe.ts"
import { statesOf } from "./Fleet.ts"
import type { KeyAccount } from "./Load.ts"
import type { Member } from "./Processes.ts"
import * as Processes from "./Processes.ts"
import { all, assertReported, nodeOn } from "./Nodes.ts"
import { newPrefix, syncMillis } from "./options.ts"
import * as RedisServer from "./RedisServer.ts"
import { eventually, until } from "./waiting.ts"

const size = inLongRun(5, 3)
const callsPerSecond = inLongRun(200, 60)
const latencyMillis = 5
const deadlineMillis = 3_000
const windowMillis = 1_000

const breaker = {
  name: "payments",
  tripPolicy: TripPolicy.failureRate({ threshold: 0.5, within: windowMillis, minimumCalls: 10 }),
  openDuration: 4_000
}

// The default circuit never fails. The second one fails for all processes. The third one fails for one process, and only
// while there is no server: the others can learn of it from the store alone.
const [steady, flaky, partial] = ["default", "flaky", "partial"] as const

/** The times of these faults, in milliseconds since the test began. */
const plan = inLongRun(
  {
    [flaky]: [
      { from: 3_000, to: 9_000 },
      { from: 15_000, to: 18_000 },
      { from: 32_000, to: 38_000 },
      { from: 45_000, to: 51_000 }
    ],
    [partial]: [
      { from: 16_000, to: 19_000 },
      { from: 35_000, to: 38_000 }
    ],
    outages: [
      { at: 14_000, isEmptyAfterwards: false },
      { at: 34_000, isEmptyAfterwards: true }
    ],
    end: 60_000
  },
  {
    [flaky]: [
      { from: 1_000, to: 6_000 },
      { from: 12_000, to: 15_000 }
    ],
    [partial]: [{ from: 13_000, to: 16_000 }],
    outages: [{ at: 11_000, isEmptyAfterwards: true }],
    end: 20_000
  }
)

/** A call may wait for the dependency, and for the store when it asks for a slot. */
const slowestMillis = latencyMillis + 2 * deadlineMillis + 500

/** The number of delays by a busy machine that one call may meet. */
const waits = 4

/** An opening is published after the last failure that led to it, by a process that may be busy. */
const openedWithinMillis = windowMillis + 1_500

/** A fleet that makes calls all the time. */
const fleetUnderLoad = Effect.gen(function* () {
  const dir = yield* RedisServer.directory
  const server = yield* RedisServer.make({ dir, appendonly: "yes" })
  const loseAll = Effect.promise(() => rm(path.join(dir, "appendonlydir"), { recursive: true }))
  const processes = yield* Effect.replicateEffect(Processes.start, size, { concurrency: "unbounded" })
  const prefix = newPrefix()
  const store = { syncInterval: syncMillis, deadline: deadlineMillis }
  const members = yield* Effect.forEach(
    processes,
    (process) => Processes.join(process, { redis: { ...server.address, prefix, ...store }, breaker }),
    { concurrency: "unbounded" }
  )
  const beganAt = Date.now()
  yield* Effect.forEach(members, (member, i) =>
    member.load({
      beganAt,
      callsPerSecond,
      latencyMillis,
      failing: { [steady]: [], [flaky]: plan[flaky], [partial]: i === 0 ? plan[partial] : [] }
    })
  )
  return {
    members,
    killRedis: server.kill,
    startRedis: (isEmpty: boolean) => Effect.zipRight(isEmpty ? loseAll : Effect.void, server.start),
    waitUntil: (millis: number) => Effect.suspend(() => Effect.sleep(beganAt + millis - Date.now())),
    /** Makes another node, which has only the store's state. */
    join: nodeOn(server.address, prefix, { breaker, store })
  }
})

const accountsOf = (members: ReadonlyArray<Member>) =>
  Effect.forEach(members, ({ account }) => account, { concurrency: "unbounded" })

const onKey = (members: ReadonlyArray<Member>, key: string) =>
  Effect.map(accountsOf(members), (accounts) => accounts.map(({ keys }) => keys[key]!))

const statesOn = (members: ReadonlyArray<Member>, key: string) =>
  Effect.map(onKey(members, key), (accounts) => accounts.map(({ state }) => state))

/** The levels of the lines that the processes have logged of the store. */
const linesOf = (members: ReadonlyArray<Member>) =>
  Effect.map(accountsOf(members), (accounts) => accounts.map(({ storeLines }) => storeLines))

const lastLinesOf = (members: ReadonlyArray<Member>) =>
  Effect.map(linesOf(members), (lines) => lines.map((it) => it.at(-1)))

const running = (members: ReadonlyArray<Member>) =>
  Effect.map(accountsOf(members), (accounts) =>
    accounts.flatMap(({ keys }) =>
      Object.values(keys).map(({ callers: it }) => it.made - it.succeeded - it.failed - it.rejected)
    )
  )

const assertAccounted = ({ callers, totals }: KeyAccount, latestMillis: number) => {
  assert.deepStrictEqual(callers.others, [])
  assert.isAtLeast(callers.made, (0.9 * callsPerSecond * (plan.end / 1_000)) / 3)
  assert.strictEqual(callers.made, callers.succeeded + callers.failed + callers.rejected)
  assert.strictEqual(callers.ran, callers.succeeded + callers.failed)
  const { failed, ignored, rejected, succeeded } = totals
  assert.strictEqual(callers.made, succeeded + failed + rejected + callers.overtaken)
  assert.strictEqual(callers.rejected, rejected)
  assert.strictEqual(ignored, 0)
  assert.isBelow(callers.slowestMillis, slowestMillis + waits * latestMillis)
}

/** Asserts that the circuit opened in each of the spans, and at no other time. */
const assertOpenedIn = ({ opened }: KeyAccount, spans: ReadonlyArray<{ from: number; to: number }>) => {
  const spanOf = (at: number) => spans.findIndex(({ from, to }) => from < at && at < to + openedWithinMillis)
  assert.deepStrictEqual(
    [...new Set(opened.map(spanOf))],
    spans.map((_, i) => i),
    `opened at ${opened.join(", ")}`
  )
}

describeWith("own", "C7 under load", () => {
  it.scopedLive(
    `C7 a fleet under load for ${plan.end / 1_000} seconds with Redis killed and restarted loses no call and ends agreed`,
    () =>
      Effect.gen(function* () {
        const { join, killRedis, members, startRedis, waitUntil } = yield* fleetUnderLoad
        const [failing, ...others] = members

        for (const { at, isEmptyAfterwards } of plan.outages) {
          yield* waitUntil(at)
          yield* killRedis
          yield* eventually(statesOn([failing!], partial), ["Open"])
          assert.deepStrictEqual(yield* statesOn(others, partial), all(others, "Closed"))
          yield* eventually(lastLinesOf(members), all(members, "Warning"))
          yield* startRedis(isEmptyAfterwards)
          yield* eventually(statesOn(members, partial), all(members, "Open"))
          yield* eventually(lastLinesOf(members), all(members, "Info"))
        }

        yield* waitUntil(plan.end)
        yield* Effect.forEach(members, ({ unload }) => unload)
        yield* until(Effect.map(running(members), (running) => running.every((it) => it === 0)))

        // They agree with each other, with the store, and on the next change.
        const late = yield* join
        for (const key of [steady, flaky, partial]) {
          yield* eventually(statesOn(members, key), all(members, "Closed"))
          yield* late.protectWith(Effect.void, { key })
        }
        yield* members.at(-1)!.control("trip")
        yield* eventually(statesOf(members), all(members, "Open"))
        yield* eventually(late.tag, "Open")

        for (const lines of yield* linesOf(members)) assertReported(lines, plan.outages.length)
        for (const { keys, latestMillis } of yield* accountsOf(members)) {
          for (const account of Object.values(keys)) assertAccounted(account, latestMillis)
          assert.strictEqual(keys[steady]!.callers.rejected, 0)
          assertOpenedIn(keys[flaky]!, plan[flaky])
          assertOpenedIn(keys[partial]!, plan[partial])
        }
      }),
    600_000
  )
})
