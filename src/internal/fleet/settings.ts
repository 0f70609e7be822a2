import * as Duration from "effect/Duration"
import * as Hash from "effect/Hash"
import type { Store } from "../../CircuitStore.ts"
import type { Breaker } from "../breaker/breaker.ts"
import type { SharedPolicy } from "../core/policies/policy.ts"
import type { Settings } from "../core/replica/situation.ts"
import { windowSettings } from "../core/replica/situation.ts"

/**
 * The settings of a breaker's replicas: the breaker's rules, what the store is configured with, and a name for this node.
 *
 * @internal
 */
export const settingsOf = (breaker: Breaker, policy: SharedPolicy<unknown>, store: Store): Settings => {
  const { idleMillis, maxOpenMillis, openDuration, rules } = breaker.settings
  const { failuresToReopen, probes, recovery } = rules
  const { lease, quorum, sync, syncInterval } = store.coordination
  const syncMillis = Duration.toMillis(syncInterval)
  const node = globalThis.crypto.randomUUID()
  const rulesName = JSON.stringify([policy.data, probes, failuresToReopen, recovery])
  return {
    node,
    rules,
    policy,
    rulesName,
    windowName: (Hash.string(rulesName) >>> 0).toString(36),
    quorum,
    syncMillis,
    phase: (Hash.string(node) >>> 0) / 2 ** 32,
    leaseMillis: Duration.toMillis(lease),
    longestOpenMillis: typeof openDuration === "number" ? Math.max(openDuration, maxOpenMillis) : Infinity,
    ...windowSettings(policy, { idleMillis, syncMillis }),
    writesThrough: sync === "write-through"
  }
}
