import type { Decision } from "../admission.ts"
import type { Circuit } from "../circuit.ts"
import * as Machine from "../circuit.ts"
import { yearMillis } from "../millis.ts"
import { initial as noState } from "../wire/state.ts"
import type { Change, OwnHolds } from "./changes.ts"
import type { Reporting } from "./reporting.ts"
import * as Reports from "./reporting.ts"
import type { StoredCircuit } from "./shared.ts"
import { hasProbe, storedCircuit } from "./shared.ts"
import type { Settings, Situation } from "./situation.ts"
import type { Timing } from "./timing.ts"

/**
 * The protocol by which nodes share a circuit. A node is one breaker in one process. A store keeps one state of each
 * circuit, and one window in which all nodes count. This folder is a pure machine: `step` takes a node's replica, its
 * own circuit and an event, and returns the next replica, the next circuit, and commands for the driver in
 * `internal/fleet`.
 *
 * | rule | |
 * | --- | --- |
 * | S1 | Each node decides by its own circuit. While the store fails, it decides alone. |
 * | S2 | A node asks the store about a circuit before its first call. A circuit that is healthy on all nodes is idle: it is not exchanged. |
 * | S3 | A node announces a failure of an idle circuit, and the first one after a change of state. All nodes then exchange the circuit, until none has seen a failure for two intervals. |
 * | S4 | A report holds the counts since the last acknowledged one, and is repeated unchanged until it is acknowledged: each outcome counts once. |
 * | S5 | If the store has lost reports of a node, the node reports again from the latest report that the store has. |
 * | S6 | A circuit opens by the counts of all nodes. A node decides so only after it has recorded an outcome itself. |
 * | S7 | If fewer than `quorum` nodes see failures, a node that trips opens its own circuit only, and goes on reporting. |
 * | S8 | A change is written only over the state that it is based on. Otherwise it is applied again, to the newer state. |
 * | S9 | One opening counts once: a trip changes nothing in a later generation than the one in which its failures were counted. |
 * | S10 | The store grants the slots of all nodes. A probe starts only if its slot is still valid when the grant arrives. |
 * | S11 | A slot that no call of its node uses is given back. Once its node has been silent for a lease, a slot is free. |
 * | S12 | A node follows the latest state. It ignores outdated notifications, and a state that it has reached by itself is no transition. An opening that has ended on the node does not begin again when its clock offset is corrected. |
 * | S13 | A change that could not be written is written later if the store still has the state that the node knew; an opening also over a later Closed. |
 * | S14 | A state that the store has lost is restored in its generation. The first state of a circuit has a later generation than any before. |
 * | S15 | An isolation or a disabling lasts while a node that holds it is alive. A reset ends the isolations of all nodes. |
 * | S16 | Text that cannot be decoded is ignored and reported. A state under other rules is left alone. |
 * | S17 | The more nodes exchange a circuit, the less often each does; but counts stay fresh, and leases are renewed. |
 */

/**
 * A node's knowledge of a circuit that it shares, beside its own circuit.
 *
 * @internal
 */
export interface Replica {
  readonly standing: Standing
  /** The state in the store that the node's own circuit corresponds to. */
  readonly followed: StoredCircuit
  /** The generation of the shared circuit minus that of the node's own circuit. */
  readonly generationOffset: number
  /** Whether the store has never answered about this circuit. */
  readonly isUnknown: boolean
  /** The isolations and disablings by this node. */
  readonly ownHolds: OwnHolds
  /** The slots of the shared circuit that calls of this node hold. */
  readonly slots: ReadonlyArray<number>
  readonly activity: Activity
  readonly reporting: Reporting
  /** The latest outcome of this node, until the counts of all nodes have been judged with it. */
  readonly undecided: Undecided | undefined
}

/**
 * The relation of a node's own circuit to the shared one.
 *
 * @internal
 */
export type Standing =
  /** Both are the same, as far as the node knows. */
  { readonly _tag: "InSync" } | Writing | Diverged | LocallyOpen

/**
 * The node has changed its circuit, and could not write the change to the store.
 *
 * @internal
 */
export interface Diverged {
  readonly _tag: "Diverged"
  /** Whether the circuit was also reset by hand. */
  readonly isReset: boolean
}

/**
 * The node is writing changes to the store.
 *
 * @internal
 */
export interface Writing {
  readonly _tag: "Writing"
  /** The latest state that the store is known to have. */
  readonly base: StoredCircuit
  /** The changes that the store does not have yet, in order. An attempt includes the first `attempt.sent` of them. */
  readonly changes: ReadonlyArray<Change>
  /** `undefined` while the node waits for the store's state before it writes. */
  readonly attempt: Attempt | undefined
  /** Decisions on slot requests, which are answered once all changes are written. */
  readonly decisions: ReadonlyArray<SlotDecision>
}

/**
 * A compare-and-set that is under way: the first `sent` changes, applied to `basedOn`.
 *
 * @internal
 */
export interface Attempt extends Pick<StoredCircuit, "at" | "revision" | "shared"> {
  readonly basedOn: StoredCircuit
  readonly sent: number
  readonly decisions: ReadonlyArray<SlotDecision>
}

/** @internal */
export interface SlotDecision {
  readonly request: number
  readonly decision: Decision
}

/**
 * The circuit is open on this node only, because too few nodes see failures. The node keeps reporting the window that
 * tripped, which belongs to the shared generation `epoch`.
 *
 * @internal
 */
export interface LocallyOpen {
  readonly _tag: "LocallyOpen"
  readonly epoch: number
  readonly window: unknown
}

/**
 * Whether the node exchanges the circuit with the store at intervals. A circuit that is healthy on all nodes is idle,
 * and costs the store nothing.
 *
 * @internal
 */
export type Activity = { readonly _tag: "Idle" } | Exchanging

/** @internal */
export interface Exchanging {
  readonly _tag: "Exchanging"
  readonly timing: Timing
  /** When this node first found no failures on any node; infinity while there are failures. */
  readonly quietSince: number
  /** The generation for which `quietSince` holds. Other nodes may be idle in a later one. */
  readonly quietGeneration: number
  /** Whether the next exchange has to announce to the other nodes that this node sees failures. */
  readonly mustAnnounce: boolean
  /** The approximate number of nodes that exchange the circuit. */
  readonly exchangingNodes: number
}

/**
 * An outcome that has not been judged yet. It is recognized by identity, so each outcome has an object of its own.
 *
 * @internal
 */
export interface Undecided {
  readonly outcome: { readonly _tag: "Success" | "Failure" | "Ignored" }
}

/** @internal */
export const inSync: Standing = { _tag: "InSync" }

/** @internal */
export const idle: Activity = { _tag: "Idle" }

const noOwnHolds: OwnHolds = { isolations: 0, disablings: 0 }

/**
 * The replica of a circuit that the store has not been asked about.
 *
 * @internal
 */
export const initial = ({ policy, rules }: Pick<Settings, "policy" | "rules">): Replica => ({
  standing: inSync,
  followed: storedCircuit("", noState(rules), -Infinity),
  generationOffset: 0,
  isUnknown: true,
  ownHolds: noOwnHolds,
  slots: [],
  activity: idle,
  reporting: Reports.initial(0, 0, policy),
  undecided: undefined
})

/**
 * The generation of the shared circuit that the node's own circuit corresponds to.
 *
 * @internal
 */
export const epochOf = ({ generationOffset }: Replica, { generation }: Circuit<unknown>): number =>
  generation + generationOffset

/**
 * Whether the node holds a slot of the circuit, or isolates or disables it.
 *
 * @internal
 */
export const isHolder = ({ followed, ownHolds }: Replica, node: string): boolean =>
  ownHolds.isolations > 0 || ownHolds.disablings > 0 || hasProbe(followed.shared, node)

/**
 * The time for which the store has to keep the circuit: longer than its window, its opening, and the time after which
 * the backoff starts over.
 *
 * @internal
 */
export const keepMillis = (circuit: Circuit<unknown>, { idleMillis, rules }: Settings): number =>
  Math.min(idleMillis + 3 * circuit.openMillis + rules.probeTimeoutMillis, yearMillis)

/**
 * The circuit with the counts of all nodes, by which a node decides whether it opens, and the time by which its window
 * is read.
 *
 * @internal
 */
export const merged = (
  replica: Replica,
  circuit: Circuit<unknown>,
  situation: Situation
): { readonly circuit: Circuit<unknown>; readonly at: number } =>
  Reports.merged(replica.reporting, circuit, epochOf(replica, circuit), situation)

/**
 * The latest state that the store is known to have.
 *
 * @internal
 */
export const latestStored = ({ followed, standing }: Replica): StoredCircuit =>
  standing._tag === "Writing" ? standing.base : followed

/**
 * The window that a node reports, and the epoch that it belongs to; `undefined` while there is none to report.
 *
 * @internal
 */
export const countingOf = (
  replica: Replica,
  current: Circuit<unknown>
): { readonly epoch: number; readonly window: unknown } | undefined => {
  if (replica.standing._tag === "LocallyOpen") return replica.standing
  // While changes are not written, the store may give the number of this generation to the state of another node.
  if (replica.standing._tag !== "InSync") return undefined
  return Machine.isCounting(current)
    ? { epoch: epochOf(replica, current), window: current.window }
    : undefined
}

/**
 * The replica of a node that had opened its own circuit only, once that circuit has closed: it is in sync again, and
 * what it counts from now on has not been reported.
 *
 * @internal
 */
export const rejoined = (replica: Replica, current: Circuit<unknown>, { policy }: Settings): Replica =>
  replica.standing._tag === "LocallyOpen" && current._tag === "Closed"
    ? {
        ...replica,
        standing: inSync,
        generationOffset: replica.standing.epoch - current.generation,
        reporting: Reports.restarted(replica.reporting, policy)
      }
    : replica

/**
 * The replica with some properties changed; the same object if they all have these values.
 *
 * @internal
 */
export const updated = (replica: Replica, change: Partial<Replica>): Replica =>
  isSame(replica, change) ? replica : { ...replica, ...change }

const isSame = <A extends object>(stored: A, change: Partial<A>): boolean => {
  for (const name in change) if (stored[name] !== change[name]) return false
  return true
}

/**
 * Whether a replica says nothing but that the store has answered. Most circuits are healthy on all nodes, and one
 * object stands for all their replicas.
 *
 * @internal
 */
export const isHealthy = (replica: Replica, healthy: Replica): boolean => isSame(replica, healthy)
