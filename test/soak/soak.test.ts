/** The parts of the soak that decide: what happens when, what every call comes to, and what is wrong. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import { test } from "../kit/test.ts"
import type { Account, Totals } from "./account.ts"
import { accountIn, emptyAccount, emptyBook, noTotals, problemsOf } from "./account.ts"
import { passingCapacity } from "./Breakers.ts"
import * as Caller from "./Caller.ts"
import { faultsOf } from "./faults.ts"
import { optionsOf, roundsOf } from "./options.ts"
import { random } from "./random.ts"
import type { ProcessSample, ServerSample } from "./verdict.ts"
import { disagreementsOf, growthOf, remainsOf, slownessOf } from "./verdict.ts"
import type { PlannedCall } from "./workload.ts"
import { callsOf, controlsOf, isFailing, steadyKeys } from "./workload.ts"

describe("what `npm run soak` is given", () => {
  const newSeed = () => 42

  it("has defaults, and a new seed", () => {
    assert.deepStrictEqual(optionsOf([], newSeed), {
      minutes: 5,
      processes: 3,
      callsPerSecond: 1_500,
      seed: 42
    })
    const given = optionsOf(["--minutes", "30", "--seed", "7", "--processes", "2", "--rate", "10"], newSeed)
    assert.deepStrictEqual(given, { minutes: 30, seed: 7, processes: 2, callsPerSecond: 10 })
  })

  it("is refused if it is out of range, or unknown", () => {
    for (const args of ["--minutes 1", "--minutes soon", "--minutes", "--seed 1.5", "--fast 1"]) {
      assert.throws(() => optionsOf(args.split(" "), newSeed), args.split(" ")[0]!)
    }
  })

  it("is divided into rounds with faults in each", () => {
    assert.strictEqual(roundsOf({ minutes: 5 }).count, 5)
    assert.strictEqual(roundsOf({ minutes: 30 }).count, 30)
    assert.isAtLeast(roundsOf({ minutes: 2 }).faultMillis, 10_000)
  })
})

describe("the plan of a seed", () => {
  const size = { faultMillis: 40_000, processes: 3 }
  const rounds = Array.from({ length: 30 }, (_, round) => faultsOf(7, round, size))

  it("is the same each time, and another one for another seed or round", () => {
    assert.deepStrictEqual(faultsOf(7, 1, size), rounds[1])
    assert.notDeepEqual(faultsOf(8, 1, size), rounds[1])
    assert.notDeepEqual(faultsOf(7, 2, size), rounds[1])
    const calls = (seed: number) => Array.from({ length: 50 }, callsOf(random(seed, "calls")))
    const controls = (seed: number) => Array.from({ length: 50 }, controlsOf(random(seed, "controls")))
    assert.deepStrictEqual([calls(7), controls(7)], [calls(7), controls(7)])
    assert.notDeepEqual(calls(7), calls(8))
    assert.notDeepEqual(controls(7), controls(8))
  })

  it("has faults of every kind, which end with the round and do not meet at one target", () => {
    for (const faults of rounds) {
      const ends = new Map<string, number>()
      for (const fault of faults) {
        assert.isAtLeast(fault.from, ends.get(fault.target) ?? 0)
        assert.isTrue(fault.from <= fault.to && fault.to <= size.faultMillis)
        assert.isFalse(fault.kind === "process killed" && fault.process === 0)
        ends.set(fault.target, fault.to)
      }
    }
    assert.strictEqual(new Set(rounds.flat().map(({ kind }) => kind)).size, 14)
  })

  it("has more keys than are held, which come and go", () => {
    const calls = Array.from({ length: 20_000 }, callsOf(random(7, "calls")))
    const keysOf = (some: ReadonlyArray<PlannedCall>) =>
      new Set(some.filter(({ breaker }) => breaker === "passing").map(({ key }) => key))
    const [early, late] = [keysOf(calls.slice(0, 5_000)), keysOf(calls.slice(-5_000))]
    assert.isAbove(early.size, passingCapacity)
    assert.deepStrictEqual(
      [...early].filter((key) => late.has(key)),
      []
    )
    assert.deepStrictEqual(new Set(calls.map(({ way }) => way)), new Set(["protect", "admit", "stream"]))
  })

  it("has dependencies that fail for all, for one process, and for none", () => {
    const kinds = new Set<string>()
    for (const key of steadyKeys) {
      for (let at = 0; at < size.faultMillis; at += 500) {
        const seen = [0, 1, 2].map((process) => isFailing(7, key, { at, process, round: 1 }))
        kinds.add(`${seen.filter(Boolean).length} of 3`)
      }
    }
    assert.deepStrictEqual([...kinds].sort(), ["0 of 3", "1 of 3", "3 of 3"])
  })
})

describe("an account", () => {
  const account = (over: Partial<Account> = {}): Account => ({
    ...emptyAccount(),
    made: 10,
    rejected: 2,
    abandoned: 1,
    ended: { succeeded: 4, failed: 2, ignored: 1 },
    overtaken: { succeeded: 1, failed: 0, ignored: 0 },
    ...over
  })
  const totals: Totals = { succeeded: 3, failed: 2, ignored: 1, rejected: 2 }

  it("adds up if each call has ended once, and counts where it may", () => {
    assert.deepStrictEqual(problemsOf("key", account(), totals), [])
    assert.deepStrictEqual(problemsOf("key", account({ uncertain: 1 }), { ...totals, failed: 1 }), [])
  })

  const broken: ReadonlyArray<readonly [what: string, account: Account, totals: Totals, problem: RegExp]> = [
    ["a call that never ended", account({ made: 11, running: 1 }), totals, /1 calls never ended/],
    ["a call that was lost", account({ made: 11 }), totals, /11 calls were made, and 10/],
    ["a result of another call", account({ wrong: ["a call ran twice"] }), totals, /ran twice/],
    [
      "a rejection that does not count",
      account(),
      { ...totals, rejected: 1 },
      /2 calls were rejected, and 1/
    ],
    ["an outcome that does not count", account(), { ...totals, failed: 1 }, /1 calls .* instead of 2/],
    ["a late outcome that counts", account(), { ...totals, succeeded: 4 }, /4 calls .* instead of 3/],
    ["an outcome that counts twice", account(), { ...totals, ignored: 2 }, /1 calls ignored, and 2/],
    [
      "more that is missing than is uncertain",
      account({ uncertain: 1 }),
      { ...totals, failed: 0 },
      /0 calls .* instead of 2, give or take 1/
    ]
  ]
  for (const [what, account, totals, problem] of broken) {
    it(`does not add up with ${what}`, () => {
      const problems = problemsOf("key", account, totals)
      assert.strictEqual(problems.length, 1)
      assert.match(problems[0]!, problem)
    })
  }

  test("is kept of calls that end in every way", function* () {
    const breaker = yield* CircuitBreaker.make({ tripPolicy: TripPolicy.consecutive(3) })
    const book = emptyBook()
    const caller = yield* Caller.make(breaker, {
      book,
      accountOf: (key) => key,
      isUncertain: () => false
    })
    const planned: PlannedCall = {
      breaker: "steady",
      key: "default",
      way: "protect",
      latencyMillis: 10,
      dies: false,
      patienceMillis: undefined,
      isUnlucky: false
    }
    const call = (over: Partial<PlannedCall>, fails = false) =>
      Effect.zipRight(
        caller.call({ ...planned, ...over }, () => fails),
        TestClock.adjust(0)
      )

    for (const way of ["protect", "admit", "stream"] as const) {
      yield* call({ way })
      yield* call({ way, patienceMillis: 5 })
    }
    yield* TestClock.adjust(10)
    yield* call({})
    yield* breaker.reset()
    yield* TestClock.adjust(10)
    for (const dies of [true, false, false]) yield* call({ dies }, true)
    yield* TestClock.adjust(10)
    yield* call({})

    assert.deepStrictEqual(accountIn(book, "default"), {
      ...emptyAccount(),
      made: 11,
      rejected: 1,
      ended: { succeeded: 4, failed: 3, ignored: 3 },
      overtaken: { succeeded: 1, failed: 0, ignored: 0 }
    })
    const { totals } = yield* breaker.snapshot()
    assert.deepStrictEqual(problemsOf("default", accountIn(book, "default"), totals), [])
    assert.notDeepEqual(problemsOf("default", accountIn(book, "default"), noTotals), [])
  })
})

describe("the verdict", () => {
  const sample: ProcessSample = { heap: 25e6, resources: { TCPSocketWrap: 4, Timeout: 1 }, listeners: 13 }
  const young: ProcessSample = { heap: 20e6, resources: {}, listeners: 0 }
  const life = (last: Partial<ProcessSample>) => ({
    name: "process 1",
    samples: [young, sample, { ...sample, ...last }]
  })

  it("is that nothing has grown where all is flat, or the process has only just started", () => {
    assert.deepStrictEqual(growthOf(life({ heap: 26e6, resources: { TCPSocketWrap: 3 } })), [])
    assert.deepStrictEqual(growthOf({ name: "process 1", samples: [young, sample] }), [])
    const grown = { ...sample, heap: 30e6 }
    const warm = [young, sample, grown, grown, grown, grown, grown]
    assert.deepStrictEqual(growthOf({ name: "process 1", samples: warm }), [])
  })

  for (const [what, grown, problem] of [
    ["the heap", { heap: 30e6 }, /the heap has grown from 25.0 MB to 30.0 MB/],
    ["listeners", { listeners: 14 }, /13 listeners have become 14/],
    ["sockets", { resources: { TCPSocketWrap: 5 } }, /4 TCPSocketWrap have become 5/],
    ["timers", { resources: { Timeout: 2 } }, /1 Timeout have become 2/],
    ["handles of a new type", { resources: { Immediate: 1 } }, /0 Immediate have become 1/]
  ] as const) {
    it(`names ${what} that have grown`, () => {
      const problems = growthOf(life(grown))
      assert.strictEqual(problems.length, 1)
      assert.match(problems[0]!, problem)
    })
  }

  it("names what is left in Redis", () => {
    const first: ServerSample = { keys: 0, memory: 1e6, connections: 13, subscriptions: 3 }
    assert.deepStrictEqual(remainsOf(first, { ...first, memory: 2e6 }), [])
    const left = remainsOf(first, { keys: 1, memory: 9e6, connections: 14, subscriptions: 2 })
    assert.strictEqual(left.length, 4)
  })

  it("names a call that waited for longer than the store and its process explain", () => {
    assert.deepStrictEqual(slownessOf("process 1", { slowestMillis: 1_200, latestMillis: 100 }, 250), [])
    assert.strictEqual(slownessOf("process 1", { slowestMillis: 2_000, latestMillis: 100 }, 250).length, 1)
  })

  it("names a circuit that is not in the same state for all", () => {
    const circuits = [
      { breaker: "steady", key: "a" },
      { breaker: "steady", key: "b" }
    ]
    const isClosed = (state: string) => state === "Closed"
    const states = [
      ["Closed", "Closed"],
      ["Closed", "Open"]
    ]
    assert.deepStrictEqual(disagreementsOf(circuits, states, isClosed), ["steady/b is Closed, Open"])
    assert.deepStrictEqual(disagreementsOf([], [[], []], isClosed), [])
    assert.deepStrictEqual(disagreementsOf(circuits, [["Closed"]], isClosed), ["steady/b is unknown"])
  })
})
