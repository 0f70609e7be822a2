/**
 * Runs a small world in every order of the actions on its processes, the deliveries and losses of messages, and the advances
 * of time. Each situation is explored once, even if several orders lead to it.
 *
 * Time advances only by the ticks of the scenario, so a message that is in flight during a tick is late.
 */
import { setImmediate as nextTurn } from "node:timers/promises"
import type { Action } from "./Action.ts"
import { Ending } from "./Ending.ts"
import { Fleet } from "./Fleet.ts"
import { Ledger } from "./Ledger.ts"
import type { Message } from "./Message.ts"
import { Oracle } from "./Oracle.ts"
import type { Failure } from "./play.ts"
import { failureOf } from "./play.ts"
import type { Protocol } from "./Protocol.ts"
import { protocol as real } from "./Protocol.ts"
import type { Setup } from "./Setup.ts"
import type { Step } from "./World.ts"
import { World } from "./World.ts"

export interface Scenario {
  readonly setup: Setup
  /** The actions beforehand, in a fixed order. */
  readonly before: ReadonlyArray<Step>
  /** The actions in any order, except that each list keeps its own. */
  readonly lanes: ReadonlyArray<ReadonlyArray<Action>>
  /** The advances of time in milliseconds, each of which waits until no node has work left. */
  readonly ticks: ReadonlyArray<number>
  /** The number of messages that may get lost. */
  readonly losses: number
}

export interface Exploration {
  readonly situations: number
  readonly steps: number
  readonly endings: number
  readonly failure: (Failure & { readonly steps: ReadonlyArray<string> }) | undefined
}

interface Situation {
  readonly fleet: Fleet
  readonly oracle: Oracle
  readonly underWay: ReadonlyArray<Message>
  /** The number of actions done in each lane. */
  readonly done: ReadonlyArray<number>
  readonly ticked: number
  /** The part of the current tick that has passed. */
  readonly passed: number
  readonly lost: number
  readonly path: Path | undefined
}

interface Path {
  readonly name: string
  readonly before: Path | undefined
}

interface Move {
  readonly name: () => string
  readonly change: Partial<Situation>
  readonly make: (fleet: Fleet) => void
}

/** The number of situations that are explored in one turn of the event loop. */
const situationsInTurn = 1_000

export const explore = async (
  scenario: Scenario,
  { most = Infinity, protocol = real }: { readonly most?: number; readonly protocol?: Protocol } = {}
): Promise<Exploration> => {
  const seen = new Set<string>()
  const open: Array<Situation> = [beginning(scenario, protocol)]
  let [steps, endings] = [0, 0]
  while (open.length > 0 && seen.size < most) {
    const situation = open.pop()!
    const key = keyOf(situation)
    if (seen.has(key)) continue
    seen.add(key)
    if (seen.size % situationsInTurn === 0) await nextTurn()
    const moves = movesFrom(scenario, situation)
    if (moves.length === 0) endings++
    for (const move of moves) {
      steps++
      const { failure, next } = taken(situation, move)
      if (failure !== undefined) return failed(failure, next, { situations: seen.size, steps, endings })
      open.push(next)
    }
    const failure = moves.length === 0 ? endedWell(situation) : undefined
    if (failure !== undefined) return failed(failure, situation, { situations: seen.size, steps, endings })
  }
  return { situations: seen.size, steps, endings, failure: undefined }
}

const failed = (failure: Failure, { path }: Situation, counts: Omit<Exploration, "failure">): Exploration => {
  const steps: Array<string> = []
  for (let it = path; it !== undefined; it = it.before) steps.unshift(it.name)
  return { ...counts, failure: { ...failure, steps } }
}

/** All messages in flight have arrived by then. */
const quietMillis = 20

/** The situation after the actions beforehand, or that of processes that have just started. */
const beginning = ({ before, lanes, setup }: Scenario, protocol: Protocol): Situation => {
  const oracle = new Oracle(new Ledger(setup))
  const fleet = new Fleet(setup, protocol, oracle)
  const underWay = before.length === 0 ? fleet.out : []
  const world = new World(fleet, 1)
  for (const step of before) world.perform(step)
  if (before.length > 0) world.runUntil(fleet.now + quietMillis)
  return { fleet, oracle, underWay, done: lanes.map(() => 0), ticked: 0, passed: 0, lost: 0, path: undefined }
}

const taken = (
  situation: Situation,
  { change, make, name }: Move
): { readonly next: Situation; readonly failure: Failure | undefined } => {
  const oracle = new Oracle(situation.oracle.ledger.copy())
  const fleet = situation.fleet.copy(oracle)
  const failure = failureOf(() => make(fleet))
  const { out } = fleet
  fleet.out = []
  const underWay = [...(change.underWay ?? situation.underWay), ...out]
  const path = { name: name(), before: situation.path }
  return { next: { ...situation, ...change, fleet, oracle, underWay, path }, failure }
}

const movesFrom = (scenario: Scenario, situation: Situation): ReadonlyArray<Move> => {
  const now = [...actions(scenario, situation), ...wakes(situation), ...deliveries(scenario, situation)]
  return [...now, ...ticks(scenario, situation)]
}

const actions = ({ lanes }: Scenario, { done }: Situation): ReadonlyArray<Move> =>
  lanes.flatMap((lane, i) => {
    const action = lane[done[i]!]
    if (action === undefined) return []
    return [
      {
        name: () => JSON.stringify(action),
        change: { done: done.with(i, done[i]! + 1) },
        make: (fleet: Fleet) => {
          if (action._tag === "Network" || action._tag === "CutSubscription") fleet.cut(action.node)
          else if ("node" in action) fleet.act(action)
          else fleet.befall(action)
        }
      }
    ]
  })

const wakes = ({ fleet }: Situation): ReadonlyArray<Move> =>
  fleet.living
    .filter((node) => node.wakesAt <= fleet.now)
    .map((node) => ({
      name: () => `${node.settings.node} is woken`,
      change: {},
      make: (fleet: Fleet) => fleet.wake(fleet.nodes[node.birth.node]!)
    }))

const deliveries = ({ losses }: Scenario, { lost, underWay }: Situation): ReadonlyArray<Move> =>
  underWay.flatMap((message, i) => {
    if (underWay.slice(0, i).some((earlier) => isBefore(earlier, message))) return []
    const without = underWay.toSpliced(i, 1)
    const delivered: Move = {
      name: () => `${nameOf(message)} arrives`,
      change: { underWay: without },
      make: (fleet) => fleet.deliver(message)
    }
    if (lost >= losses || (message._tag !== "Request" && message._tag !== "Answer")) return [delivered]
    const isLost: Move = {
      name: () => `${nameOf(message)} is lost`,
      change: { underWay: without, lost: lost + 1 },
      make: (fleet) => fleet.observer.disturbed(fleet, { _tag: "Network", node: message.node })
    }
    return [delivered, isLost]
  })

/** A subscriber receives the changes of one circuit in order, and the end of its subscription last. */
const isBefore = (earlier: Message, message: Message): boolean => {
  if (earlier._tag !== "Notice" || (message._tag !== "Notice" && message._tag !== "HangUp")) return false
  if (earlier.node !== message.node || earlier.subscription !== message.subscription) return false
  if (message._tag === "HangUp" || earlier.change._tag === "Listening") return true
  return message.change._tag !== "Listening" && earlier.change.key === message.change.key
}

/** Time advances to the end of the tick, or until a node has something to do. */
const ticks = (scenario: Scenario, situation: Situation): ReadonlyArray<Move> => {
  const { fleet, passed, ticked, underWay } = situation
  const tick = scenario.ticks[ticked]
  if (tick === undefined || wakes(situation).length > 0) return []
  const next = Math.min(...fleet.living.map(({ wakesAt }) => wakesAt)) - fleet.now
  const millis = Math.min(tick - passed, next)
  const isWhole = passed + millis >= tick
  return [
    {
      name: () => `${millis} ms pass`,
      change: isWhole ? { ticked: ticked + 1, passed: 0 } : { passed: passed + millis },
      make: (fleet: Fleet) => {
        fleet.now += millis
        if (underWay.length > 0) fleet.observer.disturbed(fleet, { _tag: "Network", node: 0 })
      }
    }
  ]
}

/** All messages in flight arrive, and then all nodes agree. */
const endedWell = (situation: Situation): Failure | undefined => {
  const oracle = new Oracle(situation.oracle.ledger.copy())
  const fleet = situation.fleet.copy(oracle)
  return failureOf(() => {
    const world = new World(fleet, 1)
    const ending = new Ending(world, oracle)
    ending.agree()
  })
}

const nameOf = (message: Message): string => {
  const node = `n${message.node}.${message.life}`
  switch (message._tag) {
    case "Request":
      return `${node}'s ${message.body._tag} ${message.id}`
    case "Answer":
      return `the answer ${message.id} to ${node}`
    case "Notice":
      return `${message.change._tag} to ${node}`
    default:
      return `${message._tag} of ${node}`
  }
}

const keyOf = ({ done, fleet, lost, oracle, passed, ticked, underWay }: Situation): string => {
  // Only messages to a subscriber have an order.
  const inOrder = underWay.filter(({ _tag }) => _tag === "Notice" || _tag === "HangUp")
  const others = underWay.filter((it) => !inOrder.includes(it))
  const messages = [
    inOrder.toSorted((a, b) => a.node - b.node).map(numberOf),
    others.map(numberOf).sort((a, b) => a - b)
  ]
  const { store } = fleet
  const parts = [
    done,
    ticked,
    passed,
    lost,
    messages,
    fleet.nodes.map((node) => (node === undefined ? 0 : node.content.map(contentNumber))),
    [...store.circuits].map(([key, stored]) => [key, numberOf(stored)]),
    fleet.storeIs,
    contentNumber(oracle.ledger.content)
  ]
  return JSON.stringify(parts)
}

const numbers = new WeakMap<object, number>()
const numbersByContent = new Map<string, number>()

const numberOf = (value: object): number => {
  let number = numbers.get(value)
  if (number === undefined) {
    number = contentNumber(value)
    numbers.set(value, number)
  }
  return number
}

/** A number that is the same for the same content. */
const contentNumber = (value: unknown): number => {
  const content = JSON.stringify(value, (_, it: unknown) =>
    it instanceof Map ? [...it] : typeof it === "number" && !Number.isFinite(it) ? String(it) : it
  )
  const number = numbersByContent.get(content) ?? numbersByContent.size
  numbersByContent.set(content, number)
  return number
}
