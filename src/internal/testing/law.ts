import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Store } from "../../CircuitStore.ts"
import type { StoreLaw } from "../../testing.ts"
import type { Check } from "./expectations.ts"

/**
 * A law and its check. `connect` makes another client of the store, and `breaker` is a name that no other check uses.
 *
 * @internal
 */
export interface Law {
  readonly about: StoreLaw["about"]
  readonly name: string
  readonly check: (connect: Effect.Effect<Store, never, Scope.Scope>, breaker: string) => Check
}

/**
 * Makes laws from checks by their names.
 *
 * @internal
 */
export const laws = (
  about: StoreLaw["about"],
  checks: Readonly<Record<string, Law["check"]>>
): ReadonlyArray<Law> => Object.entries(checks).map(([name, check]) => ({ about, name, check }))
