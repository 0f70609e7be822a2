import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Store } from "../../CircuitStore.ts"
import type { StoreLaw } from "../../testing.ts"
import type { Check } from "./expectations.ts"

/**
 * A law as it is checked: `connect` makes one more client of the store, and `breaker` is a name that nobody else uses.
 *
 * @internal
 */
export interface Law {
  readonly about: StoreLaw["about"]
  readonly name: string
  readonly check: (connect: Effect.Effect<Store, never, Scope.Scope>, breaker: string) => Check
}

/** @internal */
export const laws = (
  about: StoreLaw["about"],
  checks: Readonly<Record<string, Law["check"]>>
): ReadonlyArray<Law> => Object.entries(checks).map(([name, check]) => ({ about, name, check }))
