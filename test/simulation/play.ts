/** Plays a history to its end. */
import type { Cover } from "./Coverage.ts"
import { Ending } from "./Ending.ts"
import { Fleet } from "./Fleet.ts"
import type { History } from "./History.ts"
import { Ledger } from "./Ledger.ts"
import { Broken, Oracle } from "./Oracle.ts"
import type { Protocol } from "./Protocol.ts"
import { protocol as real } from "./Protocol.ts"
import type { Tell } from "./World.ts"
import { World } from "./World.ts"

export interface Playing {
  readonly protocol?: Protocol | undefined
  readonly tell?: Tell | undefined
  readonly cover?: Cover | undefined
}

/** A broken invariant. */
export interface Failure {
  readonly invariant: string
  readonly message: string
}

export const play = (
  { seed, setup, steps }: History,
  { cover, protocol = real, tell }: Playing = {}
): Failure | undefined =>
  failureOf(() => {
    const oracle = new Oracle(new Ledger(setup), cover)
    const world = new World(new Fleet(setup, protocol, oracle), seed, tell)
    for (const step of steps) world.perform(step)
    const ending = new Ending(world, oracle)
    ending.agree()
    if (seed % restsInOneOf === 0) ending.rest()
  })

/** Runs it, and returns the broken invariant, if any. */
export const failureOf = (run: () => void): Failure | undefined => {
  try {
    run()
    return undefined
  } catch (error) {
    if (error instanceof Broken) return { invariant: error.invariant, message: error.message }
    if (!(error instanceof Error)) throw error
    return { invariant: "nothing throws", message: error.stack ?? error.message }
  }
}

/** One of this many histories is played until all circuits are idle, which takes as long as the rest of it. */
const restsInOneOf = 5
