import * as Effect from "effect/Effect"
import type { CircuitBreaker } from "../../CircuitBreaker.ts"
import type { Registry } from "../../CircuitBreakerRegistry.ts"
import type { CircuitEntry } from "../breaker/circuitEntry.ts"
import type { Inspected } from "../breaker/inspected.ts"
import { inspectedIn } from "../breaker/inspected.ts"
import type { Circuit } from "../core/circuit.ts"
import * as Machine from "../core/circuit.ts"
import type { Caller } from "../fiber/caller.ts"
import { epochMillis } from "../fiber/caller.ts"
import { NotFound } from "./errors.ts"
import { isShortened, labelOf, printable } from "./text.ts"

/**
 * A live breaker, by its public interface and from inside.
 *
 * @internal
 */
export interface Live {
  readonly service: CircuitBreaker
  readonly inside: Inspected
}

/**
 * A circuit as it stands, without what only a page of it needs. `entry` is missing where other processes hold the
 * circuit and this one does not.
 *
 * @internal
 */
export interface Found {
  readonly live: Live
  readonly key: string
  readonly circuit: Circuit<unknown>
  readonly entry: CircuitEntry | undefined
  /** The number of unsettled calls, which count as successes. */
  readonly unsettled: number
  /** The time of the breaker's own clock, and of the wall clock, in milliseconds. */
  readonly now: number
  readonly epoch: number
}

/**
 * The live breakers. Of several of one name, the one that was made last, as the registry has it.
 *
 * @internal
 */
export const breakersOf = (registry: Registry): Effect.Effect<ReadonlyArray<Live>> =>
  Effect.map(registry.breakers, (services) => {
    const live = new Map<string, Live>()
    for (const service of services) {
      const inside = inspectedIn(service)
      // A breaker that is not this library's own has no inside to read.
      if (inside !== undefined) live.set(service.name, { service, inside })
    }
    return Array.from(live.values())
  })

/** @internal */
export const findBreaker = (registry: Registry, name: string): Effect.Effect<Live, NotFound> =>
  Effect.flatMap(breakersOf(registry), (all) => {
    const live =
      all.find(({ service }) => service.name === name) ??
      (isShortened(name) ? onlyOne(all.filter(({ service }) => labelOf(service.name) === name)) : undefined)
    return live === undefined
      ? Effect.fail(new NotFound({ message: `There is no breaker named ${quoted(name)}` }))
      : Effect.succeed(live)
  })

/**
 * Finds a circuit, and makes none. One that only other processes hold is read in the store.
 *
 * @internal
 */
export const findCircuit = (live: Live, key: string): Effect.Effect<Found, NotFound> =>
  Effect.withFiberRuntime((caller) => {
    const now = live.inside.now(caller)
    const entry = live.inside.circuits.find(key, now) ?? findShortened(live, key, now)
    if (entry !== undefined) return Effect.succeed(foundIn(live, entry, caller))
    const peeked = live.inside.coordinator?.peek(key) ?? Effect.succeed(undefined)
    return Effect.flatMap(peeked, (circuit) =>
      circuit === undefined
        ? Effect.fail(unknownCircuit(live, key))
        : Effect.succeed(foundElsewhere(live, key, circuit, caller))
    )
  })

const unknownCircuit = ({ service }: Live, key: string) =>
  new NotFound({ message: `The breaker ${quoted(service.name)} has no circuit with the key ${quoted(key)}` })

/** A text of a request within a message. */
const quoted = (text: string): string => JSON.stringify(printable(text, 100))

const findShortened = ({ inside }: Live, key: string, now: number): CircuitEntry | undefined =>
  isShortened(key)
    ? onlyOne(Array.from(inside.circuits.all(now)).filter((entry) => labelOf(entry.key) === key))
    : undefined

/** Two names with the same hash are too many: acting on either would be a guess. */
const onlyOne = <A>(found: ReadonlyArray<A>): A | undefined => (found.length === 1 ? found[0] : undefined)

/** @internal */
export const foundIn = (live: Live, entry: CircuitEntry, caller: Caller): Found => {
  const { inside } = live
  const now = inside.now(caller)
  const { circuit, unsettled } = inside.seen(entry, now)
  return {
    live,
    key: entry.key,
    circuit: Machine.at(circuit, inside.settings.rules, now),
    entry,
    unsettled,
    now,
    epoch: epochMillis(caller)
  }
}

const foundElsewhere = (live: Live, key: string, circuit: Circuit<unknown>, caller: Caller): Found => {
  const now = live.inside.now(caller)
  return {
    live,
    key,
    circuit: Machine.at(circuit, live.inside.settings.rules, now),
    entry: undefined,
    unsettled: 0,
    now,
    epoch: epochMillis(caller)
  }
}
