import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { CircuitBreaker } from "../../CircuitBreaker.ts"
import type { Registry } from "../../CircuitBreakerRegistry.ts"
import { CircuitBreakerRegistry } from "../../CircuitBreakerRegistry.ts"

/**
 * Notices when breakers of one name come and go with a few calls each. That is a layer built for each request, whose
 * breaker never sees enough calls to open: it works as built, and a line in the log says so once.
 *
 * @internal
 */
export const noticeRebuilding = (breaker: CircuitBreaker): Effect.Effect<void, never, Scope.Scope> =>
  Effect.flatMap(CircuitBreakerRegistry, (registry) =>
    Effect.addFinalizer(() =>
      Effect.flatMap(breaker.circuits, (circuits) => {
        const calls = circuits.reduce(
          (sum, { totals }) => sum + totals.succeeded + totals.failed + totals.ignored + totals.rejected,
          0
        )
        return isTold(registry, breaker.name, calls)
          ? Effect.annotateLogs(Effect.logWarning(advice), { breaker: breaker.name })
          : Effect.void
      })
    )
  )

/** Whether this breaker is the one that makes it plain. */
const isTold = (registry: Registry, name: string, calls: number): boolean => {
  if (calls === 0) return false
  const builds = buildsOf(registry)
  const before = builds.get(name) ?? 0
  const isTelling = before + 1 === tellingBuilds && calls <= fewCalls
  // Once it is said, a longer life does not begin the count anew.
  const count = calls > fewCalls && before < tellingBuilds ? 0 : before + 1
  // Names are few; if they are not, they are not worth the memory.
  if (builds.size < mostNames || builds.has(name)) builds.set(name, count)
  return isTelling
}

const tellingBuilds = 5
const fewCalls = 10
const mostNames = 1_000

const buildsOf = (registry: Registry): Map<string, number> => {
  let builds = buildsByRegistry.get(registry)
  if (builds === undefined) {
    builds = new Map()
    buildsByRegistry.set(registry, builds)
  }
  return builds
}

const buildsByRegistry = new WeakMap<Registry, Map<string, number>>()

const advice = [
  `The breaker was built ${tellingBuilds} times and closed after a few calls each time.`,
  "One that is built for each request never opens:",
  "provide its layer once, at the program's entry or with a ManagedRuntime"
].join(" ")
