import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import type { Store } from "../../CircuitStore.ts"
import { Breaker } from "../breaker/breaker.ts"
import type { Caller } from "../fiber/caller.ts"
import type { Settings } from "../breaker/settings.ts"
import { refuse } from "../options/checks.ts"
import type * as CircuitBreakerRegistry from "../../CircuitBreakerRegistry.ts"
import { Fleet } from "./fleet.ts"

/**
 * Makes a breaker that is one of those of its name on a store, until the scope closes.
 *
 * @internal
 */
export const make = (
  settings: Settings,
  registry: CircuitBreakerRegistry.Registry,
  store: Store,
  caller: Caller
): Effect.Effect<Breaker, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { name, rules } = settings
    const policy = rules.policy.share()
    if (policy === undefined) {
      return refuse(
        `CircuitBreaker "${name}": tripPolicy`,
        "a policy that can be shared through a store",
        "one made by TripPolicy.make, whose states only its author can add up"
      )
    }
    const breaker = new Breaker({ ...settings, rules: { ...rules, policy } }, registry, caller)
    const { failuresToReopen, probes, recovery } = rules
    const rulesName = JSON.stringify([policy.data, probes, failuresToReopen, recovery])
    const fork = yield* FiberSet.makeRuntime<never>()
    const fleet = new Fleet(breaker, store, { policy, name: rulesName }, fork)
    breaker.fleet = fleet
    yield* Effect.forkScoped(fleet.contact.keepingInTouch)
    // Calls that are still made go by the breaker's own circuits.
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        breaker.fleet = undefined
        fleet.contact.end()
      })
    )
    return breaker
  })
