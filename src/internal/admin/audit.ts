import * as Effect from "effect/Effect"
import { limits } from "./requests.ts"
import { bounded, labelOf } from "./text.ts"

interface Change {
  readonly action: "trip" | "reset" | "isolate" | "disable" | "release" | "expire"
  readonly breaker: string
  readonly key: string
  readonly owner: string
  readonly reason: string
  /** The override that began or ended. */
  readonly override?: string
  readonly expiresAt?: number
}

/**
 * Logs a change with its owner and reason. The level is a warning, because programs often do not log lower levels. Line
 * breaks are escaped, because a logger may write texts as they are. A long key is shortened to its label, which
 * differs from those of other keys with the same beginning.
 *
 * @internal
 */
export const logChange = ({ breaker, key, owner, reason, ...change }: Change): Effect.Effect<void> =>
  Effect.annotateLogs(Effect.logWarning("Circuit changed by hand, through the administration"), {
    ...change,
    breaker: bounded(labelOf(breaker), limits.text),
    key: bounded(labelOf(key), limits.text),
    owner: bounded(owner, limits.text),
    reason: bounded(reason, limits.reason)
  })
