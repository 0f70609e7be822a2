/** Draws histories at random. */
import type { Action, Condition, Data } from "./Action.ts"
import { fine } from "./Action.ts"
import type { Control } from "./Fact.ts"
import { Random } from "./Random.ts"
import type { RulesSetup, Setup } from "./Setup.ts"
import { policyNames, probeTimeoutMillis, slowMillis } from "./Setup.ts"
import type { Step } from "./World.ts"

export interface History {
  readonly seed: number
  readonly setup: Setup
  readonly steps: ReadonlyArray<Step>
}

/** The number of steps of a history. */
const length = 60

export const historyOf = (seed: number): History => {
  const random = new Random(seed)
  const setup = drawSetup(random)
  const faults = random.below(5)
  const steps = Array.from({ length }, (): Step => ({
    afterMillis: drawPause(random),
    action: random.chance(faults * 0.06) ? drawFault(random, setup) : drawUse(random, setup)
  }))
  return { seed, setup, steps }
}

const drawSetup = (random: Random): Setup => {
  const nodes = random.weighted([
    [2, 2],
    [3, 3],
    [1, 4]
  ])
  const before = drawRules(random)
  return {
    nodes,
    keys: random.chance(0.3) ? 2 : 1,
    rules: [before, random.chance(0.3) ? drawRules(random) : before],
    quorum: random.chance(0.2) ? 2 : 1,
    writesThrough: random.chance(0.15),
    rejectsInOutage: random.chance(0.2),
    rates: Array.from({ length: nodes }, () => random.pick([1, 1, 1.0005, 0.9995])),
    isStaggered: random.chance(0.7)
  }
}

const drawRules = (random: Random): RulesSetup => ({
  policy: random.pick(policyNames),
  probes: random.pick([1, 1, 2, 3]),
  failuresToReopen: random.pick([1, 1, 2]),
  recovers: random.chance(0.3)
})

const drawPause = (random: Random): number =>
  random.weighted([
    [3, 0],
    [4, random.between(1, 8)],
    [4, random.between(10, 80)],
    [1, random.between(100, 400)]
  ])

const drawUse = (random: Random, { keys, nodes }: Setup): Action => {
  const [node, key] = [random.below(nodes), random.below(keys)]
  const kind = random.weighted([
    [70, "Call"],
    [14, "Control"],
    [4, "Read"],
    [4, "Interrupt"]
  ])
  switch (kind) {
    case "Call":
      return { _tag: "Call", node, key, calls: random.pick([1, 1, 1, 2, 3]), plan: drawPlan(random) }
    case "Control":
      return { _tag: "Control", node, key, control: drawControl(random) }
    case "Read":
      return { _tag: "Read", node, key }
    default:
      return { _tag: "Interrupt", node }
  }
}

const drawPlan = (random: Random) => ({
  outcome: random.weighted([
    [5, "Failure"],
    [4, "Success"],
    [1, "Ignored"]
  ] as const),
  millis: random.weighted([
    [6, random.between(0, 5)],
    [2, slowMillis + random.between(-1, 20)],
    [1, probeTimeoutMillis + random.between(-30, 30)]
  ]),
  hintMillis: random.chance(0.05) ? 500 : 0
})

const drawControl = (random: Random): Control =>
  random.weighted([
    [2, "Trip"],
    [2, "Reset"],
    [3, "Isolate"],
    [3, "Release"],
    [2, "Disable"],
    [3, "Enable"]
  ])

const drawFault = (random: Random, { keys, nodes }: Setup): Action => {
  const node = random.below(nodes)
  return random.weighted<() => Action>([
    [6, () => ({ _tag: "Network", node, condition: drawCondition(random) })],
    [2, () => ({ _tag: "CutSubscription", node })],
    [2, () => ({ _tag: "Crash", node })],
    [5, () => ({ _tag: "Start", node, upgrades: random.chance(0.5) })],
    [1, () => ({ _tag: "Freeze", node, millis: random.pick([30, 120, 700]) })],
    [2, () => ({ _tag: "StoreFails", how: random.pick(["Refusing", "Silent", "Frozen"] as const) })],
    [6, () => ({ _tag: "StoreReturns", as: drawData(random) })],
    [1, () => ({ _tag: "StoreForgets", as: drawData(random), hangsUp: random.chance(0.5) })],
    [2, () => ({ _tag: "StoreSaves" })],
    [1, () => ({ _tag: "KeyBreaks", key: random.below(keys) })],
    [3, () => ({ _tag: "KeysMend" })]
  ])()
}

const drawData = (random: Random): Data =>
  random.weighted([
    [4, "Intact"],
    [1, "Empty"],
    [1, "Old"]
  ])

const drawCondition = (random: Random): Condition =>
  random.chance(0.4)
    ? fine
    : {
        loses: random.pick([0, 0.1, 0.3]),
        doubles: random.pick([0, 0.1]),
        delays: random.pick([0, 0.2, 0.5])
      }
