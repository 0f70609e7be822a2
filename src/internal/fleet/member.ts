import type * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Outcome } from "../../Outcome.ts"
import type { StateTag } from "../../Transition.ts"
import type { CircuitEntry } from "../breaker/circuitEntry.ts"
import type { Contribution } from "../core/windows/window.ts"
import type { Claim } from "./claim.ts"
import { Pace } from "./pace.ts"
import type { Holdings } from "../core/wire.ts"
import { noHoldings } from "../core/wire.ts"

/**
 * What a node knows of a circuit that it shares.
 *
 * @internal
 */
export class Member {
  private readonly entry: CircuitEntry
  private lastAskedAt = -Infinity
  private seesFailures = false
  /** Nothing was ever heard of it. */
  isNew = true
  revision = ""
  /** The shared generation that the node's own circuit stands for. */
  generation = 0
  /** What was last known of the shared circuit beyond its state. */
  holdings: Holdings = noHoldings
  /** How many isolations of the circuit this node holds. */
  isolations = 0
  /** How often this node has disabled the circuit. */
  disables = 0
  /** What the other nodes count, in the window of this state. */
  others: ReadonlyArray<Contribution> = noContributions
  countedIn: StateTag = "Closed"
  /** How many nodes contribute. */
  crowd = 0
  /** Since when no process has reported failures, while the circuit is exchanged. */
  quietSince = Infinity
  /** The latest outcome, until it has been judged by what the others count. */
  undecided: Outcome | undefined = undefined
  /** How many there have been to judge. */
  outcomes = 0
  /** The other nodes do not know yet that this one sees failures. */
  announces = false
  /** What this node counted when it opened for itself only. */
  countedAlone: string | undefined = undefined
  /** Changes of this node that are on their way. */
  pending = 0
  /** A change of another node was heard while one of this node's was on its way. */
  hasMissedChange = false
  /** A change of this node has not reached the store. */
  hasDiverged = false
  /** The latest request for a slot that is on its way. */
  claiming: Claim | undefined = undefined
  reading: Deferred.Deferred<void> | undefined = undefined
  writing: Fiber.Fiber<void> | undefined = undefined

  // Made when they are needed: most circuits are healthy, and exchange and change nothing.
  private madePace: Pace | undefined = undefined
  private madeChanges: Effect.Semaphore | undefined = undefined

  constructor(entry: CircuitEntry) {
    this.entry = entry
  }

  get pace(): Pace {
    return (this.madePace ??= new Pace())
  }

  /** Changes are made one after the other. */
  get changes(): Effect.Semaphore {
    return (this.madeChanges ??= Effect.unsafeMakeSemaphore(1))
  }

  /** When the node last asked the store about it, in the breaker's time. */
  get askedAt(): number {
    return this.lastAskedAt
  }

  set askedAt(at: number) {
    this.lastAskedAt = at
    this.updateEntry()
  }

  /** Some process reported failures, so all processes report their counts. */
  get isWarm(): boolean {
    return this.seesFailures
  }

  set isWarm(isWarm: boolean) {
    this.seesFailures = isWarm
    this.updateEntry()
  }

  private updateEntry(): void {
    this.entry.needsCoordinator = this.seesFailures || this.lastAskedAt === -Infinity
  }

  /** Open for this node only, because too few nodes see failures. */
  get isAlone(): boolean {
    return this.countedAlone !== undefined
  }

  /** Whether a node keeps the circuit isolated or disabled, or has a slot of it. */
  isHolder(node: string): boolean {
    return this.isolations > 0 || this.disables > 0 || Object.values(this.holdings.probers).includes(node)
  }
}

/** @internal */
export const noContributions: ReadonlyArray<Contribution> = []

/** @internal */
export const memberOf = (held: CircuitEntry): Member => {
  let member = members.get(held)
  if (member === undefined) {
    member = new Member(held)
    members.set(held, member)
  }
  return member
}

const members = new WeakMap<CircuitEntry, Member>()
