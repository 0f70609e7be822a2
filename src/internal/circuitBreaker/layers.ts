import type * as ConfigError from "effect/ConfigError"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { CircuitBreaker, ConfigOptions, Options } from "../../CircuitBreaker.ts"
import { given } from "../options/checks.ts"
import { configured } from "../options/config.ts"
import { make } from "./make.ts"
import { warnOfRebuilding } from "./rebuilding.ts"

/**
 * Provides a breaker as a service, for as long as the layer lives.
 *
 * @internal
 */
export const scoped = <Self>(
  tag: Context.Tag<Self, CircuitBreaker>,
  options: () => Options | undefined
): Layer.Layer<Self> =>
  Layer.scoped(
    tag,
    Effect.suspend(() => makeWithWarning(options()))
  )

/**
 * Provides a breaker like {@link scoped}, with options from configuration. `complete` adds the options that are not
 * read from there.
 *
 * @internal
 */
export const scopedFromConfig = <Self>(
  tag: Context.Tag<Self, CircuitBreaker>,
  options: ConfigOptions,
  complete: (read: Options) => Options
): Layer.Layer<Self, ConfigError.ConfigError> =>
  Layer.scoped(
    tag,
    configured("CircuitBreaker.layerConfig", options, (read: Options) => makeWithWarning(complete(read)))
  )

const makeWithWarning = (options: Options = {}): Effect.Effect<CircuitBreaker, never, Scope.Scope> =>
  Effect.tap(make(options), warnOfRebuilding)

/**
 * The options of a service: those of its class, overridden by those of a layer.
 *
 * @internal
 */
export const combined = (name: string, own: Options = {}, over: Options): Options => ({
  name,
  ...given(`CircuitBreaker "${name}"`, own),
  ...given(`CircuitBreaker "${name}"`, over)
})
