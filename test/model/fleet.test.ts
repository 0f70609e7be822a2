import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
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
import { histories } from "./histories.ts"
import { runTrial } from "./FleetTrial.ts"
import { Coverage } from "./requirements.ts"

// FC_RUNS histories of each kind; FC_REPORT=1 prints what they have covered.
const fullRuns = 100
const runs = Number(process.env["FC_RUNS"] ?? inLongRun(fullRuns, 5))

const coverage = new Coverage()

const of = <Parts extends [unknown, ...Array<unknown>]>(
  kind: fc.Arbitrary<Parts>,
  differenceOf: (...history: Parts) => string | undefined
) => histories(runs, 20, kind, differenceOf)

const { custom: _, ...sharedPolicies } = policies

const writingThrough = Object.entries(sharedPolicies).map(
  ([name, policy]) =>
    [
      `under ${name}`,
      of(fc.tuple(fleetSetup(policy), fleetSize, fleetCommands), (setup, size, history) =>
        runFleetHistory(setup, size, history, coverage.note)
      )
    ] as const
)

const trials = (steps: typeof trial) =>
  of(fc.tuple(trialSetup(fc.oneof(...Object.values(sharedPolicies))), steps, fates), (setup, steps, fates) =>
    runTrial(setup, steps, fates, coverage.note)
  )
const inBackground = Object.entries({
  "does nothing that the machine does not": trials(trial),
  "agrees again after an outage": trials(trialWithOutage)
})

describe("R3 a fleet that writes through", { timeout: 1_200_000 }, () => {
  for (const [name, agree] of writingThrough)
    it(`R3 a fleet that writes through does what the model of one machine does, ${name}`, agree)
})

describe("R3 a fleet that shares in the background", { timeout: 1_200_000 }, () => {
  for (const [name, agree] of inBackground) it(`R3 a fleet that shares in the background ${name}`, agree)

  it.skipIf(runs < fullRuns)("R3 the histories cover all faults", async () => {
    for (const [, agree] of [...writingThrough, ...inBackground]) await agree()
    if (process.env["FC_REPORT"] !== undefined) console.log(coverage.report())
    assert.deepStrictEqual(
      touched.filter((event) => coverage.count(event) === 0),
      []
    )
  })
})

describe("histories that failed once", () => {
  const how = { api: "method", classifies: false } as const
  const key = "a"
  const at = (node: number, command: Command): FleetCommand => ({ node, command })
  const run = (node: number, ...endings: ReadonlyArray<"Success" | "Failure" | "Ignored">): FleetCommand =>
    at(node, { _tag: "Run", key, how, endings: endings.map((_tag) => ({ _tag })) })
  const start = (node: number, calls = 1): FleetCommand => at(node, { _tag: "Start", key, calls, how })
  const pass = (millis: number): FleetCommand => at(0, { _tag: "Advance", millis })
  const common = { classifies: true, openDuration: { _tag: "Constant", millis: 250 } } as const
  const failOnce = { _tag: "FailureCount", failures: 1, within: 100 } as const

  it("R3.2.1 a rate does not open by the passing of time", () => {
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

  it("R3.3 a reset after a recovery reaches the other nodes' calls in flight", () => {
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

  it("R3.2.1 probes of one node that end at the same time open the circuit once", () => {
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
