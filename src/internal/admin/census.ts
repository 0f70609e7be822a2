import type { StateTag, Transition } from "../../Transition.ts"
import type { CircuitEntry } from "../breaker/circuitEntry.ts"
import * as Machine from "../core/circuit.ts"
import type { Caller } from "../fiber/caller.ts"
import { nearnessOf } from "./figures.ts"
import type { Live } from "./live.ts"
import { countedIn } from "./live.ts"

/**
 * The entry of a circuit in a list.
 *
 * @internal
 */
export interface Standing {
  readonly state: StateTag
  readonly nearness: number
}

/**
 * The circuits of a breaker: those that are not Closed or have come nearer to opening, and all others, which in most
 * breakers are nearly all.
 *
 * @internal
 */
export interface Division {
  readonly notable: Set<CircuitEntry>
  readonly calm: Set<CircuitEntry>
}

interface Taken extends Division {
  readonly inside: Live["inside"]
  readonly at: number
  readonly size: number
}

/** To look at every circuit of very many is what a list costs most, so several pages that ask for it share one look. */
const validMillis = 1_000

/**
 * Divides the circuits of breakers, for lists. A division is made anew when it is a second old or there are more or fewer
 * circuits. A circuit that changes its state is notable from then on, so none is ever missing from the notable ones but
 * one that has failed, without opening, within this second.
 *
 * @internal
 */
export class Census {
  private readonly latest = new Map<string, Taken>()

  /** Takes note of a circuit that has changed its state. */
  note({ breaker, key }: Transition): void {
    const division = this.latest.get(breaker)
    // No time is given, so none is idle: one that was dropped in this moment is not found.
    const entry = division?.inside.circuits.find(key, 0)
    if (division === undefined || entry === undefined) return
    division.calm.delete(entry)
    division.notable.add(entry)
  }

  divisionOf(live: Live, caller: Caller): Division {
    const { inside, service } = live
    const now = inside.now(caller)
    const size = inside.circuits.count
    const known = this.latest.get(service.name)
    if (known?.inside === inside && known.size === size && now - known.at < validMillis) return known
    const taken: Taken = { inside, at: now, size, notable: new Set(), calm: new Set() }
    for (const entry of inside.circuits.all(now)) {
      const isCalm = hasNeverFailed(live, entry) || isFarFromOpening(standingOf(live, entry, now, caller))
      if (isCalm) taken.calm.add(entry)
      else taken.notable.add(entry)
    }
    this.latest.set(service.name, taken)
    return taken
  }

  /** Forgets breakers that are no more. */
  keepOnly(breakers: ReadonlyArray<Live>): void {
    const names = new Set(breakers.map(({ service }) => service.name))
    for (const name of this.latest.keys()) if (!names.has(name)) this.latest.delete(name)
  }
}

/** @internal */
export const standingOf = (live: Live, entry: CircuitEntry, now: number, caller: Caller): Standing => {
  const { inside } = live
  const { rules } = inside.settings
  const circuit = Machine.at(inside.seen(entry, now).circuit, rules, now)
  return {
    state: circuit._tag,
    // A policy that says nothing of itself comes behind the others.
    nearness: nearnessOf(rules.policy, countedIn(live, { entry, circuit, now }, caller)) ?? 0
  }
}

/** @internal */
export const isFarFromOpening = ({ nearness, state }: Standing): boolean =>
  state === "Closed" && nearness === 0

/** Whether a circuit is as far from opening as can be, which is known without a look at its window. */
const hasNeverFailed = ({ inside }: Live, entry: CircuitEntry): boolean =>
  entry.current._tag === "Closed" &&
  entry.lastFailure === undefined &&
  !entry.needsCoordinator &&
  inside.settings.rules.policy.slowerThanMillis === Infinity
