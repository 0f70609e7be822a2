import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
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

/** What is logged is not for the table. */
export const quietly = Logger.withMinimumLogLevel(LogLevel.None)

/** A clock that stands until it is advanced. */
export const makeClock = () => {
  let nanos = 0n
  const clock: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => Number(nanos / 1_000_000n),
    unsafeCurrentTimeNanos: () => nanos,
    currentTimeMillis: Effect.sync(() => Number(nanos / 1_000_000n)),
    currentTimeNanos: Effect.sync(() => nanos),
    sleep: () => Effect.never
  }
  const advance = (millis: number) => {
    nanos += BigInt(millis) * 1_000_000n
  }
  return { clock, advance }
}
