import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TripPolicy } from "effect-circuit-breaker"
import { inLongRun } from "../runLength.ts"
import type { Member } from "./Processes.ts"
import * as Processes from "./Processes.ts"
import { all, eventually, membersIn, stays, statesOf, syncMillis, withProcesses } from "./fixtures.ts"
import type { Options } from "./fixtures.ts"
import { describeWith } from "./RedisServer.ts"

const openMillis = 300
const tripPolicy = TripPolicy.consecutive(1)

/** Breakers whose circuit one of them has opened, when its open time has passed. */
const halfOpen = (count: number, { breaker, store }: Options = {}) =>
  Effect.tap(
    membersIn(count, {
      breaker: { tripPolicy, openDuration: openMillis, ...breaker },
      store
    }),
    ({ a, members }) =>
      Effect.gen(function* () {
        yield* Effect.forEach(members, (member) => member.call("works"))
        yield* a.call("fails")
        yield* eventually(statesOf(members), all(members, "HalfOpen"))
      })
  )

const totalOf = (numbers: ReadonlyArray<number>) => numbers.reduce((sum, it) => sum + it, 0)

/** All of them ask at once, several times each. */
const beginAll = (members: ReadonlyArray<Member>) =>
  Effect.forEach(members, (member) => member.begin(5), { concurrency: "unbounded" })

// Twenty processes take many seconds to start.
const manyProcesses = inLongRun(20, 4)

describeWith("given", "C6 one probe for twenty nodes", () => {
  withProcesses(manyProcesses, (test) => {
    test(`C6 of 20 nodes in ${manyProcesses} processes one runs the probe, and its success closes all`, () =>
      Effect.gen(function* () {
        const { members } = yield* halfOpen(20)
        const running = yield* beginAll(members)
        assert.strictEqual(totalOf(running), 1)
        const prober = members[running.indexOf(1)]!
        assert.deepStrictEqual(yield* prober.end("works"), ["works"])
        yield* eventually(statesOf(members), all(members, "Closed"))
        assert.deepStrictEqual(yield* members[19]!.call("works"), ["works"])
      }))
  })
})

describeWith("given", "C6 one probe for several processes", () => {
  withProcesses(4, (test) => {
    test("C6 a probe that fails opens all again, with one step of the backoff", () =>
      Effect.gen(function* () {
        const { members } = yield* halfOpen(8)
        const running = yield* beginAll(members)
        assert.strictEqual(totalOf(running), 1)
        yield* members[running.indexOf(1)]!.end("fails")
        yield* eventually(
          Effect.forEach(members, ({ report }) =>
            Effect.map(report, ({ transitions }) => transitions.filter((it) => it.includes("> Open")))
          ),
          all(members, ["Closed > Open 1 (Tripped)", "HalfOpen > Open 2 (ProbeFailed)"])
        )
      }))

    test("C6 as many probes run as there may be, and all of their successes close", () =>
      Effect.gen(function* () {
        const { members } = yield* halfOpen(8, { breaker: { halfOpen: { probes: 3 } } })
        const running = yield* beginAll(members)
        assert.strictEqual(totalOf(running), 3)
        const probers = members.filter((_, i) => running[i]! > 0)
        const [last, ...first] = probers
        yield* Effect.forEach(first, (member) => member.end("works"))
        if (first.length > 0) assert.notInclude(yield* statesOf(members), "Closed")
        yield* last!.end("works")
        yield* eventually(statesOf(members), all(members, "Closed"))
      }))

    test("C6 a probe of a process that was killed frees its slot after the lease, not before", () =>
      Effect.gen(function* () {
        const lease = 3_000
        const { a, members, membership } = yield* halfOpen(2, { store: { lease } })
        const doomed = yield* Processes.join(yield* Processes.start, membership)
        assert.strictEqual(yield* doomed.begin(), 1)
        // Its lease is renewed while it runs.
        yield* stays(a.call("works"), ["rejected: HalfOpen"], lease + 2 * syncMillis)
        yield* doomed.process.kill
        yield* stays(a.call("works"), ["rejected: HalfOpen"], lease / 2)
        yield* eventually(a.call("works"), ["works"])
        yield* eventually(statesOf(members), all(members, "Closed"))
      }))

    test("C6 a probe whose time is over frees its slot, and its late result is nobody's", () =>
      Effect.gen(function* () {
        const { a, b, members } = yield* halfOpen(2, {
          // Long enough for the second probe to be in time on a busy machine.
          breaker: { halfOpen: { probeTimeout: "5 seconds" } }
        })
        assert.strictEqual(yield* a.begin(), 1)
        assert.deepStrictEqual(yield* b.call("works"), ["rejected: HalfOpen"])
        yield* eventually(b.begin(), 1)
        yield* a.end("works")
        yield* stays(statesOf(members), all(members, "HalfOpen"), syncMillis)
        yield* b.end("works")
        yield* eventually(statesOf(members), all(members, "Closed"))
      }))
  })
})
