import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"

/** What the bare effect does: a value by a function call, so that no library can treat it as a constant. */
export const work = () => 1

/** Runs an effect many times in one fiber. `body` is asked for it each time: it may build it anew. */
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

/** A loop for `timed`. */
export const loop = <A, E>(body: () => Effect.Effect<A, E>) => {
  const repeated = repeat(body)
  return (calls: number) => Effect.runPromise(repeated(calls))
}

/** Acquires what lives as long as the process. */
export const acquire = async <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Promise<A> => {
  const scope = await Effect.runPromise(Scope.make())
  return Effect.runPromise(Scope.extend(effect, scope))
}

/** Acquires what is given back by calling `release`. */
export const acquireRelease = async <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) => {
  const scope = await Effect.runPromise(Scope.make())
  const value = await Effect.runPromise(Scope.extend(effect, scope))
  return { value, release: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
}
