import type { StateTag, Transition } from "../../Transition.ts"
import type { CircuitEntry } from "../breaker/circuitEntry.ts"
import * as Machine from "../core/circuit.ts"
import type { Caller } from "../fiber/caller.ts"
import { nearnessOf } from "./figures.ts"
import type { Live } from "./live.ts"
import { countedIn } from "./live.ts"

/**
 * The properties of a circuit that determine its place in a list. The nearness to opening is from 0 to 1.
 *
 * @internal
 */
export interface Ranking {
  readonly state: StateTag
  readonly nearness: number
}

/**
 * The circuits of a breaker, and those of them that are notable, because they are not Closed or have come nearer to
 * opening. The others are calm, as nearly all circuits of most breakers are. They are not collected in a set of their
 * own, because adding thousands of circuits to a set takes longer than visiting them.
 *
 * @internal
 */
export interface Division {
  readonly all: ReadonlyArray<CircuitEntry>
  readonly notable: Set<CircuitEntry>
}

interface Snapshot extends Division {
  readonly inside: Live["inside"]
  readonly at: number
  readonly size: number
}

/**
 * The time for which a division is used. Visiting all circuits is the largest cost of a list, so several requests share
 * one division.
 */
const validMillis = 1_000

/**
 * Divides the circuits of breakers, for lists. A division is replaced when it is a second old or the number of circuits
 * has changed. A circuit that changes its state becomes notable at once, so the notable circuits lack only those that
 * have come nearer to opening since the division was made.
 *
 * @internal
 */
export class Census {
  private readonly latest = new Map<string, Snapshot>()

  /** Makes a circuit notable, because it has changed its state. */
  note({ breaker, key }: Transition): void {
    const division = this.latest.get(breaker)
    // At the time 0 no circuit is idle. A circuit that the breaker has just dropped is not found.
    const entry = division?.inside.circuits.find(key, 0)
    if (division === undefined || entry === undefined) return
    division.notable.add(entry)
  }

  divisionOf(live: Live, caller: Caller): Division {
    const { inside, service } = live
    const now = inside.now(caller)
    const size = inside.circuits.count
    const known = this.latest.get(service.name)
    if (known?.inside === inside && known.size === size && now - known.at < validMillis) return known
    const snapshot: Snapshot = { inside, at: now, size, all: inside.circuits.all(now), notable: new Set() }
    for (const entry of snapshot.all) {
      const isCalm = hasNeverFailed(live, entry, now) || isFarFromOpening(rankingOf(live, entry, now, caller))
      if (!isCalm) snapshot.notable.add(entry)
    }
    this.latest.set(service.name, snapshot)
    return snapshot
  }

  /** Forgets all other breakers. */
  keepOnly(breakers: ReadonlyArray<Live>): void {
    const names = new Set(breakers.map(({ service }) => service.name))
    for (const name of this.latest.keys()) if (!names.has(name)) this.latest.delete(name)
  }
}

/** @internal */
export const rankingOf = (live: Live, entry: CircuitEntry, now: number, caller: Caller): Ranking => {
  const { inside } = live
  const { rules } = inside.settings
  const circuit = Machine.at(inside.seen(entry, now).circuit, rules, now)
  return {
    state: circuit._tag,
    // A custom policy has no nearness, so its circuits come last.
    nearness: nearnessOf(rules.policy, countedIn(live, { entry, circuit, now }, caller)) ?? 0
  }
}

/** @internal */
export const isFarFromOpening = ({ nearness, state }: Ranking): boolean =>
  state === "Closed" && nearness === 0

/** Whether a circuit is certainly far from opening, which is decided without its window. */
const hasNeverFailed = ({ inside }: Live, entry: CircuitEntry, now: number): boolean =>
  inside.circuits.tagOf(entry, now) === "Closed" &&
  entry.lastFailure === undefined &&
  !entry.needsCoordinator &&
  inside.settings.rules.policy.slowerThanMillis === Infinity
