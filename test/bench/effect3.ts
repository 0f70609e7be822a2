import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Scope from "effect/Scope"
import type { Loop } from "./case.ts"

/** The work of the bare effect: a value by a function call, so that no library can treat it as a constant. */
export const work = () => 1

export const bare = Effect.sync(work)

export const failing = Effect.fail("down")

/** Runs an effect many times in one fiber. `body` is asked for it each time: it may build it anew. */
export const repeat =
  <A, E, R>(body: () => Effect.Effect<A, E, R>) =>
  (calls: number): Effect.Effect<void, E, R> =>
    Effect.suspend(() => {
      let done = 0
      return Effect.whileLoop({ while: () => done < calls, body, step: () => void done++ })
    })

export const loop = (body: () => Effect.Effect<unknown, unknown>): Loop => {
  const repeated = repeat(body)
  return (calls) => Effect.runPromise(repeated(calls))
}

/** Acquires what is given back by `release`. */
export const acquireRelease = async <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) => {
  const scope = await Effect.runPromise(Scope.make())
  const value = await Effect.runPromise(Scope.extend(effect, scope))
  return { value, release: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
}

/** Acquires what lives as long as the process. */
export const acquire = async <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Promise<A> =>
  (await acquireRelease(effect)).value

/** Log lines would be in the way of the table. */
export const quietly = Logger.withMinimumLogLevel(LogLevel.None)

/** A clock that stands until it is advanced. */
export const makeClock = () => {
  let millis = 0
  const nanos = () => BigInt(millis) * 1_000_000n
  const clock: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => millis,
    unsafeCurrentTimeNanos: nanos,
    currentTimeMillis: Effect.sync(() => millis),
    currentTimeNanos: Effect.sync(nanos),
    sleep: () => Effect.never
  }
  return { clock, advance: (by: number) => void (millis += by) }
}
