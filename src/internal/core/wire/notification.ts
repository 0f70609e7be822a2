import { isCount, isRecord, isTime } from "./values.ts"

/**
 * A notification about one circuit.
 *
 * @internal
 */
export type Notification =
  | { readonly _tag: "Failing"; readonly key: string; readonly listeners?: number | undefined }
  | {
      readonly _tag: "Changed"
      readonly key: string
      readonly now: number
      readonly revision: string
      readonly state: string
    }

/**
 * Decodes a notification. Any client of a server may publish anything, and a program may have written the store itself,
 * so the result is `undefined` for a value that does not have exactly the form of a notification.
 *
 * @internal
 */
export const decodeNotification = (value: unknown): Notification | undefined => {
  if (!isRecord(value)) return undefined
  const { _tag, key, listeners, now, revision, state } = value
  if (typeof key !== "string") return undefined
  if (_tag === "Failing") {
    if (listeners === undefined) return { _tag, key }
    // In a cluster, a server counts only its own subscribers, so the number may be 0.
    return isCount(listeners) ? { _tag, key, listeners } : undefined
  }
  return _tag === "Changed" && isTime(now) && typeof revision === "string" && typeof state === "string"
    ? { _tag, key, now, revision, state }
    : undefined
}
