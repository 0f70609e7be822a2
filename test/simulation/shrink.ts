/** Shrinks a failing history: fewer steps, fewer faults, fewer nodes, simpler rules. */
import { fine } from "./Action.ts"
import type { History } from "./History.ts"
import { play } from "./play.ts"
import type { Protocol } from "./Protocol.ts"
import type { Setup } from "./Setup.ts"
import type { Step } from "./World.ts"

/** The smallest history found within this number of attempts that breaks the same invariant. */
export const shrink = (history: History, invariant: string, protocol?: Protocol, attempts = 600): History => {
  let left = attempts
  const fails = (candidate: History): boolean =>
    left-- > 0 && play(candidate, protocol === undefined ? {} : { protocol })?.invariant === invariant
  let smallest = history
  for (;;) {
    const smaller = smallerOne(smallest, fails)
    if (smaller === undefined) return smallest
    smallest = smaller
  }
}

const smallerOne = (history: History, fails: (candidate: History) => boolean): History | undefined => {
  for (const setup of plainer(history.setup)) {
    const candidate = { ...history, setup, steps: history.steps.filter((step) => isAt(step, setup)) }
    if (fails(candidate)) return candidate
  }
  const { steps } = history
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = steps.length - 1; from >= 0; from -= size) {
      const start = Math.max(0, from - size + 1)
      const candidate = { ...history, steps: without(steps, start, from + 1) }
      if (fails(candidate)) return candidate
    }
  }
  for (const [i, step] of steps.entries()) {
    for (const simpler of simplerSteps(step)) {
      const candidate = { ...history, steps: steps.with(i, simpler) }
      if (fails(candidate)) return candidate
    }
  }
  return undefined
}

/** Removes steps, and keeps the time that they took. */
const without = (steps: ReadonlyArray<Step>, start: number, end: number): ReadonlyArray<Step> => {
  const gone = steps.slice(start, end).reduce((sum, { afterMillis }) => sum + afterMillis, 0)
  const next = steps[end]
  return [
    ...steps.slice(0, start),
    ...(next === undefined ? [] : [{ ...next, afterMillis: next.afterMillis + gone }]),
    ...steps.slice(end + 1)
  ]
}

const isAt = ({ action }: Step, { keys, nodes }: Setup): boolean =>
  (!("node" in action) || action.node < nodes) && (!("key" in action) || action.key < keys)

function* plainer(setup: Setup): Iterable<Setup> {
  const { keys, nodes, rules } = setup
  if (nodes > 2) yield { ...setup, nodes: nodes - 1 }
  if (keys > 1) yield { ...setup, keys: 1 }
  if (rules[1] !== rules[0]) yield { ...setup, rules: [rules[0], rules[0]] }
  if (setup.isStaggered) yield { ...setup, isStaggered: false }
  if (setup.rates.some((rate) => rate !== 1)) yield { ...setup, rates: setup.rates.map(() => 1) }
  if (setup.quorum > 1) yield { ...setup, quorum: 1 }
  if (setup.writesThrough) yield { ...setup, writesThrough: false }
  if (setup.rejectsInOutage) yield { ...setup, rejectsInOutage: false }
  const [first] = rules
  if (rules[1] !== first) return
  const plain = [
    { ...first, policy: "consecutive" as const },
    { ...first, recovers: false },
    { ...first, probes: 1 },
    { ...first, failuresToReopen: 1 }
  ]
  for (const it of plain)
    if (JSON.stringify(it) !== JSON.stringify(first)) yield { ...setup, rules: [it, it] }
}

function* simplerSteps({ action, afterMillis }: Step): Iterable<Step> {
  for (const millis of [0, 10, 100, Math.floor(afterMillis / 2)]) {
    if (millis < afterMillis) yield { action, afterMillis: millis }
  }
  if (action._tag === "Call") {
    if (action.calls > 1) yield { afterMillis, action: { ...action, calls: 1 } }
    if (action.plan.millis > 0)
      yield { afterMillis, action: { ...action, plan: { ...action.plan, millis: 0 } } }
    if (action.plan.hintMillis > 0)
      yield { afterMillis, action: { ...action, plan: { ...action.plan, hintMillis: 0 } } }
  }
  if (action._tag === "Network") {
    for (const name of ["loses", "doubles", "delays"] as const) {
      const condition = { ...action.condition, [name]: fine[name] }
      if (action.condition[name] > 0) yield { afterMillis, action: { ...action, condition } }
    }
  }
}
