/** Small worlds, each with actions that can happen in any order. */
import type { Action } from "./Action.ts"
import type { Scenario } from "./Explorer.ts"
import type { CallPlan, Control } from "./Fact.ts"
import type { RulesSetup, Setup } from "./Setup.ts"
import { deadlineMillis, openMillisOf } from "./Setup.ts"
import type { Step } from "./World.ts"

const rules: RulesSetup = { policy: "consecutive", probes: 1, failuresToReopen: 1, recovers: false }

const setupOf = (over: Partial<Setup> = {}): Setup => ({
  nodes: 2,
  keys: 1,
  rules: [rules, rules],
  quorum: 1,
  writesThrough: false,
  rejectsInOutage: false,
  rates: [1, 1],
  isStaggered: false,
  ...over
})

const call = (node: number, outcome: CallPlan["outcome"], calls = 1): Action => ({
  _tag: "Call",
  node,
  key: 0,
  calls,
  plan: { outcome, millis: 0, hintMillis: 0 }
})

const control = (node: number, control: Control): Action => ({ _tag: "Control", node, key: 0, control })

const step = (action: Action, afterMillis = 100): Step => ({ action, afterMillis })

const read = (node: number): Action => ({ _tag: "Read", node, key: 0 })

/** Both processes know the circuit, which is healthy. */
const healthy: ReadonlyArray<Step> = [step(read(0)), step(read(1)), step(read(0))]

/** The circuit is Open, its opening has nearly ended, and both processes know it. */
const opened: ReadonlyArray<Step> = [
  ...healthy,
  step(control(0, "Trip")),
  step(read(0), openMillisOf(1) - 25)
]

/** The circuit is HalfOpen, without a probe. */
const halfOpen: ReadonlyArray<Step> = [...opened, step(read(0), 100)]

/** One process isolates the circuit, and both processes know it. */
const isolated: ReadonlyArray<Step> = [...healthy, step(control(0, "Isolate")), step(read(0))]

const afterDeadline = deadlineMillis + 1

const base: Omit<Scenario, "lanes"> = { setup: setupOf(), before: healthy, ticks: [], losses: 0 }

export const scenarios: Readonly<Record<string, Scenario>> = {
  "failures on both processes, which together open the circuit": {
    ...base,
    lanes: [[call(0, "Failure", 2)], [call(1, "Failure")]]
  },
  "a failure, and a message is lost": {
    ...base,
    lanes: [[call(0, "Failure")]],
    ticks: [afterDeadline],
    losses: 1
  },
  "both processes open the circuit, each by its own failures": {
    ...base,
    lanes: [[call(0, "Failure", 3)], [call(1, "Failure", 3)]]
  },
  "a trip, and a reset": {
    ...base,
    lanes: [[call(0, "Failure", 3)], [control(1, "Reset")]]
  },
  "an opening, and a process that starts": {
    ...base,
    before: [step({ _tag: "Crash", node: 1 }, 0), ...healthy],
    lanes: [[call(0, "Failure", 3)], [{ _tag: "Start", node: 1, upgrades: false }, call(1, "Success")]]
  },
  "a probe on each process as the opening ends": {
    ...base,
    before: opened,
    lanes: [[call(0, "Success")], [call(1, "Failure")]],
    ticks: [30]
  },
  "a probe, and a message is lost": {
    ...base,
    before: halfOpen,
    lanes: [[call(0, "Success")]],
    ticks: [afterDeadline],
    losses: 1
  },
  "a probe of a process that crashes": {
    ...base,
    before: halfOpen,
    lanes: [[call(0, "Success"), { _tag: "Crash", node: 0 }], [call(1, "Success")]]
  },
  "a probe, and a trip by hand": {
    ...base,
    before: halfOpen,
    lanes: [[call(0, "Success")], [control(1, "Trip")]]
  },
  "a probe, and a trip by hand on the same process": {
    ...base,
    before: halfOpen,
    lanes: [[call(0, "Success")], [control(0, "Trip")]]
  },
  "a probe that fails, and a reset": {
    ...base,
    before: halfOpen,
    lanes: [[call(0, "Failure")], [control(1, "Reset")]]
  },
  "an isolation, and a reset": {
    ...base,
    lanes: [[control(0, "Isolate")], [control(1, "Reset")]]
  },
  "an isolation, a reset and a release": {
    ...base,
    before: isolated,
    lanes: [[control(0, "Release")], [control(1, "Reset")]]
  },
  "an isolation on each process": {
    ...base,
    lanes: [[control(0, "Isolate")], [control(1, "Isolate")]]
  },
  "a release, and another isolation": {
    ...base,
    before: isolated,
    lanes: [[control(0, "Release")], [control(1, "Isolate")]]
  },
  "a disabling while the circuit is isolated, and a release": {
    ...base,
    before: isolated,
    lanes: [[control(0, "Release")], [control(1, "Disable")]]
  },
  "an isolation, and a message is lost": {
    ...base,
    lanes: [[control(0, "Isolate")]],
    ticks: [afterDeadline],
    losses: 1
  },
  "an opening, and a store that loses its data": {
    ...base,
    lanes: [[call(0, "Failure", 3)], [{ _tag: "StoreForgets", as: "Empty", hangsUp: false }]]
  },
  "an isolation, and a store that loses its data": {
    ...base,
    before: isolated,
    lanes: [[control(0, "Reset")], [{ _tag: "StoreForgets", as: "Empty", hangsUp: false }]]
  },
  "an opening, and a subscription that ends": {
    ...base,
    lanes: [[call(0, "Failure", 3)], [{ _tag: "CutSubscription", node: 1 }], [call(1, "Success")]]
  }
}
