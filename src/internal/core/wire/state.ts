import type { Circuit, HalfOpen, OpenReason, Recovering, Rules } from "../circuit.ts"
import * as Machine from "../circuit.ts"
import * as Slots from "../slots.ts"
import type { Fields } from "./values.ts"
import { isCount, isPositive, isRecord, isFiniteNumber, latestGeneration, shown } from "./values.ts"

/**
 * Encodes and decodes the texts in which processes share the state of a circuit. Another process, another version or
 * another program may have written a text, so decoding checks it, and clamps it to what the rules of this process
 * allow.
 */

/**
 * The shared form of a circuit: its state without the window, in the store's time, and the nodes that hold its slots,
 * isolate it or disable it.
 *
 * @internal
 */
export interface SharedCircuit extends Holdings {
  readonly circuit: Circuit<unknown>
  /** The time at which a node restored the circuit in a store that had lost it. */
  readonly restoredAt: number
}

/**
 * The part of a shared circuit that a circuit of one process does not have.
 *
 * @internal
 */
export interface Holdings {
  /** The reason of the latest opening. */
  readonly reason: OpenReason
  /** The node that holds each slot, by the slot's id. */
  readonly probers: Readonly<Record<string, string>>
  /** The number of isolations of each node. */
  readonly isolators: Holds
  /** The number of disablings of each node. */
  readonly disablers: Holds
  /** The number of resets by hand, each of which ends all isolations. */
  readonly resets: number
}

/** @internal */
export type Holds = Readonly<Record<string, number>>

/**
 * The inputs of decoding: the rules of this process, a text that is the same for equal rules, the longest opening that
 * is allowed, and the store's time.
 *
 * @internal
 */
export interface Reader {
  readonly rules: Rules<unknown>
  readonly rulesName: string
  readonly longestOpenMillis: number
  readonly now: number
}

/**
 * The result of decoding: a state; a state under the rules of other processes, which is left alone; or an invalid text,
 * which is overwritten.
 *
 * @internal
 */
export type Decoded =
  | { readonly _tag: "State"; readonly state: SharedCircuit }
  | { readonly _tag: "OtherRules"; readonly why: string; readonly state: SharedCircuit }
  | { readonly _tag: "Invalid"; readonly why: string }

const version = 1

/**
 * A circuit that has no state in the store.
 *
 * @internal
 */
export const initial = (rules: Rules<unknown>): SharedCircuit =>
  sharedOf(Machine.initial(rules.policy), noHoldings, -Infinity)

const sharedOf = (
  circuit: Circuit<unknown>,
  { disablers, isolators, probers, reason, resets }: Holdings,
  restoredAt: number
): SharedCircuit => ({ circuit, reason, probers, isolators, disablers, resets, restoredAt })

/**
 * The holdings of most circuits, which no node holds.
 *
 * @internal
 */
export const noHoldings: Holdings = {
  reason: "Manual",
  probers: {},
  isolators: {},
  disablers: {},
  resets: 0
}

/**
 * The holdings of a shared circuit, without its state.
 *
 * @internal
 */
export const holdingsOf = ({ disablers, isolators, probers, reason, resets }: SharedCircuit): Holdings =>
  reason === "Manual" && resets === 0 && isEmpty(probers) && isEmpty(isolators) && isEmpty(disablers)
    ? noHoldings
    : { reason, probers, isolators, disablers, resets }

const isEmpty = (record: object): boolean => {
  for (const _ in record) return false
  return true
}

/** @internal */
export const encode = (shared: SharedCircuit, rulesName: string): string => {
  const { disablers, isolators, probers, reason, resets, restoredAt } = shared
  const circuit = { ...shared.circuit, window: undefined }
  // JSON turns an infinite `restoredAt` into `null`, which is decoded as `-Infinity`.
  return JSON.stringify({
    version,
    policy: rulesName,
    circuit,
    reason,
    probers,
    isolators,
    disablers,
    resets,
    restoredAt
  })
}

/** @internal */
export const decode = (text: string, reader: Reader): Decoded => {
  if (text === "") return { _tag: "State", state: initial(reader.rules) }
  const read = parsed(text)
  if (!isRecord(read)) return invalid("it is no object")
  if (read["version"] !== version) return invalid(`its version is ${shown(read["version"])}, not ${version}`)
  const circuit = decodeCircuit(read["circuit"], reader)
  if (typeof circuit === "string") return invalid(circuit)
  const { restoredAt } = read
  const restored = isFiniteNumber(restoredAt) ? Math.min(restoredAt, reader.now) : -Infinity
  const state = sharedOf(circuit, decodeHoldings(read), restored)
  if (read["policy"] === reader.rulesName || circuit._tag === "Closed") return { _tag: "State", state }
  const otherRules = shown(read["policy"])
  const why = `it is ${circuit._tag} under the rules ${otherRules}, those of this breaker are ${reader.rulesName}`
  return { _tag: "OtherRules", why, state }
}

const invalid = (why: string): Decoded => ({ _tag: "Invalid", why })

const decodeHoldings = (read: Fields): Holdings => ({
  reason: reasons.find((it) => it === read["reason"]) ?? "Manual",
  probers: entriesOf(read["probers"], (process) => typeof process === "string"),
  isolators: entriesOf(read["isolators"], isPositive),
  disablers: entriesOf(read["disablers"], isPositive),
  resets: isCount(read["resets"]) && read["resets"] <= mostCounted ? read["resets"] : 0
})

const reasons: ReadonlyArray<OpenReason> = ["Tripped", "ProbeFailed", "Manual"]

/** The circuit, or a description of what is wrong with it. */
const decodeCircuit = (read: unknown, reader: Reader): Circuit<unknown> | string => {
  if (!isRecord(read)) return "it has no circuit"
  const { generation, openings, openMillis } = read
  if (!isCount(generation) || generation > latestGeneration(reader.now))
    return `its generation is ${shown(generation)}`
  if (!isCount(openings)) return `its number of openings is ${shown(openings)}`
  if (!isFiniteNumber(openMillis) || openMillis < 0) return `its open time is ${shown(openMillis)}`
  const common = {
    generation,
    openings: Math.min(openings, mostCounted),
    openMillis: Math.min(openMillis, reader.longestOpenMillis)
  }
  const tag = read["_tag"]
  return isTag(tag)
    ? (decoders[tag](read, common, reader) ?? `it is an incomplete ${tag}`)
    : `its state is ${shown(tag)}`
}

/**
 * The largest count that is accepted, which no circuit reaches. A number near the end of the safe integers could not be
 * incremented exactly, and other nodes would refuse the result.
 */
const mostCounted = 2 ** 40

type Common = Pick<Circuit<unknown>, "generation" | "openings" | "openMillis">

type Decoder = (read: Fields, common: Common, reader: Reader) => Circuit<unknown> | undefined

// The fields are in the order of the machine's, so that the engine takes all circuits of a state for the same kind.

const decodeClosed: Decoder = ({ closedAt }, { generation, openings, openMillis }, { now, rules }) =>
  isFiniteNumber(closedAt)
    ? {
        _tag: "Closed",
        generation,
        openings,
        openMillis,
        closedAt: Math.min(closedAt, now),
        window: rules.policy.initial
      }
    : undefined

const decodeOpen: Decoder = ({ openedAt }, { generation, openings, openMillis }, { now }) =>
  isFiniteNumber(openedAt)
    ? { _tag: "Open", generation, openings, openMillis, openedAt: Math.min(openedAt, now) }
    : undefined

const decodeHalfOpen: Decoder = ({ failed, nextSlot, slots, succeeded }, common, { now, rules }) => {
  if (!isCount(failed) || !isCount(nextSlot) || !isCount(succeeded) || !isRecord(slots)) return undefined
  const taken = slotsIn(slots["rows"], now).slice(0, rules.probes)
  const circuit: HalfOpen = {
    _tag: "HalfOpen",
    generation: common.generation,
    openings: common.openings,
    openMillis: common.openMillis,
    slots: Slots.from(taken),
    nextSlot: Math.max(nextSlot <= mostCounted ? nextSlot : 0, (taken.at(-1)?.id ?? 0) + 1, 1),
    // With more than that, the circuit would have closed or opened.
    succeeded: Math.min(succeeded, rules.probes - 1),
    failed: Math.min(failed, rules.failuresToReopen - 1)
  }
  return circuit
}

const decodeRecovering: Decoder = ({ admitted, arrivals, startedAt }, common, { now, rules }) => {
  if (!isCount(admitted) || !isCount(arrivals) || !isFiniteNumber(startedAt)) return undefined
  const circuit: Recovering<unknown> = {
    _tag: "Recovering",
    generation: common.generation,
    openings: common.openings,
    openMillis: common.openMillis,
    startedAt: Math.min(startedAt, now),
    arrivals,
    admitted: Math.min(admitted, arrivals),
    window: rules.policy.initial
  }
  return rules.recovery === undefined ? Machine.close(circuit, rules, circuit.startedAt) : circuit
}

const decodeIsolated: Decoder = ({ disablers, holders, since }, { generation, openings, openMillis }) =>
  isCount(disablers) && isPositive(holders) && isCount(since)
    ? { _tag: "Isolated", generation, openings, openMillis, holders, since, disablers }
    : undefined

const decodeDisabled: Decoder = ({ disablers }, { generation, openings, openMillis }) =>
  isPositive(disablers) ? { _tag: "Disabled", generation, openings, openMillis, disablers } : undefined

const decoders: Readonly<Record<Circuit<unknown>["_tag"], Decoder>> = {
  Closed: decodeClosed,
  Open: decodeOpen,
  HalfOpen: decodeHalfOpen,
  Recovering: decodeRecovering,
  Isolated: decodeIsolated,
  Disabled: decodeDisabled
}

const isTag = (tag: unknown): tag is Circuit<unknown>["_tag"] =>
  typeof tag === "string" && Object.hasOwn(decoders, tag)

/** The valid slots, each id once, the oldest first. */
const slotsIn = (rows: unknown, now: number): ReadonlyArray<Slots.Slot> => {
  const read = Array.isArray(rows) ? rows.flat() : []
  const byId = new Map<number, Slots.Slot>()
  for (const slot of read) {
    if (!isRecord(slot)) continue
    const { id, takenAt } = slot
    if (isPositive(id) && id <= mostCounted && isFiniteNumber(takenAt))
      byId.set(id, { id, takenAt: Math.min(takenAt, now) })
  }
  return [...byId.values()].toSorted((a, b) => a.id - b.id)
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const entriesOf = <A>(value: unknown, isValid: (it: unknown) => it is A): Readonly<Record<string, A>> =>
  isRecord(value) && !isEmpty(value)
    ? Object.fromEntries(Object.entries(value).filter((entry): entry is [string, A] => isValid(entry[1])))
    : {}
