/** How the circuits of nodes compare with the shared one, as far as clocks, messages and leases allow. */
import type { Circuit, Rules } from "../../src/internal/core/circuit.ts"
import * as Machine from "../../src/internal/core/circuit.ts"
import { withoutExpired } from "../../src/internal/core/replica/shared.ts"
import type { Member } from "./Fact.ts"
import type { Fleet } from "./Fleet.ts"
import type { Read } from "./Ledger.ts"
import { deadlineMillis, leaseMillis, syncMillis } from "./Setup.ts"
import type { VirtualNode } from "./VirtualNode.ts"

/** What is wrong; nothing where all is well. */
export type Wrong = string | undefined

/** By how much a node may be wrong about the store's clock: an answer tells it to half a round trip. */
export const clockError = deadlineMillis / 2 + 10

/** Slots that were taken within it end one after the other. */
const clockErrors = [0, 1, 3, 10, clockError, -1, -3, -10, -clockError]

/** How long a message takes, and one more, if nothing delays it. */
export const messageMillis = 10

/** After so long without a fault, all nodes have asked, and been answered, whatever they had missed. */
export const calmMillis = 2 * syncMillis + 3 * deadlineMillis

/** The holder of a circuit has renewed its lease by then, and all others have seen that it did. */
export const renewedMillis = calmMillis + syncMillis

export const nameOf = ({ _tag, generation, openings }: Circuit<unknown>): string =>
  `${_tag} ${generation} (opening ${openings})`

/** A circuit as it stands then. */
export const standingAt = (circuit: Circuit<unknown>, rules: Rules<unknown>, now: number): Circuit<unknown> =>
  Machine.at(circuit, rules, now)

/** The time by a node's clock, which may have done nothing for a while. */
export const timeOf = ({ now }: Fleet, { birth }: VirtualNode): number => (now - birth.bornAt) * birth.rate

/** A node's circuit as it stands now. */
export const viewOf = (fleet: Fleet, node: VirtualNode, { circuit }: Member): Circuit<unknown> =>
  standingAt(circuit, node.rules, timeOf(fleet, node))

/** Whether a node knows the circuit, hears of its changes and makes none itself. */
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
}

/** In what a node's circuit differs from the shared one, beyond what clocks may. */
export const differenceOf = (fleet: Fleet, following: Following): Wrong => {
  const { member, node, read } = following
  const here = viewOf(fleet, node, member)
  const there = standingAt(read.shared.circuit, node.rules, fleet.storeNow)
  if (!isHeld(read) && isAlike(here, there)) return undefined
  const views = clockErrors.flatMap((slack) => sharedAt(fleet, following, fleet.storeNow + slack))
  return views.some((it) => isAlike(here, it))
    ? undefined
    : `${node.settings.node} has ${nameOf(here)}, the store ${nameOf(views[0]!)}`
}

/** Whether leases decide how the circuit stands. */
export const isHeld = ({ shared }: Read): boolean =>
  shared.circuit._tag === "Isolated" ||
  shared.circuit._tag === "Disabled" ||
  shared.circuit._tag === "HalfOpen"

/** The shared circuit at that time of the store: without those whose leases have ended, which a node may not know yet. */
const sharedAt = (
  fleet: Fleet,
  { member, node, read }: Following,
  now: number
): ReadonlyArray<Circuit<unknown>> => {
  const { leases } = fleet.store.find(member.key, fleet.storeNow)
  const living = (millis: number) => withoutExpired(read.shared, node.rules, { leases, now }, millis).circuit
  // After an outage, everybody has a lease.
  const isGranted = now - node.link.answeringSince < leaseMillis + syncMillis
  const seen = isGranted ? read.shared.circuit : living(leaseMillis + syncMillis + deadlineMillis)
  return [seen, living(leaseMillis)].map((circuit) => standingAt(circuit, node.rules, now))
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

/** What expires while somebody still knows it is given back with the next exchange. */
export const hasJustExpired = (fleet: Fleet, key: string): boolean => {
  const { expiresAt = Infinity } = fleet.store.circuits.get(key) ?? {}
  return fleet.storeNow >= expiresAt && fleet.storeNow < expiresAt + calmMillis
}
