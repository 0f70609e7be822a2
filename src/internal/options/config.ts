import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/**
 * Turns the `RangeError` of an option that is out of range into a `ConfigError`.
 *
 * @internal
 */
export const orConfigError = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | ConfigError.ConfigError, R> =>
  Effect.catchSomeDefect(effect, (defect) =>
    defect instanceof RangeError
      ? Option.some(Effect.fail(ConfigError.InvalidData([], defect.message)))
      : Option.none()
  )
