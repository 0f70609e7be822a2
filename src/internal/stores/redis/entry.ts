import { Buffer } from "node:buffer"
import type { CompareAndSet, Entry, ExchangeRequest, Report, WindowEntry } from "../../../CircuitStore.ts"
import { decodeWindow } from "../../core/wireWindow.ts"
import * as Names from "./names.ts"
import { pack, unpack } from "./packed.ts"
import { decode, encode } from "./text.ts"

/**
 * The arguments of the script `exchange`.
 *
 * @internal
 */
export const exchangeArguments = (
  { announce, circuit, keepMillis, node, renew, revision, window }: ExchangeRequest,
  { channel }: Names.Names
): ReadonlyArray<string | Buffer> => [
  pack([keepMillis, Number(renew), ...reportOf(window)]),
  encode(node),
  encode(revision),
  window === undefined ? "" : Names.windowField(window.name),
  window === undefined ? "" : Names.numberField(window.name, node),
  announce ? channel(circuit.breaker) : "",
  announce ? encode(circuit.key) : ""
]

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
  encode(expected),
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

/**
 * The entry that a script has answered.
 *
 * @internal
 */
export const decodeEntry = (reply: unknown): Entry => {
  const [now, revision, state, leases, window, latestReport]: ReadonlyArray<unknown> = Array.isArray(reply)
    ? reply
    : []
  return {
    now: Number(now),
    revision: textOf(revision) ?? "",
    state: textOf(state),
    leases: leasesIn(listOf(leases)),
    window: windowIn(listOf(window), latestReport, Number(now))
  }
}

const textOf = (value: unknown): string | undefined =>
  Buffer.isBuffer(value) ? decode(value.toString()) : undefined

type List = ReadonlyArray<number | string>

const listOf = (value: unknown): List => (Buffer.isBuffer(value) ? unpack(value) : [])

/** The pairs of a node and a time that begin at `from`, but for those that are none. */
const leasesIn = (list: List): Entry["leases"] => {
  const leases: Array<Entry["leases"][number]> = []
  for (let i = 0; i + 1 < list.length; i += 2) {
    const [node, at] = [list[i], list[i + 1]]
    if (typeof node === "string" && typeof at === "number") leases.push({ node: decode(node), at })
  }
  return leases
}

/** The window of a list that is laid out as the scripts say; `undefined` if there is none, or it has expired. */
const windowIn = (list: List, latestReport: unknown, now: number): WindowEntry | undefined => {
  const [epoch, madeAt, expiresAt, exchanges, failing] = list.slice(0, 5).map(Number)
  if (failing === undefined || !(now < expiresAt!)) return undefined
  const first = 5 + 2 * failing
  return decodeWindow({
    epoch,
    latestReport:
      isOf(latestReport, epoch!, madeAt!) && now < latestReport.readDoubleBE(24)
        ? latestReport.readDoubleBE(16)
        : 0,
    exchanges,
    failing: leasesIn(list.slice(5, first)).map(({ node }) => node),
    sections: sectionsIn(list.slice(first))
  })
}

/** Whether a report's number belongs to this very window: it may be of an earlier one, or one that was lost. */
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
