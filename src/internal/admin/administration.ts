import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { CircuitBreakerRegistry, type Registry } from "../../CircuitBreakerRegistry.ts"
import { Census } from "./census.ts"
import { Events, overridesChanged } from "./events.ts"
import { History } from "./history.ts"
import * as LastFailures from "./lastFailure.ts"
import type { Settings } from "./options.ts"
import { Overrides } from "./overrides.ts"
import { Sampler } from "./sampler.ts"
import { Streams } from "./streams.ts"
import type { Observed } from "./summaries.ts"

/**
 * The parts of a mounted administration.
 *
 * @internal
 */
export interface Administration {
  readonly registry: Registry
  readonly observed: Observed
  readonly overrides: Overrides
  readonly events: Events
  /** The scope that closes when the administration is unmounted. */
  readonly scope: Scope.Scope
}

/** @internal */
export const makeAdministration = <R>(
  settings: Settings<R>
): Effect.Effect<Administration, never, Scope.Scope> =>
  Effect.gen(function* () {
    const registry = yield* CircuitBreakerRegistry
    const scope = yield* Effect.scope
    const history = new History()
    const census = new Census()
    const sampler = new Sampler(history)
    const streams = new Streams(settings.maxStreams)
    const overrides: Overrides = new Overrides({
      registry,
      scope,
      most: settings.maxOverrides,
      onChange: Effect.suspend(() =>
        Effect.flatMap(overridesChanged(overrides.size), (text) => streams.send(text))
      )
    })
    const events = new Events({ registry, history, census, overrides, sampler, streams, scope })
    yield* Effect.addFinalizer(() => streams.end)
    yield* events.observe
    return {
      registry,
      observed: {
        history,
        census,
        ratesOf: (found) => sampler.ratesOf(found),
        lineOf: LastFailures.makeLines(settings.exposeCauses)
      },
      overrides,
      events,
      scope
    }
  })
