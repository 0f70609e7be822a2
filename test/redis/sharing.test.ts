/** Tests that need separate processes. The tests of `test/fleet` prove the rules of a fleet, on a store in memory. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
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
