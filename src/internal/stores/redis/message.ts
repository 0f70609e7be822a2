import * as Option from "effect/Option"
import type { Change } from "../../../CircuitStore.ts"
import { decodeNotification } from "../../core/wire/notification.ts"
import { decode } from "./text.ts"

/**
 * Decodes a message to a change. Any client of the server may publish any text to a channel, so a message that does not
 * have exactly the form of those of the scripts is ignored: it neither reaches a breaker nor ends a subscription.
 *
 * @internal
 */
export const decodeMessage = (message: string): Option.Option<Change> =>
  Option.flatMapNullable(parse(message), (value) => {
    const notification = decodeNotification(value)
    if (notification === undefined) return undefined
    const key = decode(notification.key)
    return notification._tag === "Failing"
      ? { ...notification, key }
      : { ...notification, key, revision: decode(notification.revision), state: decode(notification.state) }
  })

const parse = Option.liftThrowable((message: string): unknown => JSON.parse(message))
