import type { Circuit, Decision } from "../circuit.ts"
import * as Machine from "../circuit.ts"
import { yearMillis } from "../millis.ts"
import type { Holdings } from "../wire.ts"
import type { Change, Kept } from "./changes.ts"
import * as Pace from "./pace.ts"
import type { Reporting } from "./reporting.ts"
import * as Reports from "./reporting.ts"
import type { Known } from "./shared.ts"
import type { Settings, Situation } from "./situation.ts"

/**
 * How nodes share a circuit. A node is one breaker of one process; a store keeps one state of the circuit and one window
 * in which all nodes count. Nothing here waits, reads a clock or calls anybody: each step takes what a node knows, its own
 * circuit and an event, and returns both and what is to be done.
 *
 * | rule | |
 * | --- | --- |
 * | S1 | Each node decides by its own circuit, and by itself alone while the store fails. |
 * | S2 | A circuit is asked about before its first use. One that is healthy everywhere then rests: it is not exchanged. |
 * | S3 | A failure is announced to nodes that rest. All then exchange the circuit, until no node has seen a failure for two intervals. |
 * | S4 | A report says what is new since the last one, and is sent again as it was until it is acknowledged: each outcome counts once. |
 * | S5 | What the store has lost of a node's reports is reported again, from the latest report that it knows. |
 * | S6 | A circuit opens by what all nodes count, decided by a node that has recorded an outcome since it last decided. |
 * | S7 | Where fewer than `quorum` nodes see failures, a node that trips opens for itself, and goes on to report. |
 * | S8 | A change is written only over the state that it was made of; otherwise it is made again of the newer one. |
 * | S9 | One opening counts once: a trip changes nothing in a later generation than that in which its failures were counted. |
 * | S10 | The store grants the slots of all nodes. A probe starts if its slot is still its own when the grant arrives. |
 * | S11 | A slot that no call of its node uses is given back. After a lease without a word of its node, it is free. |
 * | S12 | A node follows the latest state. What comes late is no news, and what has come to the same here is no transition. |
 * | S13 | What a node has changed while the store could not be told is written when it can: over the state that the node knew, and an opening also over Closed. |
 * | S14 | A state that the store has lost is given back in its generation. The first state of a circuit has a later generation than any before. |
 * | S15 | An isolation, or disabling, lasts while a node that holds it lives. A reset ends the isolations of all nodes. |
 * | S16 | What cannot be read is not used, and reported. A state under other rules is left alone. |
 * | S17 | The more nodes exchange a circuit, the less often each does; but counts stay fresh, and leases are renewed. |
 */

/**
 * What a node knows of a circuit that it shares, beside the circuit itself, which it also has when it knows nothing.
 *
 * @internal
 */
export interface Replica {
  readonly standing: Standing
  /** The shared circuit that the node's own circuit stands for. */
  readonly followed: Known
  /** By how much the generation of the shared circuit is ahead of that of the node's own. */
  readonly offset: number
  /** Whether the store has never answered about it. */
  readonly isUnknown: boolean
  /** How often this node isolates and disables the circuit. */
  readonly kept: Kept
  /** The slots of the shared circuit that calls of this node hold. */
  readonly slots: ReadonlyArray<number>
  readonly attention: Attention
  readonly reporting: Reporting
  /** The latest outcome, until it has been judged by what all nodes count. */
  readonly undecided: Undecided | undefined
}

/**
 * How a node's own circuit stands to the shared one.
 *
 * @internal
 */
export type Standing =
  /** It is the shared one, as far as the node knows. */
  { readonly _tag: "InStep" } | Writing | Diverged | Alone

/**
 * The node has changed the circuit, and the store could not be told.
 *
 * @internal
 */
export interface Diverged {
  readonly _tag: "Diverged"
  /** Whether it was also reset by hand. */
  readonly isReset: boolean
}

/**
 * Changes of this node are on their way to the store: those of an attempt, if one has been made, and later ones.
 *
 * @internal
 */
export interface Writing {
  readonly _tag: "Writing"
  /** The latest that is known of what the store keeps. */
  readonly base: Known
  readonly changes: ReadonlyArray<Change>
  /** None while the store is asked first how the circuit stands. */
  readonly attempt: Attempt | undefined
  /** The decisions on calls that asked for a slot and still wait. */
  readonly decisions: ReadonlyArray<SlotDecision>
}

/**
 * A write of the first `sent` changes, made of the state that was known then.
 *
 * @internal
 */
export interface Attempt extends Known {
  readonly madeOf: Known
  readonly sent: number
  readonly decisions: ReadonlyArray<SlotDecision>
}

/** @internal */
export interface SlotDecision {
  readonly request: number
  readonly decision: Decision
}

/**
 * The circuit is open for this node only, because too few nodes see failures. It goes on to report what it counted.
 *
 * @internal
 */
export interface Alone {
  readonly _tag: "Alone"
  readonly epoch: number
  readonly window: unknown
}

/**
 * Whether the circuit is exchanged. One that is healthy everywhere rests: it costs the store nothing.
 *
 * @internal
 */
export type Attention = { readonly _tag: "Resting" } | Exchanging

/** @internal */
export interface Exchanging {
  readonly _tag: "Exchanging"
  readonly pace: Pace.Pace
  /**
   * Since when no node has reported failures, and the generation in which that is so. Infinity is not yet: others know of
   * failures, too.
   */
  readonly quietSince: number
  readonly quietIn: number
  /** Whether the others do not know yet that this node sees failures. */
  readonly announces: boolean
  /** About how many nodes exchange the circuit. */
  readonly crowd: number
}

/**
 * An outcome that is still to be judged. Each is another object.
 *
 * @internal
 */
export interface Undecided {
  readonly outcome: { readonly _tag: "Success" | "Failure" | "Ignored" }
}

const inStep: Standing = { _tag: "InStep" }
const resting: Attention = { _tag: "Resting" }
const keptByNobody: Kept = { isolations: 0, disables: 0 }

/**
 * The replica of a circuit of which nothing is known yet.
 *
 * @internal
 */
export const initial = (followed: Known, policy: Settings["policy"]): Replica => ({
  standing: inStep,
  followed,
  offset: 0,
  isUnknown: true,
  kept: keptByNobody,
  slots: [],
  attention: resting,
  reporting: Reports.begun(0, 0, policy),
  undecided: undefined
})

/**
 * The generation of the shared circuit that a circuit of the node stands for.
 *
 * @internal
 */
export const epochOf = ({ offset }: Replica, { generation }: Circuit<unknown>): number => generation + offset

/**
 * Whether calls and successes concern the sharing of the circuit.
 *
 * @internal
 */
export const isExchanging = ({ attention }: Replica): boolean => attention._tag === "Exchanging"

/**
 * When the circuit is to be exchanged next; infinity where it rests.
 *
 * @internal
 */
export const dueAt = (replica: Replica, settings: Settings): number =>
  replica.attention._tag === "Resting"
    ? Infinity
    : Pace.dueAt(replica.attention.pace, intervalMillis(replica, settings))

/**
 * How often a circuit is exchanged. Where there are many nodes, each exchanges it less often, so that what it costs the
 * store does not grow with their number. But counts have to be fresh, and a node that holds something renews its lease.
 *
 * @internal
 */
export const intervalMillis = (replica: Replica, { node, staleMillis, syncMillis }: Settings): number => {
  const crowd = replica.attention._tag === "Resting" ? 0 : replica.attention.crowd
  const stretched = Math.min((syncMillis * crowd) / manyNodes, staleMillis)
  return isHolder(replica, node) ? syncMillis : Math.max(syncMillis, stretched)
}

/** So many nodes may exchange a circuit once an interval each. */
const manyNodes = 50

/**
 * Whether the node has a slot of the circuit, or isolates or disables it.
 *
 * @internal
 */
export const isHolder = ({ followed, kept }: Replica, node: string): boolean =>
  kept.isolations > 0 || kept.disables > 0 || Object.values(followed.shared.probers).includes(node)

/**
 * For how long the store has to keep the circuit: longer than its window, its opening, and the time after which the backoff
 * starts over.
 *
 * @internal
 */
export const keepMillis = (circuit: Circuit<unknown>, { idleMillis, rules }: Settings): number =>
  Math.min(idleMillis + 3 * circuit.openMillis + rules.probeTimeoutMillis, yearMillis)

/**
 * The circuit by which to decide whether it opens, with what all nodes count, and the time by which its window goes.
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
 * The latest that is known of what the store keeps.
 *
 * @internal
 */
export const latestOf = ({ followed, standing }: Replica): Known =>
  standing._tag === "Writing" ? standing.base : followed

/**
 * The window in which a node counts, and the epoch that it belongs to; none while the circuit counts nothing.
 *
 * @internal
 */
export const countingOf = (
  replica: Replica,
  here: Circuit<unknown>
): { readonly epoch: number; readonly window: unknown } | undefined => {
  if (replica.standing._tag === "Alone") return replica.standing
  // A generation that this node has made may be another one to the store.
  if (replica.standing._tag !== "InStep") return undefined
  return Reports.isCounting(here) ? { epoch: epochOf(replica, here), window: here.window } : undefined
}

/**
 * A node that has opened for itself only is in step again once its circuit has closed: what it counts from then on is new.
 *
 * @internal
 */
export const healed = (replica: Replica, here: Circuit<unknown>, { policy }: Settings): Replica =>
  replica.standing._tag === "Alone" && here._tag === "Closed"
    ? {
        ...replica,
        standing: inStep,
        offset: replica.standing.epoch - here.generation,
        reporting: Reports.renewed(replica.reporting, policy)
      }
    : replica

/**
 * Has the circuit exchanged from now on, and soon, because there is news of it.
 *
 * @internal
 */
export const hurried = (replica: Replica, at: number = -Infinity): Replica => {
  const { attention } = replica
  if (attention._tag === "Resting") {
    return { ...replica, attention: { ...newlyExchanging, pace: Pace.startingAt(at) } }
  }
  const pace = Pace.hurry(attention.pace, at)
  return pace === attention.pace ? replica : { ...replica, attention: { ...attention, pace } }
}

const newlyExchanging: Exchanging = {
  _tag: "Exchanging",
  pace: Pace.startingAt(-Infinity),
  quietSince: -Infinity,
  quietIn: NaN,
  announces: false,
  crowd: 0
}

/**
 * Has the circuit exchanged from now on, for the first time at once.
 *
 * @internal
 */
export const attended = (replica: Replica): Replica => (isExchanging(replica) ? replica : hurried(replica))

/**
 * The replica of a circuit that is exchanged, with some of what it knows about that changed.
 *
 * @internal
 */
export const attending = (replica: Replica, change: Partial<Omit<Exchanging, "_tag">>): Replica =>
  replica.attention._tag === "Resting"
    ? replica
    : { ...replica, attention: { ...replica.attention, ...change } }

/**
 * The replica of a circuit that is exchanged now.
 *
 * @internal
 */
export const paced = (replica: Replica, now: number, settings: Settings): Replica =>
  replica.attention._tag === "Resting"
    ? replica
    : attending(replica, {
        pace: Pace.exchanged(replica.attention.pace, now, intervalMillis(replica, settings))
      })

/** @internal */
export const rested = (replica: Replica): Replica => ({
  ...replica,
  attention: resting,
  reporting: { ...replica.reporting, answer: undefined }
})

/**
 * A step of a node: what it knows and its own circuit after it, and what is to be done.
 *
 * @internal
 */
export interface Stepped {
  readonly replica: Replica
  readonly circuit: Circuit<unknown>
  readonly commands: ReadonlyArray<Command>
}

/** @internal */
export type Command =
  /** The circuit takes its next value; a new generation is a transition. */
  | {
      readonly _tag: "Change"
      readonly circuit: Circuit<unknown>
      readonly reason: Holdings["reason"]
      readonly origin: "Local" | "Fleet"
    }
  /** The circuit has to open; how long that lasts is the breaker's to know. */
  | {
      readonly _tag: "Open"
      readonly figures: string
      readonly now: number
      readonly outcome: Undecided["outcome"]
    }
  /** The store is to be asked at once. */
  | { readonly _tag: "Exchange" }
  | WriteCommand
  /** A call that asked for a slot is answered: `undefined` lets the node decide by itself. */
  | { readonly _tag: "Answer"; readonly request: number; readonly decision: Decision | undefined }
  /** What the store keeps cannot be used. */
  | { readonly _tag: "Report"; readonly message: string }

/** @internal */
export interface WriteCommand {
  readonly _tag: "Write"
  readonly expected: string
  readonly revision: string
  readonly state: string
  readonly renew: boolean
  readonly keepMillis: number
}

/** @internal */
export const stepped = (
  replica: Replica,
  circuit: Circuit<unknown>,
  commands: ReadonlyArray<Command> = []
): Stepped => ({ replica, circuit, commands })

/**
 * The step with some of what the node knows changed: the same where nothing is.
 *
 * @internal
 */
export const know = (step: Stepped, change: Partial<Replica>): Stepped =>
  isSame(step.replica, change) ? step : { ...step, replica: { ...step.replica, ...change } }

const isSame = (replica: Replica, change: Partial<Replica>): boolean =>
  Object.entries(change).every(([name, value]) => replica[name as keyof Replica] === value)

/**
 * Whether nothing is known of a circuit but that the store has answered: it is healthy everywhere. Most circuits are, and
 * one object stands for all of them.
 *
 * @internal
 */
export const isHealthy = (replica: Replica, unknown: Replica): boolean =>
  !replica.isUnknown && isSame(replica, { ...unknown, isUnknown: false })

/** @internal */
export const commanding = (step: Stepped, ...commands: ReadonlyArray<Command>): Stepped =>
  commands.length === 0 ? step : { ...step, commands: [...step.commands, ...commands] }

/**
 * The circuit of a step as it stands now.
 *
 * @internal
 */
export const standingNow = ({ circuit }: Stepped, { now, settings }: Situation): Circuit<unknown> =>
  Machine.at(circuit, settings.rules, now)

/** @internal */
export const toStanding = (step: Stepped, standing: Standing): Stepped => know(step, { standing })

/** @internal */
export { inStep }
