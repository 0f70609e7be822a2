import * as Effect from "effect/Effect"
import type { CircuitBreaker } from "../../CircuitBreaker.ts"
import type { Registry } from "../../CircuitBreakerRegistry.ts"
import type { CircuitEntry } from "../breaker/circuitEntry.ts"
import type { Merged } from "../breaker/coordinator.ts"
import type { Inspected } from "../breaker/inspected.ts"
import { inspectedIn } from "../breaker/inspected.ts"
import type { Circuit } from "../core/circuit.ts"
import * as Machine from "../core/circuit.ts"
import type { Caller } from "../fiber/caller.ts"
import { epochMillis } from "../fiber/caller.ts"
import { NotFound } from "./errors.ts"
import { isShortened, labelOf, bounded } from "./text.ts"

/**
 * A live breaker: its public interface, and its internals.
 *
 * @internal
 */
export interface Live {
  readonly service: CircuitBreaker
  readonly inside: Inspected
}

/**
 * A circuit at the present time. `entry` is `undefined` if this process does not hold the circuit, because only other
 * processes do or because no call has used it yet.
 *
 * @internal
 */
export interface Found {
  readonly live: Live
  readonly key: string
  readonly circuit: Circuit<unknown>
  readonly entry: CircuitEntry | undefined
  readonly counted: Counted | undefined
  /** The number of unsettled calls, which count as successes. */
  readonly unsettled: number
  /** The present time by the breaker's own clock, and by the wall clock, in milliseconds. */
  readonly now: number
  readonly wallNow: number
}

/**
 * The window by which a circuit is judged, the processes whose calls it counts, and the time at which it is read.
 *
 * @internal
 */
export interface Counted {
  readonly window: unknown
  readonly of: "Process" | "Fleet"
  readonly at: number
}

/**
 * The live breakers. If several have the same name, only the one that was made last is listed, as in the registry.
 *
 * @internal
 */
export const breakersOf = (registry: Registry): Effect.Effect<ReadonlyArray<Live>> =>
  Effect.map(registry.breakers, (services) => {
    const live = new Map<string, Live>()
    for (const service of services) {
      const inside = inspectedIn(service)
      // A breaker that this library did not make has no known internals.
      if (inside !== undefined) live.set(service.name, { service, inside })
    }
    return Array.from(live.values())
  })

/** @internal */
export const findBreaker = (registry: Registry, name: string): Effect.Effect<Live, NotFound> =>
  Effect.flatMap(breakersOf(registry), (all) => {
    const live = isShortened(name)
      ? onlyOne(all.filter(({ service }) => labelOf(service.name) === name))
      : all.find(({ service }) => service.name === name)
    return live === undefined
      ? Effect.fail(new NotFound({ message: `There is no breaker named ${quoted(name)}` }))
      : Effect.succeed(live)
  })

/**
 * Finds the circuit that a request names, without creating one. A text of the shortened form is always taken for a
 * label: the circuit with exactly this key has another label.
 *
 * @internal
 */
export const findCircuit = (live: Live, named: string): Effect.Effect<Found, NotFound> =>
  isShortened(named) ? findShortened(live, named) : findByKey(live, named)

/**
 * Finds the circuit of a key, without creating one. A circuit that only other processes hold is read from the store.
 *
 * @internal
 */
export const findByKey = (live: Live, key: string): Effect.Effect<Found, NotFound> =>
  Effect.withFiberRuntime((caller) => {
    const entry = live.inside.circuits.find(key, live.inside.now(caller))
    if (entry !== undefined) return Effect.succeed(foundIn(live, entry, caller))
    const peeked = live.inside.coordinator?.peek(key) ?? Effect.succeed(undefined)
    return Effect.flatMap(peeked, (merged) =>
      merged === undefined
        ? Effect.fail(unknownCircuit(live, key))
        : Effect.succeed(foundElsewhere(live, key, merged, caller))
    )
  })

/**
 * Finds a circuit for a change. A circuit that no call has used yet is Closed, and the change creates it, as the
 * breaker's own methods do. A shortened key is not the key itself, so it never creates a circuit.
 *
 * @internal
 */
export const findForChange = (live: Live, key: string): Effect.Effect<Found, NotFound> =>
  isShortened(key)
    ? findShortened(live, key)
    : Effect.catchAll(findByKey(live, key), () =>
        Effect.withFiberRuntime<Found>((caller) => {
          const circuit = Machine.initial(live.inside.settings.rules.policy)
          return Effect.succeed(foundElsewhere(live, key, { circuit, at: live.inside.now(caller) }, caller))
        })
      )

const unknownCircuit = ({ service }: Live, key: string) =>
  new NotFound({ message: `The breaker ${quoted(service.name)} has no circuit with the key ${quoted(key)}` })

/**
 * A text from a request, quoted for an error message.
 *
 * @internal
 */
export const quoted = (text: string): string => JSON.stringify(bounded(text, 100))

const findShortened = (live: Live, label: string): Effect.Effect<Found, NotFound> =>
  Effect.withFiberRuntime((caller) => {
    const { inside } = live
    const entry = onlyOne(inside.circuits.all(inside.now(caller)).filter(({ key }) => labelOf(key) === label))
    return entry === undefined
      ? Effect.fail(unknownCircuit(live, label))
      : Effect.succeed(foundIn(live, entry, caller))
  })

/** The only match; `undefined` if several names have the same hash, because choosing one would be a guess. */
const onlyOne = <A>(found: ReadonlyArray<A>): A | undefined => (found.length === 1 ? found[0] : undefined)

/** @internal */
export const foundIn = (live: Live, entry: CircuitEntry, caller: Caller): Found => {
  const { inside } = live
  const now = inside.now(caller)
  const { circuit: stored, unsettled } = inside.seen(entry, now)
  const circuit = Machine.at(stored, inside.settings.rules, now)
  return {
    live,
    key: entry.key,
    circuit,
    entry,
    counted: countedIn(live, { entry, circuit, now }, caller),
    unsettled,
    now,
    wallNow: epochMillis(caller)
  }
}

/**
 * The window by which a circuit of this process is judged: that of all processes if the store has reported their
 * counts, or else its own. It is `undefined` in states without a window.
 *
 * @internal
 */
export const countedIn = (
  { inside: { coordinator } }: Live,
  {
    circuit,
    entry,
    now
  }: { readonly entry: CircuitEntry; readonly circuit: Circuit<unknown>; readonly now: number },
  caller: Caller
): Counted | undefined => {
  if (!Machine.isCounting(circuit)) return undefined
  const own = { window: circuit.window, of: "Process", at: now } as const
  // If the circuit does not need its coordinator, it is healthy on all processes, and there is nothing to merge.
  if (coordinator === undefined || !entry.needsCoordinator) return own
  const merged = coordinator.merged(entry, circuit, caller)
  return merged.circuit === circuit || !Machine.isCounting(merged.circuit)
    ? own
    : { window: merged.circuit.window, of: "Fleet", at: merged.at }
}

const foundElsewhere = (live: Live, key: string, { at, circuit: stored }: Merged, caller: Caller): Found => {
  const { rules } = live.inside.settings
  const now = live.inside.now(caller)
  const circuit = Machine.at(stored, rules, now)
  return {
    live,
    key,
    circuit,
    entry: undefined,
    counted: Machine.isCounting(circuit)
      ? // No process has reported a failure if the window is empty.
        { window: circuit.window, of: circuit.window === rules.policy.initial ? "Process" : "Fleet", at }
      : undefined,
    unsettled: 0,
    now,
    wallNow: epochMillis(caller)
  }
}
