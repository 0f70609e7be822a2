import * as Effect from "effect/Effect"
import type { StateTag } from "../../Transition.ts"
import type { CircuitEntry } from "../breaker/circuitEntry.ts"
import type { Circuit } from "../core/circuit.ts"
import * as Machine from "../core/circuit.ts"
import type { Caller } from "../fiber/caller.ts"
import { epochMillis } from "../fiber/caller.ts"
import { policyOf } from "./details.ts"
import { nearnessOf } from "./figures.ts"
import { firstOf } from "./firstOf.ts"
import type { Live } from "./live.ts"
import { foundIn } from "./live.ts"
import type { CircuitsQuery } from "./requests.ts"
import { limits } from "./requests.ts"
import type { BreakerSummary, CircuitPage } from "./schemas.ts"
import { StateTag as StateTags } from "./schemas.ts"
import type { Observed } from "./summaries.ts"
import { sharingOf, summaryOf } from "./summaries.ts"
import { labelOf } from "./text.ts"

/** A circuit of a list, with only what its place in the order depends on. */
interface Listed {
  readonly live: Live
  readonly entry: CircuitEntry
  readonly rank: number
  readonly nearness: number
  readonly failed: number
}

/**
 * The place of each state in the order of how much it hurts.
 *
 * @internal
 */
export const rankOf = (state: StateTag): number => ranks[state]

const ranks = Object.fromEntries(StateTags.literals.map((tag, i) => [tag, i])) as Record<StateTag, number>

/**
 * A page of the circuits. A breaker may hold very many, so a circuit is looked at only as far as its place in the order
 * needs it, and only those of the page are read in full.
 *
 * @internal
 */
export const pageOf = (
  breakers: ReadonlyArray<Live>,
  query: typeof CircuitsQuery.Type,
  observed: Observed
): Effect.Effect<typeof CircuitPage.Type> =>
  Effect.withFiberRuntime((caller) => {
    const { limit = limits.defaultPage, offset = 0 } = query
    const listed = breakers.flatMap((live) => matching(live, query, caller))
    const first = firstOf(listed, offset + limit, byPain).slice(offset)
    return Effect.succeed({
      at: epochMillis(caller),
      total: listed.length,
      offset,
      limit,
      circuits: first.map(({ entry, live }) => summaryOf(foundIn(live, entry, caller), observed))
    })
  })

const matching = (live: Live, query: typeof CircuitsQuery.Type, caller: Caller): Array<Listed> => {
  const { inside } = live
  const now = inside.now(caller)
  const states = query.state === undefined || query.state.length === 0 ? undefined : new Set(query.state)
  const text = query.text?.toLowerCase() ?? ""
  const isNamed = live.service.name.toLowerCase().includes(text)
  const listed: Array<Listed> = []
  for (const entry of inside.circuits.all(now)) {
    if (!isNamed && !entry.key.toLowerCase().includes(text)) continue
    const circuit = Machine.at(inside.seen(entry, now).circuit, inside.settings.rules, now)
    if (states !== undefined && !states.has(circuit._tag)) continue
    const { failed } = entry.totals
    listed.push({ live, entry, failed, rank: rankOf(circuit._tag), nearness: nearnessIn(live, circuit, now) })
  }
  return listed
}

/** A policy that says nothing of itself comes behind the others. */
const nearnessIn = ({ inside }: Live, circuit: Circuit<unknown>, now: number): number =>
  circuit._tag === "Closed" || circuit._tag === "Recovering"
    ? (nearnessOf(inside.settings.rules.policy, circuit.window, now) ?? 0)
    : 0

const byPain = (left: Listed, right: Listed): number =>
  left.rank - right.rank ||
  right.nearness - left.nearness ||
  right.failed - left.failed ||
  byText(left.live.service.name, right.live.service.name) ||
  byText(left.entry.key, right.entry.key)

const byText = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0)

/**
 * A breaker with its circuits by state.
 *
 * @internal
 */
export const breakerSummaryOf = (live: Live, caller: Caller): typeof BreakerSummary.Type => {
  const { settings } = live.inside
  const states = statesOf(live, caller)
  return {
    name: labelOf(settings.name),
    circuits: Object.values(states).reduce((sum, count) => sum + count, 0),
    states,
    tripPolicy: policyOf(settings),
    mode: settings.observe ? "observe" : "enforce",
    sharing: sharingOf(live)
  }
}

const statesOf = ({ inside }: Live, caller: Caller): Record<StateTag, number> => {
  const now = inside.now(caller)
  const states = noStates()
  for (const { current } of inside.circuits.all(now))
    states[Machine.at(current, inside.settings.rules, now)._tag]++
  return states
}

/** @internal */
export const noStates = (): Record<StateTag, number> => ({
  Isolated: 0,
  Open: 0,
  HalfOpen: 0,
  Recovering: 0,
  Disabled: 0,
  Closed: 0
})
