import type { Coordination } from "../../CircuitStore.ts"
import { joinKey } from "../breaker/join.ts"
import { join } from "../fleet/join.ts"
import { decode } from "./options.ts"

/**
 * How the processes of a store work together, and the code that does it.
 *
 * @internal
 */
export const makeCoordination = (of: string, options: unknown): Coordination => ({
  ...decode(of, options),
  [joinKey]: join
})
