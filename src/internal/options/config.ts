import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/**
 * What is refused, because it is out of range, as an error of the configuration it was read from.
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
