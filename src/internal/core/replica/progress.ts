import type { Decision } from "../admission.ts"
import type { Circuit } from "../circuit.ts"
import * as Machine from "../circuit.ts"
import type { Holdings } from "../wire/state.ts"
import type { Replica, Standing, Undecided } from "./replica.ts"
import { updated } from "./replica.ts"
import type { Situation } from "./situation.ts"

/**
 * The result of a step, and of its parts: a node's replica and its own circuit, and commands for the driver.
 *
 * @internal
 */
export interface Progress {
  readonly replica: Replica
  readonly circuit: Circuit<unknown>
  readonly commands: ReadonlyArray<Command>
}

/** @internal */
export type Command =
  /** Replace the node's own circuit. A new generation is a transition. */
  | {
      readonly _tag: "Change"
      readonly circuit: Circuit<unknown>
      readonly reason: Holdings["reason"]
      readonly origin: "Local" | "Fleet"
    }
  /** Open the circuit. The breaker knows how long an opening lasts. */
  | {
      readonly _tag: "Open"
      readonly figures: string
      readonly now: number
      readonly outcome: Undecided["outcome"]
    }
  /** Ask the store about the circuit at once. */
  | { readonly _tag: "Exchange" }
  | WriteCommand
  /** Answer a slot request. With `undefined`, the node's own circuit decides. */
  | { readonly _tag: "Answer"; readonly request: number; readonly decision: Decision | undefined }
  /** Report that the store has content that cannot be used. */
  | { readonly _tag: "Report"; readonly message: string }

/**
 * Replace the state in the store by compare-and-set.
 *
 * @internal
 */
export interface WriteCommand {
  readonly _tag: "Write"
  readonly expected: string
  readonly revision: string
  readonly state: string
  readonly renew: boolean
  readonly keepMillis: number
}

/**
 * Makes all objects of this type, so that the engine takes them for one kind: spreads in many places make the steps slower.
 *
 * @internal
 */
export const make = (
  replica: Replica,
  circuit: Circuit<unknown>,
  commands: ReadonlyArray<Command> = []
): Progress => ({ replica, circuit, commands })

/** @internal */
export const withReplica = (progress: Progress, replica: Replica): Progress =>
  replica === progress.replica ? progress : make(replica, progress.circuit, progress.commands)

/**
 * The progress with another circuit, and the command that changes it; the same object if it is the same circuit.
 *
 * @internal
 */
export const withChangedCircuit = (
  progress: Progress,
  circuit: Circuit<unknown>,
  reason: Holdings["reason"],
  origin: "Local" | "Fleet"
): Progress =>
  circuit === progress.circuit
    ? progress
    : make(progress.replica, circuit, [...progress.commands, { _tag: "Change", circuit, reason, origin }])

/**
 * The same for a change that is not an opening, and that this node makes itself.
 *
 * @internal
 */
export const withOwnCircuit = (progress: Progress, circuit: Circuit<unknown>): Progress =>
  withChangedCircuit(progress, circuit, "Manual", "Local")

/**
 * The progress with some properties of the replica changed.
 *
 * @internal
 */
export const withUpdate = (progress: Progress, change: Partial<Replica>): Progress =>
  withReplica(progress, updated(progress.replica, change))

/** @internal */
export const withStanding = (progress: Progress, standing: Standing): Progress =>
  withReplica(progress, { ...progress.replica, standing })

/** @internal */
export const withCommands = (progress: Progress, ...commands: ReadonlyArray<Command>): Progress =>
  commands.length === 0
    ? progress
    : make(progress.replica, progress.circuit, [...progress.commands, ...commands])

/**
 * The node's own circuit as it is at the time of the step.
 *
 * @internal
 */
export const currentCircuit = ({ circuit }: Progress, { now, settings }: Situation): Circuit<unknown> =>
  Machine.at(circuit, settings.rules, now)
