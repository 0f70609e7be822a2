/** Tests that need separate processes. The tests of `test/fleet` prove the rules of a fleet, on a store in memory. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TripPolicy } from "effect-circuit-breaker"
import { inLongRun } from "../kit/runLength.ts"
import { describeWith } from "./describe.ts"
import { Fleet, membersIn, statesOf, withProcesses } from "./Fleet.ts"
import { all } from "./Nodes.ts"
import { type Options, syncMillis } from "./options.ts"
import type { Member } from "./Processes.ts"
import * as Processes from "./Processes.ts"
import { eventually, stays } from "./waiting.ts"

const openMillis = 300
const tripPolicy = TripPolicy.consecutive(1)

/** Breakers of a circuit that one of them has opened, and whose open time has passed. */
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

/** Makes all of them call at once, several times each. */
const beginAll = (members: ReadonlyArray<Member>) =>
  Effect.forEach(members, (member) => member.begin(5), { concurrency: "unbounded" })

// Twenty processes take many seconds to start.
const size = inLongRun(20, 5)

describeWith("given", "C6 one circuit in several processes", () => {
  withProcesses(size, (test) => {
    test("C6 three failures in one process and two in another open the circuit of both", function* () {
      const { a, b, members } = yield* membersIn(2)
      yield* a.call("fails", 3)
      yield* b.call("fails", 2)
      yield* eventually(statesOf(members), ["Open", "Open"])
      for (const { report } of members) {
        assert.deepStrictEqual((yield* report).transitions, ["Closed > Open 1 (Tripped)"])
      }
      assert.deepStrictEqual(yield* b.call("works"), ["rejected: Open"])
    })

    test("C6 a process that starts while the circuit is open rejects its first call", function* () {
      const { a, b, membership } = yield* membersIn(2)
      const { processes } = yield* Fleet
      yield* b.call("works")
      yield* a.call("fails", 5)
      yield* eventually(b.state, "Open")
      const late = yield* Processes.join(processes[2]!, membership)
      assert.deepStrictEqual(yield* late.call("works"), ["rejected: Open"])
    })

    test("C6 a success that began before the circuit opened elsewhere does not close it", function* () {
      const { a, b, members } = yield* membersIn(2)
      yield* b.begin()
      yield* a.call("fails", 5)
      yield* eventually(b.state, "Open")
      assert.deepStrictEqual(yield* b.end("works"), ["works"])
      yield* stays(statesOf(members), ["Open", "Open"], 2 * syncMillis)
      assert.strictEqual((yield* b.report).totals.succeeded, 0)
    })

    test("C6 50 concurrent failures in five processes make one transition and one backoff step", function* () {
      const { a, members } = yield* membersIn(5)
      for (const member of members) assert.strictEqual(yield* member.begin(10), 10)
      yield* Effect.forEach(members, (member) => member.end("fails"), { concurrency: "unbounded" })
      yield* eventually(statesOf(members), all(members, "Open"))
      yield* stays(
        Effect.forEach(members, (member) => Effect.map(member.report, ({ transitions }) => transitions)),
        all(members, ["Closed > Open 1 (Tripped)"]),
        2 * syncMillis
      )
      assert.deepInclude(yield* a.report, { openings: 1 })
    })

    test("C6 concurrent failures in five processes make one transition each time", function* () {
      const { a, members } = yield* membersIn(5, { breaker: { openDuration: "1 second" } })
      for (let round = 1; round <= 3; round++) {
        yield* Effect.forEach(members, (member) => member.begin(5), { concurrency: "unbounded" })
        yield* Effect.forEach(members, (member) => member.end("fails"), { concurrency: "unbounded" })
        yield* eventually(statesOf(members), all(members, "HalfOpen"))
        yield* eventually(a.call("works"), ["works"])
        yield* eventually(statesOf(members), all(members, "Closed"))
      }
      for (const { report } of members) {
        const opened = (yield* report).transitions.filter((it) => it.includes("> Open"))
        // The number of the opening depends on how long the circuit stayed Closed.
        assert.deepStrictEqual(
          opened.map((it) => it.replace(/\d/, "n")),
          Array.from({ length: 3 }, () => "Closed > Open n (Tripped)")
        )
      }
    })

    test("C6 the isolation of a killed process ends with its lease, not before", function* () {
      const lease = 3_000
      const { membership, members } = yield* membersIn(2, { store: { lease } })
      yield* Effect.forEach(members, (member) => member.call("works"))
      const doomed = yield* Processes.join(yield* Processes.start, membership)
      yield* doomed.control("isolate")
      yield* eventually(statesOf(members), all(members, "Isolated"))
      yield* stays(statesOf(members), all(members, "Isolated"), lease + syncMillis)
      yield* doomed.process.kill
      yield* stays(statesOf(members), all(members, "Isolated"), lease / 2)
      yield* eventually(statesOf(members), all(members, "Closed"))
    })

    test(`C6 one of 20 nodes in ${size} processes runs the probe, and its success closes the circuit in all processes`, function* () {
      const { members } = yield* halfOpen(20)
      const running = yield* beginAll(members)
      assert.strictEqual(totalOf(running), 1)
      const prober = members[running.indexOf(1)]!
      assert.deepStrictEqual(yield* prober.end("works"), ["works"])
      yield* eventually(statesOf(members), all(members, "Closed"))
      assert.deepStrictEqual(yield* members[19]!.call("works"), ["works"])
    })

    test("C6 a failed probe reopens the circuit in every process, with one backoff step", function* () {
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
    })

    test("C6 `probes` probes run in the fleet, and their successes close the circuit", function* () {
      const { members } = yield* halfOpen(8, { breaker: { halfOpen: { probes: 3 } } })
      const running = yield* beginAll(members)
      assert.strictEqual(totalOf(running), 3)
      const probers = members.filter((_, i) => running[i]! > 0)
      const [last, ...first] = probers
      yield* Effect.forEach(first, (member) => member.end("works"))
      if (first.length > 0) assert.notInclude(yield* statesOf(members), "Closed")
      yield* last!.end("works")
      yield* eventually(statesOf(members), all(members, "Closed"))
    })

    test("C6 a killed process loses the slot of its probe after the lease, not before", function* () {
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
    })

    test("C6 a probe older than probeTimeout loses its slot, and its late result changes nothing", function* () {
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
    })
  })
})
