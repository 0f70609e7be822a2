import type { Exchanging, Replica } from "./replica.ts"
import { idle, isHolder } from "./replica.ts"
import type { Settings } from "./situation.ts"
import * as Timings from "./timing.ts"

// Whether, and how often, a node exchanges a circuit with the store.

/** @internal */
export const isExchanging = ({ activity }: Replica): boolean => activity._tag === "Exchanging"

/**
 * When the circuit is exchanged next; infinity if it is idle.
 *
 * @internal
 */
export const dueAt = (replica: Replica, settings: Settings): number =>
  replica.activity._tag === "Idle"
    ? Infinity
    : Timings.dueAt(replica.activity.timing, intervalMillis(replica, settings))

/**
 * The interval at which a node exchanges a circuit. It grows with the number of nodes, so that the store's load does
 * not. It stays short enough for fresh counts, and for a node that has a lease to renew.
 *
 * @internal
 */
export const intervalMillis = (replica: Replica, { node, staleMillis, syncMillis }: Settings): number => {
  const nodes = replica.activity._tag === "Idle" ? 0 : replica.activity.exchangingNodes
  const stretched = Math.min((syncMillis * nodes) / nodesAtFullRate, staleMillis)
  return isHolder(replica, node) ? syncMillis : Math.max(syncMillis, stretched)
}

/** Up to this number of nodes, each exchanges a circuit once per `syncMillis`. */
const nodesAtFullRate = 50

/**
 * Exchanges the circuit from now on, for the first time at once. A circuit that is exchanged already stays as it is.
 *
 * @internal
 */
export const startExchanging = (replica: Replica): Replica =>
  isExchanging(replica) ? replica : exchangeSoon(replica)

/**
 * Exchanges the circuit from now on, next at `at`, or as soon as its token bucket allows.
 *
 * @internal
 */
export const exchangeSoon = (replica: Replica, at: number = -Infinity): Replica => {
  const { activity } = replica
  if (activity._tag === "Idle") {
    return { ...replica, activity: { ...newlyExchanging, timing: Timings.startingAt(at) } }
  }
  const timing = Timings.request(activity.timing, at)
  return timing === activity.timing ? replica : { ...replica, activity: { ...activity, timing } }
}

const newlyExchanging: Exchanging = {
  _tag: "Exchanging",
  timing: Timings.startingAt(-Infinity),
  quietSince: -Infinity,
  quietGeneration: NaN,
  mustAnnounce: false,
  exchangingNodes: 0
}

/**
 * The replica with its exchange changed; an idle one stays as it is. The properties are written out, which is faster than
 * two spreads, because each exchange comes here several times.
 *
 * @internal
 */
export const updateExchanging = (replica: Replica, change: Partial<Omit<Exchanging, "_tag">>): Replica => {
  const { activity } = replica
  if (activity._tag === "Idle") return replica
  const exchanging: Exchanging = {
    _tag: "Exchanging",
    timing: change.timing ?? activity.timing,
    quietSince: change.quietSince ?? activity.quietSince,
    quietGeneration: change.quietGeneration ?? activity.quietGeneration,
    mustAnnounce: change.mustAnnounce ?? activity.mustAnnounce,
    exchangingNodes: change.exchangingNodes ?? activity.exchangingNodes
  }
  return { ...replica, activity: exchanging }
}

/**
 * The replica after an exchange at `now`, which uses a token.
 *
 * @internal
 */
export const exchangedNow = (replica: Replica, now: number, settings: Settings): Replica =>
  replica.activity._tag === "Idle"
    ? replica
    : updateExchanging(replica, {
        timing: Timings.exchanged(replica.activity.timing, now, intervalMillis(replica, settings))
      })

/** @internal */
export const stopExchanging = (replica: Replica): Replica => ({
  ...replica,
  activity: idle,
  reporting: { ...replica.reporting, answer: undefined }
})
