import { isRecord, isTime, shown } from "./values.ts"

/**
 * Checks a store's answer about one circuit, apart from its window, which `decodeWindow` checks. The result says what
 * is wrong with it; it is `undefined` for a valid answer. A program may have written the store itself, so an answer may
 * be anything.
 *
 * @internal
 */
export const faultOfEntry = (answer: unknown): string | undefined => {
  if (!isRecord(answer)) return `it is ${shown(answer)}`
  const { leases, now, revision, state } = answer
  if (!isTime(now)) return `its time is ${shown(now)}`
  if (typeof revision !== "string") return `its revision is ${shown(revision)}`
  if (state !== undefined && typeof state !== "string") return `its state is ${shown(state)}`
  return Array.isArray(leases) && leases.every(isLease) ? undefined : `its leases are ${shown(leases)}`
}

const isLease = (lease: unknown): boolean =>
  isRecord(lease) && typeof lease["node"] === "string" && isTime(lease["at"])
