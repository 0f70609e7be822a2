import { setImmediate as nextTurn } from "node:timers/promises"
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { once } from "../kit/once.ts"
import { inLongRun } from "../kit/runLength.ts"
import { policies } from "./arbitraries.ts"
import {
  fates,
  fleetCommands,
  fleetSetup,
  fleetSize,
  trial,
  trialSetup,
  trialWithOutage
} from "./fleetArbitraries.ts"
import type { Command } from "./Command.ts"
import { runFleetHistory, type FleetCommand } from "./FleetHistory.ts"
import { runTrial } from "./FleetTrial.ts"
import { Coverage } from "./requirements.ts"

// FC_RUNS histories of each kind from FC_SEED on; FC_REPORT=1 prints what they have touched.
const fullRuns = 100
const runs = Number(process.env["FC_RUNS"] ?? inLongRun(fullRuns, 12))
const seed = Number(process.env["FC_SEED"] ?? 20_260_101)
const runsAtATime = 20

const coverage = new Coverage()

/** How many more histories are run, to cut it down, when one fails. */
const attempts = 500

/** Runs histories of a kind when it is first asked for; `differenceOf` tells what is wrong with one. */
const histories = <A, B, C>(
  kind: fc.Arbitrary<[A, B, C]>,
  differenceOf: (...history: [A, B, C]) => string | undefined
): (() => Promise<void>) =>
  once(async () => {
    let left = Infinity
    const property = fc.asyncProperty(kind, async (history) => {
      // A history never waits for anything, and the test runner has to hear from its worker.
      await nextTurn()
      if (left-- <= 0) return
      const difference = differenceOf(...history)
      if (difference === undefined) return
      left = Math.min(left, attempts)
      throw new Error(difference)
    })
    for (let done = 0; done < runs; done += runsAtATime) {
      const numRuns = Math.min(runsAtATime, runs - done)
      const result = await fc.check(property, { numRuns, seed: seed + done })
      if (result.failed) {
        const difference = result.errorInstance instanceof Error ? result.errorInstance.message : ""
        assert.fail(`FC_SEED=${seed + done} FC_RUNS=${numRuns}, ${result.numShrinks} cuts\n${difference}`)
      }
    }
  })

const { custom: _, ...sharedPolicies } = policies

const writingThrough = Object.entries(sharedPolicies).map(
  ([name, policy]) =>
    [
      `under ${name}`,
      histories(fc.tuple(fleetSetup(policy), fleetSize, fleetCommands), (setup, size, history) =>
        runFleetHistory(setup, size, history, coverage.note)
      )
    ] as const
)

const trials = (steps: typeof trial) =>
  histories(
    fc.tuple(trialSetup(fc.oneof(...Object.values(sharedPolicies))), steps, fates),
    (setup, steps, fates) => runTrial(setup, steps, fates, coverage.note)
  )
const inBackground = Object.entries({
  "does nothing that the machine does not": trials(trial),
  "agrees again after an outage": trials(trialWithOutage)
})

describe(
  "a fleet that writes through does what the model of one machine does",
  { timeout: 1_200_000 },
  () => {
    for (const [name, agree] of writingThrough) it(name, agree)
  }
)

describe("a fleet that shares in the background", { timeout: 1_200_000 }, () => {
  for (const [name, agree] of inBackground) it(name, agree)

  it.skipIf(runs < fullRuns)("and the histories touch what can go wrong", async () => {
    for (const [, agree] of [...writingThrough, ...inBackground]) await agree()
    if (process.env["FC_REPORT"] !== undefined) console.log(coverage.report())
    assert.deepStrictEqual(
      touched.filter((event) => coverage.count(event) === 0),
      []
    )
  })
})

describe("histories that went wrong once", () => {
  const how = { api: "method", classifies: false } as const
  const key = "a"
  const at = (node: number, command: Command): FleetCommand => ({ node, command })
  const run = (node: number, ...endings: ReadonlyArray<"Success" | "Failure" | "Ignored">): FleetCommand =>
    at(node, { _tag: "Run", key, how, endings: endings.map((_tag) => ({ _tag })) })
  const start = (node: number, calls = 1): FleetCommand => at(node, { _tag: "Start", key, calls, how })
  const pass = (millis: number): FleetCommand => at(0, { _tag: "Advance", millis })
  const common = { classifies: true, openDuration: { _tag: "Constant", millis: 250 } } as const
  const failOnce = { _tag: "FailureCount", failures: 1, within: 100 } as const

  it("a rate does not open by the passing of time", () => {
    const window = { within: 600 }
    const tripPolicy = { _tag: "FailureRate", threshold: 0.75, window, minimumCalls: 1 } as const
    const history = [
      run(0, "Success"),
      pass(599),
      run(0, "Failure"),
      pass(37),
      run(0, "Ignored"),
      at(0, { _tag: "Isolate", key })
    ]
    assert.isUndefined(runFleetHistory({ ...common, tripPolicy }, 1, history, coverage.note))
  })

  it("a reset after a recovery reaches the calls in flight of the others", () => {
    const recovery = { duration: 64, from: 1 }
    const history = [
      run(0, "Failure"),
      pass(250),
      run(0, "Success"),
      pass(100),
      start(0),
      at(1, { _tag: "Reset", key }),
      at(0, { _tag: "Settle", pick: 0, ending: { _tag: "Failure" } })
    ]
    assert.isUndefined(
      runFleetHistory({ ...common, tripPolicy: failOnce, recovery }, 2, history, coverage.note)
    )
  })

  it("probes of one node that end together open once", () => {
    const endings = [{ _tag: "Ignored" }, { _tag: "Failure" }] as const
    const history = [run(0, "Failure"), pass(250), start(0, 2), at(0, { _tag: "SettleAll", endings })]
    const setup = { ...common, tripPolicy: failOnce, halfOpen: { probes: 2 } }
    assert.isUndefined(runTrial(setup, history, () => "answered", coverage.note))
  })
})

const touched: ReadonlyArray<string> = [
  "R3.1.1 rejected while Isolated",
  "R3.2 HalfOpen to Recovering",
  "R3.2 Closed to Disabled",
  "R3.2 Disabled to Closed",
  "R3.2 Disabled to Isolated",
  "R3.2 Isolated to Closed",
  "R3.2 Isolated to Disabled",
  "R3.2 Open to Open",
  "R3.2 Recovering to Open",
  "R3.2.1 Success trips a rate",
  "R3.2.3 a second probe runs beside the first",
  "R3.2.3 rejected while every probe slot is taken",
  "R3.2.3 the last failure reopens",
  "R3.2.3 the last probe closes",
  "R3.2.5 late Success of a probe without a lease",
  "R3.2.6 late Failure while Closed",
  "R3.2.6 late Failure while Open",
  "R3.2.7 a later opening has another length",
  "R3.2.7 the backoff is back at 0",
  "R3.2.7 the backoff survives the close",
  "R3.2.8 a hint lengthens an opening",
  "R3.3 nested disable",
  "R3.3 nested isolate",
  "R3.3 release after a reset does nothing",
  "HalfOpen to Closed",
  "HalfOpen to Open",
  "HalfOpen to Recovering",
  "Isolated to Closed",
  "Closed to Disabled",
  "Isolated to Disabled",
  "Disabled to Closed",
  "several probes run",
  "agreement after a quiet time",
  "agreement after an outage"
]
