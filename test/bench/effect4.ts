import * as Context from "effect-4/Context"
import * as Effect from "effect-4/Effect"
import * as Layer from "effect-4/Layer"
import * as CircuitBreaker from "effect-4/persistence/CircuitBreaker"
import * as Scope from "effect-4/Scope"
import { inOrder } from "./key-order.ts"

/** As in `effect3.ts`: the same work, run in the same way. */
export const work = () => 1

export const repeat =
  <A, E, R>(body: () => Effect.Effect<A, E, R>) =>
  (calls: number): Effect.Effect<void, E, R> =>
    Effect.suspend(() => {
      let done = 0
      return Effect.whileLoop({
        while: () => done < calls,
        body,
        step: () => {
          done++
        }
      })
    })

export const loop = <A, E>(body: () => Effect.Effect<A, E>) => {
  const repeated = repeat(body)
  return (calls: number) => Effect.runPromise(repeated(calls))
}

/** A breaker with its circuits in memory, and the store that holds them. */
export const makeBreaker = (options: Parameters<typeof CircuitBreaker.make>[0]) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(CircuitBreaker.layerStoreMemory(), scope)
      const breaker = yield* CircuitBreaker.make(options).pipe(Effect.provide(context), Scope.provide(scope))
      return { breaker, store: Context.get(context, CircuitBreaker.CircuitBreakerStore) }
    })
  )

export type Made = Awaited<ReturnType<typeof makeBreaker>>

/**
 * Makes each circuit through the store, as every call does first: calls by `execute` take ten times as long and leave
 * the same circuits. Answers their generations.
 */
export const admitEach = (
  { store }: Made,
  keys: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<number>> =>
  Effect.suspend(() => {
    const next = inOrder(keys)
    const generations: Array<number> = []
    const admit = () => Effect.map(store.admit(next()), ({ generation }) => void generations.push(generation))
    return Effect.scoped(Effect.orDie(Effect.as(repeat(admit)(keys.length), generations)))
  })
