import * as Effect from "effect/Effect"
import type { Coordination } from "../../CircuitStore.ts"
import type { Join } from "../breaker/join.ts"
import { joinKey } from "../breaker/join.ts"
import { decodeCoordination } from "../options/coordination.ts"

/**
 * How the processes of a store work together, and the code that does it.
 *
 * @internal
 */
export const makeCoordination = (of: string, options: unknown): Coordination => ({
  ...decodeCoordination(of, options),
  [joinKey]: join
})

/**
 * Loads the code that shares circuits. The first breaker that joins a store does this, so that a program without a store
 * does not load it.
 *
 * @internal
 */
export const load = async (): Promise<Join> => (loaded ??= (await import("../fleet/join.ts")).join)

let loaded: Join | undefined

const join: Join = (breaker, store) =>
  loaded === undefined
    ? Effect.flatMap(Effect.promise(load), (join) => join(breaker, store))
    : loaded(breaker, store)
