import type { Circuit, HalfOpen, Recovering, Rules } from "./circuit.ts"
import * as Machine from "./circuit.ts"
import * as Slots from "./slots.ts"

/**
 * The texts by which processes share a circuit. Every text that leaves or enters is encoded and decoded here. Another
 * process, another version or another program may have written it, so it is checked, and clamped to what the rules of this
 * process allow.
 */

/**
 * A circuit as processes share it: the machine's state without its window, in the store's time, and who holds its slots
 * and holds it by hand.
 *
 * @internal
 */
export interface SharedCircuit extends Holdings {
  readonly circuit: Circuit<unknown>
  /** When a process gave it back to a store that had lost it. */
  readonly restoredAt: number
}

/**
 * What processes know of a shared circuit beyond its state.
 *
 * @internal
 */
export interface Holdings {
  /** Why it opened, if it did. */
  readonly reason: Reason
  /** The process of each slot, by the slot's id. */
  readonly probers: Readonly<Record<string, string>>
  /** How many isolations of the circuit each process holds. */
  readonly keepers: Holds
  /** How often each process has disabled the circuit. */
  readonly disablers: Holds
  /** How often it was reset by hand, which ends all isolations. */
  readonly resets: number
}

/** @internal */
export type Holds = Readonly<Record<string, number>>

/** @internal */
export type Reason = "Tripped" | "ProbeFailed" | "Manual"

/**
 * What the decoding goes by: the rules of this process, the text by which other processes know that theirs are the same,
 * the longest that an opening may last, and the store's time.
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
 * What a text is: the state of a circuit; one under rules of other processes, which is left alone; or no state at all,
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
 * A circuit of which the store keeps nothing.
 *
 * @internal
 */
export const initial = (rules: Rules<unknown>): SharedCircuit => ({
  circuit: Machine.initial(rules.policy),
  ...noHoldings,
  restoredAt: -Infinity
})

/**
 * The holdings of a circuit that no process holds, as most circuits are.
 *
 * @internal
 */
export const noHoldings: Holdings = {
  reason: "Manual",
  probers: {},
  keepers: {},
  disablers: {},
  resets: 0
}

/**
 * What is held of a shared circuit, without its state.
 *
 * @internal
 */
export const holdingsOf = ({ disablers, keepers, probers, reason, resets }: SharedCircuit): Holdings =>
  reason === "Manual" && resets === 0 && isEmpty(probers) && isEmpty(keepers) && isEmpty(disablers)
    ? noHoldings
    : { reason, probers, keepers, disablers, resets }

const isEmpty = (record: object): boolean => Object.keys(record).length === 0

/** @internal */
export const encode = ({ circuit, ...rest }: SharedCircuit, rulesName: string): string =>
  // No number in JSON is infinite.
  JSON.stringify({ version, policy: rulesName, circuit: { ...circuit, window: undefined }, ...rest })

/** @internal */
export const decode = (text: string, reader: Reader): Decoded => {
  if (text === "") return { _tag: "State", state: initial(reader.rules) }
  const read = parsed(text)
  if (!isRecord(read)) return invalid("it is no object")
  if (read["version"] !== version) return invalid(`its version is ${textOf(read["version"])}, not ${version}`)
  const circuit = decodeCircuit(read["circuit"], reader)
  if (typeof circuit === "string") return invalid(circuit)
  const state = { circuit, ...decodeHoldings(read, reader.now) }
  if (read["policy"] === reader.rulesName || circuit._tag === "Closed") return { _tag: "State", state }
  const why = `it is ${circuit._tag} under the rules ${textOf(read["policy"])}, those of this breaker are ${reader.rulesName}`
  return { _tag: "OtherRules", why, state }
}

const invalid = (why: string): Decoded => ({ _tag: "Invalid", why })

const decodeHoldings = (read: Fields, now: number): Holdings & { readonly restoredAt: number } => ({
  reason: reasons.find((it) => it === read["reason"]) ?? "Manual",
  probers: entriesOf(read["probers"], (process) => typeof process === "string"),
  keepers: entriesOf(read["keepers"], isPositive),
  disablers: entriesOf(read["disablers"], isPositive),
  resets: isCount(read["resets"]) ? read["resets"] : 0,
  restoredAt: isTime(read["restoredAt"]) ? Math.min(read["restoredAt"], now) : -Infinity
})

const reasons: ReadonlyArray<Reason> = ["Tripped", "ProbeFailed", "Manual"]

// ---------------------------------------------------------------------------------------------------------
// The circuit

/** The circuit, or what is wrong with it. */
const decodeCircuit = (read: unknown, reader: Reader): Circuit<unknown> | string => {
  if (!isRecord(read)) return "it has no circuit"
  const { generation, openings, openMillis } = read
  if (!isCount(generation) || generation > latestGeneration) return `its generation is ${textOf(generation)}`
  if (!isCount(openings)) return `its number of openings is ${textOf(openings)}`
  if (!isTime(openMillis) || openMillis < 0) return `its open time is ${textOf(openMillis)}`
  const common = { generation, openings, openMillis: Math.min(openMillis, reader.longestOpenMillis) }
  const tag = read["_tag"]
  return isTag(tag)
    ? (decoders[tag](read, common, reader) ?? `it is an incomplete ${tag}`)
    : `its state is ${textOf(tag)}`
}

/** Generations begin with the time; this one leaves room for as many again. */
const latestGeneration = 2 ** 52

type Common = Pick<Circuit<unknown>, "generation" | "openings" | "openMillis">

type Decoder = (read: Fields, common: Common, reader: Reader) => Circuit<unknown> | undefined

const decodeClosed: Decoder = ({ closedAt }, common, { now, rules }) =>
  isTime(closedAt)
    ? { _tag: "Closed", ...common, closedAt: Math.min(closedAt, now), window: rules.policy.initial }
    : undefined

const decodeOpen: Decoder = ({ openedAt }, common, { now }) =>
  isTime(openedAt) ? { _tag: "Open", ...common, openedAt: Math.min(openedAt, now) } : undefined

const decodeHalfOpen: Decoder = ({ failed, nextSlot, slots, succeeded }, common, { now, rules }) => {
  if (!isCount(failed) || !isCount(nextSlot) || !isCount(succeeded) || !isRecord(slots)) return undefined
  const taken = slotsIn(slots["rows"], now).slice(0, rules.probes)
  const circuit: HalfOpen = {
    _tag: "HalfOpen",
    ...common,
    slots: Slots.from(taken),
    nextSlot: Math.max(nextSlot, (taken.at(-1)?.id ?? 0) + 1, 1),
    // One more would have closed or opened it.
    succeeded: Math.min(succeeded, rules.probes - 1),
    failed: Math.min(failed, rules.failuresToReopen - 1)
  }
  return circuit
}

const decodeRecovering: Decoder = ({ admitted, arrivals, startedAt }, common, { now, rules }) => {
  if (!isCount(admitted) || !isCount(arrivals) || !isTime(startedAt)) return undefined
  const circuit: Recovering<unknown> = {
    _tag: "Recovering",
    ...common,
    startedAt: Math.min(startedAt, now),
    arrivals,
    admitted: Math.min(admitted, arrivals),
    window: rules.policy.initial
  }
  return rules.recovery === undefined ? Machine.close(circuit, rules, circuit.startedAt) : circuit
}

const decodeIsolated: Decoder = ({ disablers, holders, since }, common) =>
  isCount(disablers) && isPositive(holders) && isCount(since)
    ? { _tag: "Isolated", ...common, holders, since, disablers }
    : undefined

const decodeDisabled: Decoder = ({ disablers }, common) =>
  isPositive(disablers) ? { _tag: "Disabled", ...common, disablers } : undefined

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

/** The slots that are taken, each once, the oldest first. */
const slotsIn = (rows: unknown, now: number): ReadonlyArray<Slots.Slot> => {
  const read = Array.isArray(rows) ? rows.flat() : []
  const byId = new Map<number, Slots.Slot>()
  for (const slot of read) {
    if (!isRecord(slot)) continue
    const { id, takenAt } = slot
    if (isPositive(id) && isTime(takenAt)) byId.set(id, { id, takenAt: Math.min(takenAt, now) })
  }
  return [...byId.values()].toSorted((a, b) => a.id - b.id)
}

// ---------------------------------------------------------------------------------------------------------
// Single values

type Fields = Readonly<Record<string, unknown>>

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isRecord = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

const isPositive = (value: unknown): value is number => isCount(value) && value > 0

/** A time of the store in milliseconds. Clocks are compared to some milliseconds, so it may lie before the first one. */
const isTime = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value)

const entriesOf = <A>(value: unknown, isValid: (it: unknown) => it is A): Readonly<Record<string, A>> =>
  isRecord(value)
    ? Object.fromEntries(Object.entries(value).filter((entry): entry is [string, A] => isValid(entry[1])))
    : {}

/** Of any value, as much as a line of the log can bear. */
const textOf = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 200)
