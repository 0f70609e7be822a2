/** The invariants after every step of a fleet, under all faults. Each returns what is wrong, if anything. */
import type { CompareAndSet } from "../../src/CircuitStore.ts"
import { isCounting } from "../../src/internal/core/circuit.ts"
import * as Replicas from "../../src/internal/core/replica/replica.ts"
import type { Counts } from "../../src/internal/core/windows/window.ts"
import type { Fact } from "./Fact.ts"
import type { Fleet } from "./Fleet.ts"
import { storeEpoch } from "./Fleet.ts"
import type { Ledger, Probe, Read } from "./Ledger.ts"
import type { PolicyName } from "./Setup.ts"
import { deadlineMillis, leaseMillis, probeTimeoutMillis, withinMillis } from "./Setup.ts"
import type { VirtualNode } from "./VirtualNode.ts"
import type { Wrong } from "./views.ts"
import { calmMillis, clockError, messageMillis, isUnder, nameOf, standingAt, viewOf } from "./views.ts"

export const ofFacts = {
  "S1 a call ends once, with its own outcome or a rejection": (_fleet, ledger, _node, fact): Wrong => {
    if (fact._tag === "Started" || fact._tag === "Rejected") {
      const call = ledger.calls.get(fact.call.id)
      if (call === undefined || call.hasStarted || call.wasRejected)
        return `call ${fact.call.id} was decided twice`
    }
    if (fact._tag === "Settled") {
      const call = ledger.calls.get(fact.call.id)
      if (call === undefined || !call.hasStarted || call.hasSettled) return `call ${fact.call.id} ended twice`
    }
    return undefined
  },

  "S12 the generation grows by one with each change of state, and with nothing else": (
    _fleet,
    _ledger,
    _node,
    fact
  ): Wrong => {
    if (fact._tag !== "Changed") return undefined
    const { from, to } = fact
    const steps = to.generation - from.generation
    return (steps === 0 && to._tag === from._tag) || steps === 1
      ? undefined
      : `${from._tag} ${from.generation} became ${to._tag} ${to.generation}`
  },

  "S12 a node makes one transition of an opening, and one of a recovery": (
    _fleet,
    ledger,
    node,
    fact
  ): Wrong => {
    if (fact._tag !== "Changed" || fact.by !== "Fleet" || fact.to.generation === fact.from.generation)
      return undefined
    const { name, replica } = node.members.get(fact.key)!
    const { revision, shared } = replica.followed
    return fact.to._tag === shared.circuit._tag && revision === ledger.temporary.get(name)
      ? `${name} follows ${revision} again: ${nameOf(fact.from)} became ${nameOf(fact.to)}`
      : undefined
  },

  "S16 every node can decode the states that the others write": (fleet, _ledger, _node, fact): Wrong => {
    if (fact._tag !== "Reported") return undefined
    const isUpgrade = fleet.setup.rules[0] !== fleet.setup.rules[1]
    return isUpgrade && fact.message.includes("left alone") ? undefined : fact.message
  },

  "S12 no node rejects a call of a circuit that all nodes know to be Closed": (
    fleet,
    ledger,
    node,
    fact
  ): Wrong => {
    if (fact._tag !== "Rejected" || fact.why === "Outage" || fact.by._tag !== "Closed") return undefined
    const { key } = fact.call
    const { read } = ledger.stored(fleet, key)
    if (fleet.storeIs !== "Up" || read === undefined || tagNow(fleet, read) !== "Closed") return undefined
    const others = fleet.living.every((it) => {
      const member = it.members.get(key)
      return member === undefined || viewOf(fleet, it, member)._tag === "Closed"
    })
    return others ? `call ${fact.call.id} of ${node.settings.node} was rejected` : undefined
  },

  "S10 a node that follows an opening admits no call before its end": (fleet, ledger, node, fact): Wrong => {
    if (fact._tag !== "Started") return undefined
    const { key } = fact.call
    const { read, stored } = ledger.stored(fleet, key)
    const member = node.members.get(key)!
    const { followed, standing } = member.replica
    const circuit = read?.shared.circuit
    if (circuit?._tag !== "Open" || standing._tag !== "InSync" || followed.revision !== stored.revision)
      return undefined
    const left = circuit.openedAt + circuit.openMillis - fleet.storeNow
    return left > clockError ? `call ${fact.call.id} started ${left} ms before that` : undefined
  },

  "S10 without faults, every probe has a slot of the store": (fleet, ledger, node, fact): Wrong => {
    if (fact._tag !== "Started" || fact.isGranted || fact.slot === 0) return undefined
    const { key } = fact.call
    const isCalm =
      fleet.storeIs === "Up" && fleet.brokenKeys.size === 0 && fleet.now - ledger.calmSince > calmMillis
    const { read } = ledger.stored(fleet, key)
    const isShared = read !== undefined && isUnder(node, read) && fact.standing !== "LocallyOpen"
    return isCalm && isShared ? `call ${fact.call.id} of ${node.settings.node} has none` : undefined
  }
} satisfies Record<string, (fleet: Fleet, ledger: Ledger, node: VirtualNode, fact: Fact) => Wrong>

/** Which facts each of them is about. */
export const factsOf: Readonly<Record<keyof typeof ofFacts, ReadonlyArray<Fact["_tag"]>>> = {
  "S1 a call ends once, with its own outcome or a rejection": ["Started", "Rejected", "Settled"],
  "S12 the generation grows by one with each change of state, and with nothing else": ["Changed"],
  "S12 a node makes one transition of an opening, and one of a recovery": ["Changed"],
  "S16 every node can decode the states that the others write": ["Reported"],
  "S12 no node rejects a call of a circuit that all nodes know to be Closed": ["Rejected"],
  "S10 a node that follows an opening admits no call before its end": ["Started"],
  "S10 without faults, every probe has a slot of the store": ["Started"]
}

export interface Write {
  readonly request: CompareAndSet
  readonly before: Read
  readonly after: Read
}

export const ofWrites = {
  "S8 a revision names one state": (_fleet, ledger, { request }): Wrong => {
    const known = ledger.revisions.get(request.revision)
    ledger.revisions.set(request.revision, request.state)
    return known === undefined || known === request.state ? undefined : `${request.revision} names two`
  },

  "S14 the generation of the shared circuit never falls": (_fleet, _ledger, write): Wrong => {
    const { after, before } = circuitsOf(write)
    if (isRestored(write)) return undefined
    return after.generation < before.generation ||
      (after.generation === before.generation && after._tag !== before._tag)
      ? `${nameOf(before)} became ${nameOf(after)}`
      : undefined
  },

  "S9 one opening counts once": (fleet, ledger, write): Wrong => {
    const { after, before } = circuitsOf(write)
    if (isRestored(write) || after.openings <= before.openings) return undefined
    if (after.openings > before.openings + 1) return `${before.openings} became ${after.openings}`
    const then = standingAt(before, write.before.rules, fleet.storeNow + clockError)
    return then._tag === "Open" && !closesFirst(write, ledger)
      ? `${nameOf(before)} became ${nameOf(after)}`
      : undefined
  },

  "S10 no slot is granted before the opening has ended": (fleet, _ledger, write): Wrong => {
    const { after, before } = circuitsOf(write)
    if (isRestored(write) || before._tag !== "Open" || after._tag !== "HalfOpen") return undefined
    const left = before.openedAt + before.openMillis - fleet.storeNow
    return left > clockError ? `${left} ms were left` : undefined
  },

  "S9 a trip opens only the generation of its failures": (_fleet, ledger, write): Wrong => {
    const { after, before } = circuitsOf(write)
    if (isRestored(write) || after._tag !== "Open" || write.after.shared.reason !== "Tripped")
      return undefined
    if (before._tag !== "Closed") return undefined
    const { circuit, node } = write.request
    const tripped = ledger.trips.get(`${node} ${circuit.key}`) ?? -1
    return tripped < before.generation ? `${nameOf(before)} was opened by a trip in ${tripped}` : undefined
  },

  "S6 a circuit opens by the outcomes that its policy asks for": (_fleet, ledger, write): Wrong => {
    const { after, before } = circuitsOf(write)
    if (isRestored(write) || after._tag !== "Open" || write.after.shared.reason !== "Tripped")
      return undefined
    if (before._tag !== "Closed") return undefined
    // The failures that a node has counted alone, during a fault, may be older than the circuit's latest close.
    const wasCalm = storeEpoch + ledger.calmSince + 2 * calmMillis < before.closedAt
    const since = Math.max(
      wasCalm ? before.closedAt - 2 * clockError : -Infinity,
      isTimed(write.after.setup.policy) ? after.openedAt - withinMillis - 2 * clockError : -Infinity
    )
    const bad = (ledger.outcomes.get(write.request.circuit.key) ?? []).filter(
      ({ at, isBad }) => isBad && at >= since
    )
    const least = leastBad[write.after.setup.policy]
    return bad.length < least ? `${bad.length} bad outcomes opened it, not ${least}` : undefined
  }
} satisfies Record<string, (fleet: Fleet, ledger: Ledger, write: Write) => Wrong>

const leastBad: Readonly<Record<PolicyName, number>> = {
  consecutive: 3,
  failureCount: 3,
  "failureRate over time": 2,
  "failureRate over calls": 2,
  slowCallRate: 2,
  anyOf: 2,
  allOf: 2
}

const isTimed = (policy: PolicyName): boolean =>
  policy !== "consecutive" && policy !== "failureRate over calls" && policy !== "anyOf"

const circuitsOf = ({ after, before }: Write) => ({
  after: after.shared.circuit,
  before: before.shared.circuit
})

/**
 * Whether the write also has a hold that has ended the opening before, and its release, so that the trip is by later
 * failures. They are three changes of state at least, and a node may write them at once.
 */
const closesFirst = ({ after, before, request: { circuit, node } }: Write, { trips }: Ledger): boolean => {
  const { generation } = after.shared.circuit
  return (
    generation >= before.shared.circuit.generation + 3 &&
    trips.get(`${node} ${circuit.key}`) === generation - 1
  )
}

const isRestored = ({ after, before }: Write): boolean => after.shared.restoredAt !== before.shared.restoredAt

export const ofWindows = {
  "S4 an outcome is counted at most once": (fleet, ledger, key): Wrong => {
    const { stored } = ledger.stored(fleet, key)
    for (const [name, { epoch, sections }] of Object.entries(stored.windows)) {
      const recorded = ledger.recordedIn(key, name, epoch)
      for (const { rows } of sections) {
        let [calls, failures, slow] = [0, 0, 0]
        for (const row of rows) {
          calls += row[1]
          failures += row[2]
          slow += row[3]
        }
        const wrong = excess({ calls, failures, slow }, recorded)
        if (wrong !== undefined) return `${wrong} in epoch ${epoch}`
      }
    }
    return undefined
  }
} satisfies Record<string, (fleet: Fleet, ledger: Ledger, key: string) => Wrong>

/** The invariants of a node's circuit after an answer. */
export const ofAnswers = {
  "S4 the merged counts of a node hold no outcome twice": (ledger, node, key): Wrong => {
    const { circuit, replica } = node.members.get(key)!
    if (!isCounting(circuit)) return undefined
    const epoch = Replicas.epochOf(replica, circuit)
    const merged = Replicas.merged(replica, circuit, node.situation())
    if (!isCounting(merged.circuit)) return undefined
    const counts = node.rules.policy.counts(merged.circuit.window, merged.at)
    return excess(counts, ledger.recordedIn(key, node.settings.windowName, epoch))
  }
} satisfies Record<string, (ledger: Ledger, node: VirtualNode, key: string) => Wrong>

const excess = (counts: Counts, recorded: Counts): Wrong =>
  counts.calls > recorded.calls || counts.failures > recorded.failures || counts.slow > recorded.slow
    ? `${JSON.stringify(counts)} of ${JSON.stringify(recorded)}`
    : undefined

export const ofMoments = {
  "S10 no more than `probes` probes run or have succeeded while leases hold": (fleet, ledger): Wrong => {
    if (ledger.probes.size === 0) return undefined
    for (const probe of ledger.probes.values()) noteLoss(fleet, probe)
    for (const key of fleet.keys) {
      const { read } = ledger.stored(fleet, key)
      const circuit = read?.shared.circuit
      if (circuit?._tag !== "HalfOpen") continue
      let running = 0
      for (const it of ledger.probes.values()) {
        if (it.key === key && it.generation === circuit.generation && !it.isLost) running++
      }
      if (running + circuit.succeeded > read!.rules.probes)
        return `${running} run and ${circuit.succeeded} have succeeded`
    }
    return undefined
  },

  "S1 a call waits for the store no longer than three deadlines": (fleet, ledger): Wrong => {
    for (const call of ledger.calls.values()) {
      // They lie in the order in which they began: all later ones have waited less.
      if (fleet.now - call.beganAt <= longestWaitMillis) return undefined
      if (call.hasStarted || call.wasRejected || !call.isCall) continue
      const since = Math.max(call.beganAt, ledger.frozenUntil[call.node] ?? 0)
      if (fleet.now - since > longestWaitMillis) return `call ${call.id} still waits`
    }
    return undefined
  },

  "S12 a node never follows an older state": (_fleet, ledger, node): Wrong => {
    if (node === undefined) return undefined
    for (const { name, replica } of node.members.values()) {
      const known = ledger.followed.get(name) ?? 0
      const { isPartial, shared } = replica.followed
      const { generation } = shared.circuit
      // A part that it has left out may be followed later.
      const next = isPartial ? 0 : generation
      if (next !== known) ledger.followed.set(name, next)
      if (generation > 0 && generation < known && ledger.keptSince === 0)
        return `${name} knew ${known}, and follows ${generation}`
    }
    return undefined
  },

  "S15 a circuit stays isolated or disabled on a process that holds it": (fleet, ledger): Wrong => {
    for (const node of fleet.living) {
      for (const { key, kind } of node.holds) {
        const tag = node.members.get(key)!.circuit._tag
        if (kind === "Isolation" && (tag === "Isolated" || ledger.latestResets.has(key))) continue
        if (kind === "Disabling" && (tag === "Isolated" || tag === "Disabled")) continue
        return `${key} is ${tag} at ${node.settings.node}`
      }
    }
    return undefined
  }
} satisfies Record<string, (fleet: Fleet, ledger: Ledger, node: VirtualNode | undefined) => Wrong>

/** The time of two exchanges, after that of the first request about the circuit. */
const longestWaitMillis = 3 * deadlineMillis + messageMillis

/** A slot may be granted to another call as soon as its lease has expired. */
const noteLoss = (fleet: Fleet, probe: Probe): void => {
  const { leases } = fleet.store.find(probe.key, fleet.storeNow)
  const lease = leases.find(({ node }) => node === probe.node)
  const isLeased = lease !== undefined && fleet.storeNow - lease.at < leaseMillis - clockError
  if (!isLeased || fleet.storeNow - probe.takenAt >= probeTimeoutMillis - clockError) probe.isLost = true
}

const tagNow = (fleet: Fleet, { rules, shared }: Read): string =>
  standingAt(shared.circuit, rules, fleet.storeNow)._tag
