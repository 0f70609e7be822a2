import * as Effect from "effect/Effect"
import { globalValue } from "effect/GlobalValue"
import * as Number from "effect/Number"
import type * as Scope from "effect/Scope"
import type { CircuitBreaker } from "../../CircuitBreaker.ts"
import { CurrentRegistry } from "../observe/registry.ts"

/**
 * Logs a warning, once for each name, if breakers of the same name are made again and again, and closed after a few
 * calls. This happens if the layer is provided for each request. Each of these breakers works, but gets too few calls
 * to open.
 *
 * @internal
 */
export const warnOfRebuilding = (breaker: CircuitBreaker): Effect.Effect<void, never, Scope.Scope> =>
  Effect.flatMap(CurrentRegistry, (registry) =>
    Effect.addFinalizer(() =>
      Effect.flatMap(breaker.circuits, (circuits) => {
        const calls = Number.sumAll(circuits.flatMap(({ totals }) => Object.values(totals)))
        return isRebuilt(registry, breaker.name, calls)
          ? Effect.annotateLogs(Effect.logWarning(advice), { breaker: breaker.name })
          : Effect.void
      })
    )
  )

/** Counts the consecutive builds of a name with few calls. Returns true once, for the build that reaches the limit. */
const isRebuilt = (registry: object, name: string, calls: number): boolean => {
  const builds = buildsOf(registry)
  const before = builds.get(name) ?? 0
  // After the warning the count is not reset, so that the warning is not repeated.
  if (calls === 0 || before === warningAt) return false
  const count = calls > fewCalls ? 0 : before + 1
  // The number of names is limited, to save memory in a program that makes breakers of many names.
  if (builds.size < mostNames || builds.has(name)) builds.set(name, count)
  return count === warningAt
}

const warningAt = 5
const fewCalls = 10
const mostNames = 1_000

const buildsOf = (registry: object): Map<string, number> => {
  let builds = buildsByRegistry.get(registry)
  if (builds === undefined) {
    builds = new Map()
    buildsByRegistry.set(registry, builds)
  }
  return builds
}

// All copies of this package share it, as they do the default registry, so that the warning appears once.
const buildsByRegistry = globalValue(
  "effect-circuit-breaker/CircuitBreaker/builds/1",
  () => new WeakMap<object, Map<string, number>>()
)

const advice = [
  `The breaker was built ${warningAt} times and closed after a few calls each time.`,
  "One that is built for each request never opens:",
  "provide its layer once, at the program's entry or with a ManagedRuntime"
].join(" ")
