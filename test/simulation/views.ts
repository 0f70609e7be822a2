/** Compares the circuits of nodes with the shared one, within the tolerances of clocks, messages and leases. */
import type { Circuit, Rules } from "../../src/internal/core/circuit.ts"
import * as Machine from "../../src/internal/core/circuit.ts"
import { withoutExpired } from "../../src/internal/core/replica/shared.ts"
import type { Member } from "./Fact.ts"
import type { Fleet } from "./Fleet.ts"
import type { Read } from "./Ledger.ts"
import { deadlineMillis, leaseMillis, syncMillis } from "./Setup.ts"
import type { VirtualNode } from "./VirtualNode.ts"

/** A description of what is wrong, if anything is. */
export type Wrong = string | undefined

/** The largest error of a clock offset, which an answer gives to half a round trip. */
export const clockError = deadlineMillis / 2 + 10

/** Errors to try, because slots that were taken within `clockError` expire one after the other. */
const clockErrors = [0, 1, 3, 10, clockError, -1, -3, -10, -clockError]

/** The time of two messages without a delay. */
export const messageMillis = 10

/** After this time without a fault, all nodes have exchanged all circuits, whatever they had missed. */
export const calmMillis = 2 * syncMillis + 3 * deadlineMillis

/** By then the holder of a circuit has renewed its lease, and all other nodes know it. */
export const renewedMillis = calmMillis + syncMillis

export const nameOf = ({ _tag, generation, openings }: Circuit<unknown>): string =>
  `${_tag} ${generation} (opening ${openings})`

/** A circuit at that time. */
export const standingAt = (circuit: Circuit<unknown>, rules: Rules<unknown>, now: number): Circuit<unknown> =>
  Machine.at(circuit, rules, now)

/** The time by a node's clock, also while the node is frozen. */
export const timeOf = ({ now }: Fleet, { birth }: VirtualNode): number => (now - birth.bornAt) * birth.rate

/** A node's circuit at the present time. */
export const viewOf = (fleet: Fleet, node: VirtualNode, { circuit }: Member): Circuit<unknown> =>
  standingAt(circuit, node.rules, timeOf(fleet, node))

/** Whether a node knows the circuit, receives its changes, and is writing none itself. */
export const isFollowing = (node: VirtualNode, { answeredAt, isFaulty, replica }: Member): boolean =>
  node.isListening &&
  answeredAt > -Infinity &&
  !isFaulty &&
  replica.standing._tag !== "Writing" &&
  replica.standing._tag !== "LocallyOpen"

export const isUnder = ({ settings }: VirtualNode, read: Read): boolean =>
  read.shared.circuit._tag === "Closed" || settings.rulesName === read.rulesName

export interface Following {
  readonly node: VirtualNode
  readonly member: Member
  readonly read: Read
  /** The time since the last write of the circuit. */
  readonly writtenFor: number
}

/** The difference of a node's circuit from the shared one, beyond the tolerance of clocks. */
export const differenceOf = (fleet: Fleet, following: Following): Wrong => {
  const { member, node, read } = following
  const here = viewOf(fleet, node, member)
  const there = standingAt(read.shared.circuit, node.rules, fleet.storeNow)
  if (!isHeld(read) && isAlike(here, there)) return undefined
  for (const slack of clockErrors) {
    if (isSharedAt(here, fleet, following, fleet.storeNow + slack)) return undefined
  }
  return `${node.settings.node} has ${nameOf(here)}, the store ${nameOf(seenAt(fleet, following, fleet.storeNow))}`
}

/** Whether the state of the circuit depends on leases. */
export const isHeld = ({ shared }: Read): boolean =>
  shared.circuit._tag === "Isolated" ||
  shared.circuit._tag === "Disabled" ||
  shared.circuit._tag === "HalfOpen"

/** Whether a circuit is the shared one at that time of the store, with or without the holders whose leases have expired. */
const isSharedAt = (here: Circuit<unknown>, fleet: Fleet, following: Following, now: number): boolean =>
  isAlike(here, seenAt(fleet, following, now)) || isAlike(here, livingAt(fleet, following, leaseMillis, now))

/** The shared circuit, with holders whose leases have expired so recently that a node may not know it. */
const seenAt = (fleet: Fleet, following: Following, now: number): Circuit<unknown> => {
  const { node, read, writtenFor } = following
  // An exchange during a write shows the leases of the state before it, so that the next one shows their end.
  const exchangesMillis = writtenFor < syncMillis + deadlineMillis ? 2 * syncMillis : syncMillis
  // After an outage, every node has a new lease.
  const isGranted = now - node.link.answeringSince < leaseMillis + exchangesMillis
  return isGranted
    ? standingAt(read.shared.circuit, node.rules, now)
    : livingAt(fleet, following, leaseMillis + exchangesMillis + deadlineMillis, now)
}

/** The shared circuit without those whose leases, which last so long, have ended. */
const livingAt = (
  fleet: Fleet,
  { member, node, read }: Following,
  millis: number,
  now: number
): Circuit<unknown> => {
  const { leases } = fleet.store.find(member.key, fleet.storeNow)
  return standingAt(withoutExpired(read.shared, node.rules, { leases, now }, millis).circuit, node.rules, now)
}

const isAlike = (here: Circuit<unknown>, there: Circuit<unknown>): boolean => {
  if (here._tag === "HalfOpen" && there._tag === "HalfOpen") {
    return (
      here.openings === there.openings &&
      here.slots.count === there.slots.count &&
      here.succeeded === there.succeeded &&
      here.failed === there.failed
    )
  }
  if (here._tag === "Isolated" && there._tag === "Isolated") return here.holders === there.holders
  return here._tag === there._tag && (here._tag === "Closed" || here.openings === there.openings)
}

/** Whether the stored circuit has just expired: a node that still knows it restores it with the next exchange. */
export const hasJustExpired = (fleet: Fleet, key: string): boolean => {
  const { expiresAt = Infinity } = fleet.store.circuits.get(key) ?? {}
  return fleet.storeNow >= expiresAt && fleet.storeNow < expiresAt + calmMillis
}
