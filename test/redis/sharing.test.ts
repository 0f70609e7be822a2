import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TripPolicy } from "effect-circuit-breaker"
import { describeWith } from "./describe.ts"
import { Fleet, membersIn, statesOf, withProcesses } from "./Fleet.ts"
import { all } from "./Nodes.ts"
import { syncMillis } from "./options.ts"
import * as Processes from "./Processes.ts"
import { eventually, stays } from "./waiting.ts"

describeWith("given", "C6 one circuit in several processes", () => {
  withProcesses(5, (test) => {
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

    test("C6 50 concurrent failures in five processes make one transition and one step of the backoff", function* () {
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
        // Which step of the backoff it is depends on how long the circuit stayed Closed.
        assert.deepStrictEqual(
          opened.map((it) => it.replace(/\d/, "n")),
          Array.from({ length: 3 }, () => "Closed > Open n (Tripped)")
        )
      }
    })

    const policies: Record<string, TripPolicy.TripPolicy> = {
      consecutive: TripPolicy.consecutive(6),
      failureCount: TripPolicy.failureCount({ failures: 6, within: "1 minute" }),
      "failureRate over time": TripPolicy.failureRate({ threshold: 1, within: "1 minute", minimumCalls: 6 }),
      "failureRate over calls": TripPolicy.failureRate({ threshold: 1, calls: 20, minimumCalls: 6 }),
      slowCallRate: TripPolicy.slowCallRate({
        slowerThan: "1 nanos",
        threshold: 1,
        within: "1 minute",
        minimumCalls: 6
      }),
      anyOf: TripPolicy.anyOf(
        TripPolicy.consecutive(100),
        TripPolicy.failureCount({ failures: 6, within: "1 minute" })
      )
    }
    for (const [name, tripPolicy] of Object.entries(policies)) {
      test(`C6 failures of three processes count together: ${name}`, function* () {
        const { members } = yield* membersIn(3, { breaker: { tripPolicy } })
        for (const member of members) yield* member.call("fails", 2)
        yield* eventually(statesOf(members), ["Open", "Open", "Open"])
      })
    }

    test("C6 a rate counts the successes of other processes from before the first failure", function* () {
      const tripPolicy = TripPolicy.failureRate({ threshold: 0.5, within: "1 minute", minimumCalls: 4 })
      const { a, b, members } = yield* membersIn(2, { breaker: { tripPolicy } })
      yield* b.call("works", 10)
      yield* a.call("fails", 1)
      // When it knows what the other one counts can be told from nothing but the time: two intervals, and more on a
      // busy machine.
      yield* Effect.sleep(20 * syncMillis)
      yield* a.call("fails", 8)
      yield* stays(statesOf(members), ["Closed", "Closed"], 2 * syncMillis)
      yield* a.call("fails", 1)
      yield* eventually(statesOf(members), ["Open", "Open"])
    })

    test("C6 a circuit opens for the fleet when `quorum` nodes see failures", function* () {
      const { a, b, members } = yield* membersIn(3, { store: { quorum: 2 } })
      yield* Effect.forEach(members, (member) => member.call("works"))
      yield* a.call("fails", 5)
      yield* stays(statesOf(members), ["Open", "Closed", "Closed"], 2 * syncMillis)
      yield* b.call("fails", 1)
      yield* eventually(statesOf(members), ["Open", "Open", "Open"])
    })

    test("C6 processes with another policy share among themselves while a new policy is rolled out", function* () {
      const older = { tripPolicy: TripPolicy.consecutive(3), openDuration: "3 seconds" } as const
      const { a, members, membership } = yield* membersIn(2, { breaker: older })
      const { processes } = yield* Fleet
      // The last call is the ninth failure under this policy; together with those under the other one it is the twelfth.
      const tripPolicy = TripPolicy.failureCount({ failures: 9, within: "10 minutes" })
      const breaker = { ...membership.breaker, tripPolicy }
      yield* Effect.forEach(members, (member) => member.call("works"))
      yield* a.call("fails", 3)
      yield* eventually(statesOf(members), ["Open", "Open"])
      const newer = [
        yield* Processes.join(processes[2]!, { ...membership, breaker }),
        yield* Processes.join(processes[3]!, { ...membership, breaker })
      ] as const
      for (const member of newer) {
        assert.deepStrictEqual(yield* member.call("works"), ["works"])
        yield* member.call("fails", 4)
        assert.deepStrictEqual(yield* member.call("works"), ["works"])
      }
      yield* eventually(a.call("works"), ["works"])
      yield* eventually(statesOf(members), ["Closed", "Closed"])
      yield* newer[0].call("fails")
      yield* eventually(statesOf(newer), ["Open", "Open"])
      yield* stays(statesOf(members), ["Closed", "Closed"], 2 * syncMillis)
    })

    test("C6 write-through reads at each admission and writes each outcome before the call returns", function* () {
      // Nothing happens in the background within the test.
      const store = { sync: "write-through", syncInterval: "1 hour" } as const
      const { a, b } = yield* membersIn(2, { store })
      yield* a.call("works")
      for (let i = 0; i < 2; i++) {
        yield* a.call("fails")
        yield* b.call("fails")
      }
      yield* a.call("fails")
      assert.deepStrictEqual(yield* b.call("works"), ["rejected: Open"])
      assert.deepStrictEqual(yield* a.call("works"), ["rejected: Open"])
    })

    test("C6 trip and reset reach the fleet", function* () {
      const { a, b, members } = yield* membersIn(3)
      yield* Effect.forEach(members, (member) => member.call("works"))
      yield* a.control("trip")
      yield* eventually(statesOf(members), all(members, "Open"))
      yield* b.control("reset")
      yield* eventually(statesOf(members), all(members, "Closed"))
      for (const { report } of members) {
        assert.deepStrictEqual((yield* report).transitions, ["Closed > Open 1 (Manual)", "Open > Closed"])
      }
    })

    test("C6 an isolation reaches the fleet, and so does its release", function* () {
      const { a, b, members } = yield* membersIn(3)
      yield* Effect.forEach(members, (member) => member.call("works"))
      yield* a.control("isolate")
      yield* eventually(statesOf(members), all(members, "Isolated"))
      assert.deepStrictEqual(yield* b.call("works"), ["rejected: Isolated"])
      yield* stays(statesOf(members), all(members, "Isolated"), 5 * syncMillis)
      yield* a.control("release")
      yield* eventually(statesOf(members), all(members, "Closed"))
      assert.deepStrictEqual(yield* b.call("works"), ["works"])
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
  })
})
