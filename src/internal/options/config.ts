import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { given, refuseValue } from "./checks.ts"

/**
 * Reads options from configuration, and uses them. `of` is the function that was given the options.
 *
 * @internal
 */
export const configured = <Options, A, E, R>(
  of: string,
  options: Config.Config.Wrap<Options>,
  use: (read: Options) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | ConfigError.ConfigError, R> =>
  orConfigError(
    // The cast names the type that the configuration describes.
    Effect.suspend(() => Effect.flatMap(configOf(of, options) as Config.Config<Options>, use))
  )

/** Turns the `RangeError` of an option that is out of range into a `ConfigError`. */
const orConfigError = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | ConfigError.ConfigError, R> =>
  Effect.catchSomeDefect(effect, (defect) =>
    defect instanceof RangeError
      ? Option.some(Effect.fail(ConfigError.InvalidData([], defect.message)))
      : Option.none()
  )

/**
 * Reads options of which each is a `Config` or consists of such options. Unlike `Config.unwrap` it refuses any other,
 * leaves out those that are `undefined`, and accepts an object without options.
 */
const configOf = (of: string, options: unknown): Config.Config<unknown> => {
  if (Config.isConfig(options)) return options
  if (typeof options !== "object" || options === null)
    return refuseValue(of, "a Config, or an object of Configs", options)
  const configs = Object.entries(given(of, options)).map(
    ([name, value]) => [name, configOf(`${of}: ${name}`, value)] as const
  )
  return configs.length === 0 ? Config.succeed({}) : Config.all(Object.fromEntries(configs))
}
