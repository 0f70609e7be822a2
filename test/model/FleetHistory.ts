/**
 * One history of a fleet whose nodes write through: to whichever node a command is given, all that can be seen has to
 * be what one local machine shows.
 *
 * Windows, generation numbers, last failures and the order of use of the keys are not compared, because each node has its
 * own by design. Each node has its own counters too, so their sums are compared.
 */
import type { Transition } from "effect-circuit-breaker"
import { CircuitStore } from "effect-circuit-breaker"
import type { CallForm, Command, Key } from "./Command.ts"
import type { Ending } from "./Ending.ts"
import { History, keys, type InFlight } from "./History.ts"
import type { PlainTransition, Totals } from "./Observation.ts"
import { plain } from "./RealBreaker.ts"
import { RealFleet } from "./RealFleet.ts"
import type { PolicySetup, Setup } from "./Setup.ts"
import { startsAt } from "../kit/ManualClock.ts"
import { World } from "./World.ts"

/** A command and the node that gets it. */
export interface FleetCommand {
  readonly node: number
  readonly command: Command
}

/** The first difference, described by the list of steps that led to it; undefined if there is none. */
export const runFleetHistory = (
  setup: Setup,
  size: number,
  commands: ReadonlyArray<FleetCommand>,
  note: (requirement: string) => void
): string | undefined => new FleetHistory(setup, size, note).run(commands)

class FleetHistory extends History<RealFleet, FleetCommand> {
  private readonly tick: number
  private readonly isWhole: boolean
  /** The transitions of each circuit so far, by the model. */
  private readonly happened = new Map<string, ReadonlyArray<PlainTransition>>()
  private readonly witnesses: ReadonlyArray<Map<Key, Witness>>

  constructor(setup: Setup, size: number, note: (requirement: string) => void) {
    const world = new World()
    const store = world.run(CircuitStore.makeMemory({ sync: "write-through", syncInterval: 10_000 }))
    const stores = Array.from({ length: size }, () => store)
    const policy = setup.tripPolicy
    // Slices of time begin where a node begins: only those of nodes that begin together are the same.
    const isWhole = policy !== undefined && has("FailureCount", policy)
    const apart = policy !== undefined && has("slices of time", policy) ? 0 : isWhole ? 38 : 37.5
    super(setup, new RealFleet(setup, keys, world, stores, apart), note)
    // The order of a failure and a success of two nodes in the same millisecond is unknown.
    this.tick = policy === undefined || has("Consecutive", policy) ? 0.5 : 0
    this.witnesses = stores.map(() => new Map())
    this.isWhole = isWhole
  }

  /** Nodes count failures within a time to the millisecond of the store, so there everything happens in whole ones. */
  protected override advance(millis: number): void {
    super.advance(this.isWhole ? Math.ceil(millis) : millis)
  }

  protected take({ command, node }: FleetCommand): void {
    this.real.chosen = node % this.real.nodes.length
    this.perform(command)
  }

  protected override start(key: Key, how: CallForm): void {
    this.advance(this.tick)
    super.start(key, how)
  }

  protected override runAtOnce(key: Key, how: CallForm, ending: Ending): void {
    this.advance(this.tick)
    super.runAtOnce(key, how, ending)
  }

  /** One after the other: which of two nodes reaches the store first is not for the history to say. */
  protected override settle(calls: ReadonlyArray<InFlight>, endings: ReadonlyArray<Ending>): void {
    calls.forEach((call, index) => {
      this.advance(this.tick)
      super.settle([call], endings.slice(index % endings.length))
    })
  }

  protected override step(description: string): void {
    super.step(`node ${this.real.chosen}: ${description}`)
  }

  protected compare(): void {
    const snapshots = this.real.nodes.map((node) => node.snapshots())
    const published = this.model.published
    this.model.published = []
    keys.forEach((key, i) => {
      const { state, totals } = this.model.snapshot(key)
      const readings = snapshots.map((each) => each[i])
      this.expect(`${key}: totals`, totals, sum(readings.map((reading) => reading?.totals)))
      const before = this.happened.get(key) ?? []
      const since = published.filter((transition) => transition.key === key)
      this.happened.set(key, [...before, ...since])
      this.usersOf(key).forEach((node) => {
        this.expect(`node ${node}, ${key}: state`, state, plain(readings[node]?.state))
        const witness = this.witnesses[node]?.get(key) ?? new Witness(before)
        this.witnesses[node]?.set(key, witness)
        witness.tell(since)
      })
    })
    this.real.nodes.forEach((node, index) => {
      const transitions = node.takeTransitions()
      this.witnesses[index]?.forEach((witness, key) => {
        const seen = transitions.filter((transition) => transition.key === key)
        this.expect(`node ${index}, ${key}: transitions`, undefined, witness.objection(seen))
      })
    })
  }

  private usersOf(key: Key): ReadonlyArray<number> {
    return this.real.nodes.flatMap((_, node) => (this.real.used[node]?.has(key) ? [node] : []))
  }
}

/** Whether what one node publishes of a circuit is what has happened to it. */
class Witness {
  private expected: ReadonlyArray<Expected>
  private seen: ReadonlyArray<Transition.Transition> = []

  /** A node that joins late receives the present state, of which the latest earlier transition may be new to it. */
  constructor(before: ReadonlyArray<PlainTransition>) {
    this.expected = before.slice(-2).map((transition) => ({ transition, isOptional: true, isDated: false }))
  }

  tell(transitions: ReadonlyArray<PlainTransition>): void {
    const told = transitions.map((transition) => {
      const byTimeAlone =
        (transition.from === "Open" && transition.to === "HalfOpen") ||
        (transition.from === "Recovering" && transition.to === "Closed")
      // Each node publishes by itself what time alone has done, when it next uses the circuit.
      return { transition, isOptional: byTimeAlone, isDated: !byTimeAlone }
    })
    this.expected = [...this.expected, ...told]
  }

  objection(transitions: ReadonlyArray<Transition.Transition>): string | undefined {
    const last = this.seen.at(-1)
    this.seen = [...this.seen, ...transitions]
    const isChain = transitions.every((transition, index) => {
      const previous = transitions[index - 1] ?? last
      return (
        transition.from === (previous?.to ?? "Closed") &&
        transition.generation === (previous?.generation ?? 0) + 1
      )
    })
    const seen = this.seen.map((transition) => describe(plain(transition)))
    if (!isChain) return `no chain: ${seen.join(", ")}`
    if (tells(this.expected, this.seen)) return undefined
    return `${seen.join(", ")} instead of ${this.expected.map(({ transition }) => describe(transition)).join(", ")}`
  }
}

interface Expected {
  readonly transition: PlainTransition
  readonly isOptional: boolean
  readonly isDated: boolean
}

const tells = (expected: ReadonlyArray<Expected>, seen: ReadonlyArray<Transition.Transition>): boolean => {
  const [first, ...rest] = expected
  if (first === undefined) return seen.length === 0
  const [next, ...others] = seen
  return (
    (next !== undefined && isSame(first, next) && tells(rest, others)) ||
    (first.isOptional && tells(rest, seen))
  )
}

const isSame = ({ isDated, transition }: Expected, next: Transition.Transition): boolean => {
  const told: Partial<PlainTransition> = transition
  const seen = Object.entries(Object(plain(next))).filter(([name]) => !ownFields.has(name))
  return seen.every(([name, value]) => (!isDated && name === "at") || Object.is(value, Object(told)[name]))
}

/** The values that each node counts for itself; a node that was notified late has left out a state in between. */
const ownFields: ReadonlySet<string> = new Set(["generation", "from", "origin"])

const describe = (transition: unknown): string => {
  const { at, from, openings, reason, retryAfter, to } = Object(transition)
  return `${from} > ${to} at ${at - startsAt.wall}${to === "Open" ? ` (${reason}, opening ${openings}, ${retryAfter} ms)` : ""}`
}

const sum = (all: ReadonlyArray<Totals | undefined>): Totals => {
  const total = (name: keyof Totals) => all.reduce((sum, totals) => sum + (totals?.[name] ?? 0), 0)
  return {
    succeeded: total("succeeded"),
    failed: total("failed"),
    ignored: total("ignored"),
    rejected: total("rejected")
  }
}

/** Whether some part of a policy is of this kind. */
const has = (kind: "Consecutive" | "FailureCount" | "slices of time", policy: PolicySetup): boolean => {
  switch (policy._tag) {
    case "AnyOf":
    case "AllOf":
      return policy.policies.some((one) => has(kind, one))
    case "Consecutive":
    case "FailureCount":
      return kind === policy._tag
    case "FailureRate":
    case "SlowCallRate":
      return kind === "slices of time" && "within" in policy.window
    default:
      return false
  }
}
