import * as Option from "effect/Option"
import type { Change } from "../../../CircuitStore.ts"
import { decode } from "./text.ts"

/**
 * Decodes a message to a change. Any client of the server may publish any text to a channel, so a message that does not
 * have exactly the form of those of the scripts is ignored: it neither reaches a breaker nor ends a subscription.
 *
 * @internal
 */
export const decodeMessage = (message: string): Option.Option<Change> => {
  const fields = Option.getOrElse(parse(message), () => nothing)
  const { _tag, key } = fields
  if (typeof key !== "string") return Option.none()
  if (_tag === "Failing") return failing(decode(key), fields)
  return _tag === "Changed" ? changed(decode(key), fields) : Option.none()
}

type Fields = Readonly<Record<string, unknown>>

const nothing: Fields = {}

const parse = Option.liftThrowable((message: string): Fields => {
  const value: unknown = JSON.parse(message)
  return typeof value === "object" && value !== null ? { ...value } : nothing
})

const failing = (key: string, { listeners }: Fields): Option.Option<Change> => {
  if (listeners === undefined) return Option.some({ _tag: "Failing", key })
  // In a cluster, a server counts only its own subscribers, so the number may be 0.
  return typeof listeners === "number" && Number.isSafeInteger(listeners) && listeners >= 0
    ? Option.some({ _tag: "Failing", key, listeners })
    : Option.none()
}

const changed = (key: string, { now, revision, state }: Fields): Option.Option<Change> =>
  typeof now === "number" &&
  Number.isFinite(now) &&
  now >= 0 &&
  typeof revision === "string" &&
  typeof state === "string"
    ? Option.some({ _tag: "Changed", key, now, revision: decode(revision), state: decode(state) })
    : Option.none()
