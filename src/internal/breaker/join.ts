import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import type { Transition } from "../../Transition.ts"
import { refuse } from "../options/checks.ts"
import type { Settings } from "./settings.ts"
import type { Breaker } from "./breaker.ts"

/**
 * Makes a breaker that shares its circuits through a store, until the scope closes. The store carries this function, so
 * that a program without a store does not load the code behind it.
 *
 * @internal
 */
export type Join = (
  breaker: { readonly settings: Settings; readonly publish: (transition: Transition) => void },
  store: unknown
) => Effect.Effect<Breaker, never, Scope.Scope>

/**
 * The property of a store's coordination that holds its {@link Join}. The symbol is the same in every copy of this
 * package.
 *
 * @internal
 */
export const joinKey: unique symbol = Symbol.for("effect-circuit-breaker/CircuitStore/join/1")

/**
 * The key of the store in the environment. No key of a breaker's service begins like this.
 *
 * @internal
 */
export const storeKey = "@effect-circuit-breaker/CircuitStore"

/**
 * The tag of the store in the environment. The public module has a reference with the same key, and with a default that
 * shares nothing. Effect identifies tags by their keys alone, so this tag finds the same store without loading the
 * default.
 *
 * @internal
 */
export const CurrentStore = Context.GenericTag<{ readonly coordination: object }>(storeKey)

/**
 * Marks the store that shares nothing, and its copies.
 *
 * @internal
 */
export const aloneKey: unique symbol = Symbol.for("effect-circuit-breaker/CircuitStore/alone")

/** The `Join` of this copy of the package, once the public module of stores has been loaded. */
let loadedJoin: Join | undefined

/**
 * Provides the `Join` for stores whose coordination was written by hand and therefore carries none.
 *
 * @internal
 */
export const provideJoin = (join: Join): void => {
  loadedJoin = join
}

/**
 * The `Join` of a store; `undefined` for a store that shares nothing.
 *
 * @internal
 */
export const joinOf = (store: { readonly coordination: object }): Join | undefined => {
  if (aloneKey in store) return undefined
  const { coordination } = store
  // Only `CircuitStore.coordination` sets the property.
  const own = Predicate.hasProperty(coordination, joinKey) ? (coordination[joinKey] as Join) : undefined
  return (
    own ??
    loadedJoin ??
    refuse("CircuitStore: coordination", "made by CircuitStore.coordination", "one made by hand")
  )
}
