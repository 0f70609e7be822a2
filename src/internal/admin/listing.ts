import * as Effect from "effect/Effect"
import type { StateTag } from "../../Transition.ts"
import type { CircuitEntry } from "../breaker/circuitEntry.ts"
import type { Caller } from "../fiber/caller.ts"
import { epochMillis } from "../fiber/caller.ts"
import { policyOf } from "./details.ts"
import type { Census, Ranking } from "./census.ts"
import { isFarFromOpening, rankingOf } from "./census.ts"
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

/** A circuit of a list, with its breaker. */
interface Placed {
  readonly live: Live
  readonly entry: CircuitEntry
}

interface Listed extends Placed, Ranking {}

/**
 * The rank of a state in the order of severity, where 0 is the most severe.
 *
 * @internal
 */
export const rankOf = (state: StateTag): number => ranks.get(state) ?? 0

const ranks: ReadonlyMap<StateTag, number> = new Map(StateTags.literals.map((tag, i) => [tag, i]))

/**
 * A page of the circuits. A breaker may hold very many, so all of them are visited at most once a second, calm ones are
 * ordered only if the page contains some, and only the circuits of the page are read in full.
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
    const found: Listing = { notable: [], calm: [] }
    for (const live of breakers) addMatching(found, { live, query, census: observed.census }, caller)
    const notable = firstOf(found.notable, offset + limit, bySeverity)
    const calmOfPage = offset + limit - notable.length
    const calm = calmOfPage > 0 ? firstOf(placedIn(found.calm), calmOfPage, byFailures) : []
    const page = [...notable, ...calm].slice(offset)
    return Effect.succeed({
      at: epochMillis(caller),
      total: found.notable.length + found.calm.reduce((sum, { count }) => sum + count, 0),
      offset,
      limit,
      circuits: page.map(({ entry, live }) => summaryOf(foundIn(live, entry, caller), observed))
    })
  })

/**
 * The circuits that match a query. The calm ones come after the others, and are visited only if the page contains some.
 */
interface Listing {
  readonly notable: Array<Listed>
  readonly calm: Array<Calm>
}

interface Calm {
  readonly live: Live
  readonly entries: Iterable<CircuitEntry>
  readonly count: number
}

function* placedIn(calm: ReadonlyArray<Calm>): Iterable<Placed> {
  for (const { entries, live } of calm) for (const entry of entries) yield { live, entry }
}

interface Search {
  readonly live: Live
  readonly query: typeof CircuitsQuery.Type
  readonly census: Census
}

const addMatching = (found: Listing, { census, live, query }: Search, caller: Caller): void => {
  const now = live.inside.now(caller)
  const { all, notable } = census.divisionOf(live, caller)
  const matchesText = textFilterOf(live, query.text)
  const isInState = stateFilterOf(query.state)
  const otherCalm: Array<CircuitEntry> = []
  for (const entry of notable) {
    if (matchesText?.(entry) === false) continue
    const ranking = rankingOf(live, entry, now, caller)
    if (!isInState(ranking.state)) continue
    if (isFarFromOpening(ranking)) otherCalm.push(entry)
    else found.notable.push({ ...ranking, live, entry })
  }
  found.calm.push({ live, entries: otherCalm, count: otherCalm.length })
  if (!isInState("Closed")) return
  if (matchesText === undefined) {
    found.calm.push({ live, entries: without(notable, all), count: all.length - notable.size })
  } else {
    const entries = all.filter((entry) => !notable.has(entry) && matchesText(entry))
    found.calm.push({ live, entries, count: entries.length })
  }
}

function* without(
  excluded: ReadonlySet<CircuitEntry>,
  all: ReadonlyArray<CircuitEntry>
): Iterable<CircuitEntry> {
  for (const entry of all) if (!excluded.has(entry)) yield entry
}

/**
 * Tests whether the key of a circuit contains the text; `undefined` if the name of the breaker contains it, so that all
 * circuits match.
 */
const textFilterOf = (
  { service }: Live,
  given: string = ""
): ((entry: CircuitEntry) => boolean) | undefined => {
  const text = given.toLowerCase()
  return service.name.toLowerCase().includes(text)
    ? undefined
    : (entry) => entry.key.toLowerCase().includes(text)
}

const stateFilterOf = (given: ReadonlyArray<StateTag> = []): ((state: StateTag) => boolean) => {
  const states = new Set(given)
  return (state) => states.size === 0 || states.has(state)
}

const bySeverity = (left: Listed, right: Listed): number =>
  rankOf(left.state) - rankOf(right.state) || right.nearness - left.nearness || byFailures(left, right)

const byFailures = (left: Placed, right: Placed): number =>
  right.entry.failures - left.entry.failures ||
  byText(left.live.service.name, right.live.service.name) ||
  byText(left.entry.key, right.entry.key)

const byText = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0)

/**
 * A breaker with the number of its circuits in each state.
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
    mode: settings.isDryRun ? "observe" : "enforce",
    sharing: sharingOf(live)
  }
}

const statesOf = ({ inside }: Live, caller: Caller): Record<StateTag, number> => {
  const now = inside.now(caller)
  const states = noStates()
  for (const entry of inside.circuits.all(now)) countIn(states, inside.circuits.tagOf(entry, now))
  return states
}

/**
 * Counts a circuit by its state. Most circuits are Closed, and V8 is many times slower to find a property whose name
 * varies.
 *
 * @internal
 */
export const countIn = (states: Record<StateTag, number>, state: StateTag): void => {
  if (state === "Closed") states.Closed++
  else states[state]++
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
