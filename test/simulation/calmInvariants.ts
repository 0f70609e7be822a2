/**
 * The invariants of a node's circuit after a time without faults in which every node has exchanged it. The name of each begins
 * with the rule that it checks.
 */
import * as Activities from "../../src/internal/core/replica/activity.ts"
import * as Replicas from "../../src/internal/core/replica/replica.ts"
import * as Slots from "../../src/internal/core/slots.ts"
import * as Windows from "../../src/internal/core/windows/stored.ts"
import type { Member } from "./Fact.ts"
import type { Fleet } from "./Fleet.ts"
import type { Ledger, Read } from "./Ledger.ts"
import type { PolicyName } from "./Setup.ts"
import { deadlineMillis, settingsFor, sliceMillis, syncMillis } from "./Setup.ts"
import type { Stored } from "./VirtualStore.ts"
import type { VirtualNode } from "./VirtualNode.ts"
import type { Wrong } from "./views.ts"
import {
  calmMillis,
  clockError,
  differenceOf,
  hasJustExpired,
  isFollowing,
  isHeld,
  isUnder,
  messageMillis,
  renewedMillis,
  standingAt,
  timeOf
} from "./views.ts"

/** A node's circuit that has been exchanged since the last fault, and the times since then. */
export interface Calm {
  readonly fleet: Fleet
  readonly ledger: Ledger
  readonly node: VirtualNode
  readonly member: Member
  readonly stored: Stored
  readonly read: Read
  /** Since the last fault, the last write of the circuit, and the last outcome that was recorded in it. */
  readonly calmFor: number
  readonly writtenFor: number
  readonly recordedFor: number
}

export const ofCalm = {
  "S12 without faults, nodes follow the store": (calm): Wrong => {
    if (calm.writtenFor < messageMillis || (isHeld(calm.read) && calm.calmFor < renewedMillis))
      return undefined
    const wrong = differenceOf(calm.fleet, calm)
    return wrong === undefined ? undefined : `${wrong} (${calm.member.key}, ${calm.stored.revision})`
  },

  "S11 without faults, a slot that no call uses is given back": ({
    fleet,
    member: { key },
    node,
    read: { rules, shared },
    writtenFor
  }): Wrong => {
    const circuit = standingAt(shared.circuit, rules, fleet.storeNow + clockError)
    if (circuit._tag !== "HalfOpen" || writtenFor < syncMillis + deadlineMillis) return undefined
    const { node: name } = node.settings
    const own = Slots.toArray(circuit.slots).filter(({ id }) => shared.probers[id] === name).length
    const used = node.calls.filter(({ activity, ticket }) => activity.key === key && ticket.slot > 0).length
    return own > used + node.claimsOf(key) ? `${name} has ${own} slots and runs ${used} probes` : undefined
  },

  "S15 without faults, the store knows who holds a circuit": ({
    calmFor,
    member,
    node: { settings },
    read,
    writtenFor
  }): Wrong => {
    if (writtenFor < messageMillis || calmFor < renewedMillis) return undefined
    const { disablers, isolators } = read.shared
    const { disablings, isolations } = member.replica.ownHolds
    const { node } = settings
    return isolations !== (isolators[node] ?? 0) || disablings !== (disablers[node] ?? 0)
      ? `${node} has ${isolations} and ${disablings}, the store says ${isolators[node]} and ${disablers[node]}`
      : undefined
  },

  "S17 without faults, a node that holds a circuit renews its lease once per interval": ({
    calmFor,
    fleet,
    member: { key, replica },
    node: { settings },
    stored,
    writtenFor
  }): Wrong => {
    const { disablings, isolations } = replica.ownHolds
    if (isolations + disablings === 0 || calmFor < renewedMillis) return undefined
    if (writtenFor < syncMillis + deadlineMillis) return undefined
    const { at = -Infinity } = stored.leases.find(({ node }) => node === settings.node) ?? {}
    const age = fleet.storeNow - at
    return age > syncMillis + deadlineMillis
      ? `the lease of ${settings.node} on ${key} is ${age} ms old`
      : undefined
  },

  "S15 without faults, a reset ends the isolations of all nodes": ({
    fleet,
    ledger,
    member: { key, name, replica },
    node: { settings }
  }): Wrong => {
    // A process under other rules leaves an isolation alone, also when it resets its own circuit.
    const at = ledger.latestResets.get(key)?.[settings.rulesName]
    if (at === undefined || at - ledger.calmSince < calmMillis) return undefined
    if (fleet.now - at < calmMillis) return undefined
    const isIsolatedSince = (ledger.isolated.get(name) ?? []).some((it) => it > at - 2 * messageMillis)
    const { isolations } = replica.ownHolds
    return isolations > 0 && !isIsolatedSince
      ? `${settings.node} keeps ${isolations} isolations of ${key}`
      : undefined
  },

  "S3 without faults, every node exchanges a circuit that fails": (calm): Wrong => {
    // With a quorum, failures of too few nodes concern those nodes only.
    if (calm.node.settings.quorum > 1 || calm.recordedFor < calmMillis) return undefined
    if (Activities.isExchanging(calm.member.replica)) return undefined
    const together = windowOf(calm)
    if (together === undefined) return undefined
    const { failures, slow } = calm.node.settings.policy.counts(together, calm.fleet.storeNow)
    return failures + slow > 0
      ? `${calm.node.settings.node} is idle, while ${failures + slow} failures are known`
      : undefined
  },

  "S4 without faults, a node reports what it has recorded": (calm): Wrong => {
    const { circuit, replica } = calm.member
    if (circuit._tag !== "Closed" || replica.standing._tag !== "InSync") return undefined
    const { node } = calm
    const { failures, slow } = node.rules.policy.counts(circuit.window, node.now)
    if (failures + slow === 0 || calm.recordedFor < calmMillis) return undefined
    if (calm.calmFor < renewedMillis || calm.writtenFor < syncMillis + deadlineMillis) return undefined
    const { acknowledged, epoch } = replica.reporting
    if (epoch !== Replicas.epochOf(replica, circuit)) return `${node.settings.node} reports to ${epoch}`
    const news = node.settings.policy.difference(circuit.window, acknowledged.window, node.now)
    return news.some(({ rows }) => rows.some(([, calls]) => calls > 0))
      ? `${node.settings.node} has not reported ${JSON.stringify(news)}`
      : undefined
  },

  "S4 without faults, acknowledged calls are counted": (calm): Wrong => {
    const { fleet, member } = calm
    // The other policies drop rows that they no longer need, and a success may clear failures.
    const together = isOverTime(policyOf(calm)) ? windowOf(calm) : undefined
    if (together === undefined) return undefined
    const { policy } = calm.node.settings
    const counted = policy.counts(together, fleet.storeNow).calls
    const acknowledged = fleet.living.reduce((sum, node) => {
      const replica = node.members.get(member.key)?.replica
      const isSame = replica?.reporting.epoch === calm.stored.windows[node.settings.windowName]?.epoch
      if (replica === undefined || !isSame || node.settings.windowName !== calm.node.settings.windowName)
        return sum
      const { window } = replica.reporting.acknowledged
      return sum + policy.counts(window, timeOf(fleet, node) + 2 * sliceMillis).calls
    }, 0)
    return counted < acknowledged ? `${counted} of ${acknowledged} calls are known` : undefined
  },

  "S6 without faults, a circuit opens by the counts of all nodes": (calm): Wrong => {
    const { calmFor, node, recordedFor, writtenFor } = calm
    const { policy, quorum } = node.settings
    // A rate may reach its threshold by the passing of time alone, which opens nothing.
    const isMonotonous = policyOf(calm) === "consecutive" || policyOf(calm) === "failureCount"
    if (quorum > 1 || !isMonotonous) return undefined
    if (recordedFor < calmMillis || writtenFor < calmMillis) return undefined
    // An outcome that was recorded during a fault is judged with the next one.
    if (calmFor - recordedFor < calmMillis) return undefined
    const together = windowOf(calm)
    return together !== undefined && policy.trips(together, calm.fleet.storeNow)
      ? policy.describe(together, calm.fleet.storeNow)
      : undefined
  }
} satisfies Record<string, (calm: Calm) => Wrong>

/** The policy of a node. After an upgrade, a Closed state may have been written under other rules. */
const policyOf = ({ fleet: { setup }, node: { settings } }: Calm): PolicyName => {
  const [before, after] = setup.rules
  return settingsFor(before).rulesName === settings.rulesName ? before.policy : after.policy
}

const isOverTime = (policy: PolicyName): boolean =>
  policy === "failureRate over time" || policy === "slowCallRate"

/** The common window of a Closed circuit, if this node counts in it. A window that has expired is not read. */
const windowOf = ({
  fleet,
  member: { circuit, replica },
  node: { settings },
  read,
  stored
}: Calm): unknown => {
  const window = Windows.unexpired(stored.windows[settings.windowName], fleet.storeNow)
  if (window === undefined || circuit._tag !== "Closed" || read.shared.circuit._tag !== "Closed")
    return undefined
  if (replica.standing._tag !== "InSync" || window.epoch !== Replicas.epochOf(replica, circuit))
    return undefined
  return settings.policy.gather(window.sections)
}

/** The circuits of a node for which these invariants have to hold now. */
export const calmCircuits = (fleet: Fleet, ledger: Ledger, node: VirtualNode): ReadonlyArray<Calm> => {
  const calmFor = fleet.now - ledger.calmSince
  if (calmFor < calmMillis || fleet.storeIs !== "Up" || fleet.brokenKeys.size > 0) return []
  const calm: Array<Calm> = []
  for (const member of node.members.values()) {
    if (!isFollowing(node, member)) continue
    const { read, stored } = ledger.stored(fleet, member.key)
    if (read === undefined || hasJustExpired(fleet, member.key) || !isUnder(node, read)) continue
    const writtenFor = ledger.writtenFor(fleet, member.key)
    // A node that has decided alone, because of a state under other rules, first asks the store about a later one.
    const isAlone = member.replica.standing._tag === "Diverged"
    if (isAlone && writtenFor < syncMillis + deadlineMillis) continue
    const recordedFor = fleet.storeNow - (ledger.outcomes.get(member.key)?.at(-1)?.at ?? -Infinity)
    calm.push({ fleet, ledger, node, member, stored, read, calmFor, writtenFor, recordedFor })
  }
  return calm
}
