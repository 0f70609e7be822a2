import type * as Arr from "effect/Array"
import { Buffer } from "node:buffer"
import type { CompareAndSet, Entry, ExchangeRequest, Report, WindowEntry } from "../../../CircuitStore.ts"
import { decodeWindow } from "../../core/wire/window.ts"
import * as Names from "./names.ts"
import { pack, unpack } from "./packed.ts"
import { decode, decodeRevision, encode, encodeRevision } from "./text.ts"

/**
 * The arguments of the script `exchange`.
 *
 * @internal
 */
export const exchangeArguments = (
  request: ExchangeRequest,
  { channel }: Names.Names
): ReadonlyArray<string | Buffer> => {
  const { announce, circuit, keepMillis, node, renew, revision, window } = request
  return [
    pack([keepMillis, Number(renew), ...reportOf(window)]),
    encode(node),
    encodeRevision(revision),
    ...fieldsOf(request),
    announce ? channel(circuit.breaker) : "",
    announce ? encode(circuit.key) : ""
  ]
}

/**
 * The arguments of the script `read`, for requests of one node about windows of one name.
 *
 * @internal
 */
export const readArguments = (
  requests: Arr.NonEmptyReadonlyArray<ExchangeRequest>
): ReadonlyArray<string | Buffer> => [
  ...fieldsOf(requests[0]),
  ...requests.map(({ revision }) => encodeRevision(revision))
]

/** The fields that hold a window and the number of the node in it. */
const fieldsOf = ({ node, window }: ExchangeRequest): readonly [windowField: string, numberField: string] =>
  window === undefined ? ["", ""] : [Names.windowField(window.name), Names.numberField(window.name, node)]

/**
 * The arguments of the script `compareAndSet`.
 *
 * @internal
 */
export const compareAndSetArguments = (
  { circuit, expected, keepMillis, node, renew, revision, state }: CompareAndSet,
  { channel }: Names.Names
): ReadonlyArray<string | Buffer> => [
  pack([keepMillis, Number(renew)]),
  encode(node),
  encodeRevision(expected),
  encode(revision),
  encode(state),
  channel(circuit.breaker),
  encode(circuit.key)
]

const reportOf = (window: ExchangeRequest["window"]): ReadonlyArray<number> => {
  if (window?.report === undefined) return []
  const { base, failing, listed, number, sections } = window.report
  return [window.epoch, number, base, Number(failing), listed, ...sections.flatMap(sectionOf)]
}

const sectionOf = (section: Report["sections"][number]): ReadonlyArray<number> => {
  const { enough, floor, freshMillis, parts, rows, span, unitMillis } = section
  return [floor, unitMillis, span, enough, freshMillis, parts, rows.length, ...rows.flat()]
}

/** The part of a request that says which state the node knows. */
type Knowing = Pick<ExchangeRequest, "revision">

/**
 * The entry that the script `exchange` or `compareAndSet` has answered.
 *
 * @internal
 */
export const decodeEntry = (reply: unknown, request: Knowing): Entry => {
  const [now, ...fields] = listIn(reply)
  return entryOf(Number(now), fields, request)
}

/**
 * Decodes the answer of the script `read`: entries, and errors in place of some. Most circuits have nothing in the
 * store, and share one entry.
 *
 * @internal
 */
export const decodeEntries = (
  reply: unknown,
  requests: ReadonlyArray<Knowing>
): ReadonlyArray<Entry | Error> => {
  const [time, ...found] = listIn(reply)
  const now = Number(time)
  const nothing = entryOf(now, [], { revision: "" })
  return requests.map((request, i) => {
    const fields = found[i]
    if (fields instanceof Error) return fields
    return Array.isArray(fields) ? entryOf(now, fields, request) : nothing
  })
}

const listIn = (reply: unknown): ReadonlyArray<unknown> => (Array.isArray(reply) ? reply : [])

const entryOf = (now: number, fields: ReadonlyArray<unknown>, request: Knowing): Entry => {
  const [revisionField, state, leases, window, latestReport] = fields
  const revision = Buffer.isBuffer(revisionField) ? decodeRevision(revisionField) : ""
  return {
    now,
    revision,
    state: stateOf(revision, state, request),
    leases: leasesIn(listOf(leases)),
    window: windowIn(listOf(window), latestReport, now)
  }
}

/** The state of an entry; `undefined` if the node knows the state of this revision. */
const stateOf = (revision: string, state: unknown, request: Knowing): string | undefined => {
  if (revision === "") return ""
  return revision === request.revision ? undefined : (textOf(state) ?? "")
}

const textOf = (value: unknown): string | undefined =>
  Buffer.isBuffer(value) ? decode(value.toString()) : undefined

type List = ReadonlyArray<number | string>

const listOf = (value: unknown): List => (Buffer.isBuffer(value) ? unpack(value) : [])

/** The leases in a list of nodes and times. Invalid ones are left out. */
const leasesIn = (list: List): Entry["leases"] => {
  const leases: Array<Entry["leases"][number]> = []
  for (let i = 0; i + 1 < list.length; i += 2) {
    const [node, at] = [list[i], list[i + 1]]
    if (typeof node === "string" && typeof at === "number") leases.push({ node: decode(node), at })
  }
  return leases
}

/** The window in a list of the scripts' layout; `undefined` if there is none, or it has expired. */
const windowIn = (list: List, latestReport: unknown, now: number): WindowEntry | undefined => {
  const [epoch, madeAt, expiresAt, exchanges, failing] = list.slice(0, 5).map(Number)
  if (failing === undefined || !(now < expiresAt!)) return undefined
  const first = 5 + 2 * failing
  const window = {
    epoch,
    latestReport:
      isOf(latestReport, epoch!, madeAt!) && now < latestReport.readDoubleBE(24)
        ? latestReport.readDoubleBE(16)
        : 0,
    exchanges,
    failing: leasesIn(list.slice(5, first)).map(({ node }) => node),
    sections: sectionsIn(list.slice(first))
  }
  return decodeWindow(window, now)
}

/** Whether a report's number belongs to this window, and not to an earlier or a lost one. */
const isOf = (number: unknown, epoch: number, madeAt: number): number is Buffer =>
  Buffer.isBuffer(number) &&
  number.length === 32 &&
  number.readDoubleBE(0) === epoch &&
  number.readDoubleBE(8) === madeAt

const sectionsIn = (list: List): ReadonlyArray<unknown> => {
  const sections: Array<unknown> = []
  for (let i = 0; i + 1 < list.length;) {
    const rows: Array<unknown> = []
    const end = i + 2 + 4 * Math.max(0, Number(list[i + 1]))
    let index = 0
    for (let row = i + 2; row < end && row < list.length; row += 4) {
      index += Number(list[row])
      rows.push([index, ...list.slice(row + 1, row + 4)])
    }
    sections.push({ floor: list[i], rows })
    i = end
  }
  return sections
}
