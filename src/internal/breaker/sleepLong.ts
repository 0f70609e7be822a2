import * as Effect from "effect/Effect"
import { dayMillis } from "../core/millis.ts"

/**
 * Sleeps for so many milliseconds, a day at a time: a timer holds no longer than some 24 days.
 *
 * @internal
 */
export const sleepLong = (millis: number): Effect.Effect<void> =>
  millis <= 0
    ? Effect.void
    : Effect.zipRight(
        Effect.sleep(Math.min(millis, dayMillis)),
        Effect.suspend(() => sleepLong(millis - dayMillis))
      )
