import type { Coordination } from "../../CircuitStore.ts"
import type { Join } from "../breaker/join.ts"
import { joinKey, provideJoin } from "../breaker/join.ts"
import { join } from "../fleet/join.ts"
import { decode } from "./options.ts"

/**
 * Makes a store's coordination: its settings, and the function by which a breaker joins the store.
 *
 * @internal
 */
export const makeCoordination = (
  of: string,
  options: unknown
): Coordination & { readonly [joinKey]: Join } => ({
  ...decode(of, options),
  [joinKey]: join
})

provideJoin(join)
