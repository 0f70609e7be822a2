import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type { Store } from "../../CircuitStore.ts"
import { Breaker } from "../breaker/breaker.ts"
import type { Join } from "../breaker/join.ts"
import { share } from "../core/policies/table.ts"
import { refuse } from "../options/checks.ts"
import { checked } from "./checkedStore.ts"
import { Fleet } from "./fleet.ts"

/**
 * Makes a breaker that shares its circuits with breakers of its name in other processes.
 *
 * @internal
 */
export const join: Join = ({ publish, settings }, store) =>
  Effect.gen(function* () {
    const { name, rules } = settings
    const policy = share(rules.policy.data)
    if (policy === undefined) {
      return refuse(
        `CircuitBreaker "${name}": tripPolicy`,
        "a policy that can be shared through a store",
        "one made by TripPolicy.make, whose states only its author can add up"
      )
    }
    const shared = { ...settings, rules: { ...rules, policy } }
    const breaker = yield* Effect.withFiberRuntime<Breaker>((caller) =>
      Effect.succeed(new Breaker({ settings: shared, publish, isShared: true }, caller))
    )
    const fork = yield* FiberSet.makeRuntime<never>()
    // The join of a store is called with that store.
    const fleet = new Fleet(breaker, checked(store as Store), policy, fork)
    breaker.coordinator = fleet
    yield* Effect.forkScoped(fleet.running)
    // Calls that are still made go by the breaker's own circuits.
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        breaker.coordinator = undefined
        fleet.end()
      })
    )
    return breaker
  })
