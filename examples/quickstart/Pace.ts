/**
 * A clock that counts only the time in which this process was given a processor. On a busy machine the story takes
 * longer and stays the same: no answer is late, and no timeout fires, because of what else the machine is doing.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"

export class Pace extends Context.Tag("quickstart/Pace")<
  Pace,
  {
    /** The ratio of the time that an effect took to the time that the clock counted: 1 on an idle machine. */
    readonly slownessOf: <E, R>(effect: Effect.Effect<void, E, R>) => Effect.Effect<number, E, R>
  }
>() {}

const tick = Duration.millis(4)

// Between two ticks the process reads and writes whatever is ready, so a request needs only a few ticks.
const longestTickMillis = 10

/** Runs a program by this clock. */
export const keep = <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, Pace>> =>
  Effect.gen(function* () {
    const realClock = yield* Effect.clock
    const realMillis = () => Number(realClock.unsafeCurrentTimeNanos()) / 1_000_000
    const sleepers = new Set<Sleeper>()
    let countedMillis = realClock.unsafeCurrentTimeMillis()
    let lastTickAt = realMillis()

    const currentMillis = () => countedMillis + Math.min(realMillis() - lastTickAt, longestTickMillis)
    const advance = () => {
      countedMillis = currentMillis()
      lastTickAt = realMillis()
      const due = Array.from(sleepers).filter(({ until }) => until <= countedMillis)
      for (const sleeper of due.toSorted((a, b) => a.until - b.until)) {
        sleepers.delete(sleeper)
        sleeper.wake()
      }
    }

    const clock: Clock.Clock = {
      [Clock.ClockTypeId]: Clock.ClockTypeId,
      unsafeCurrentTimeMillis: () => Math.floor(currentMillis()),
      unsafeCurrentTimeNanos: () => BigInt(Math.floor(currentMillis() * 1_000_000)),
      currentTimeMillis: Effect.sync(() => clock.unsafeCurrentTimeMillis()),
      currentTimeNanos: Effect.sync(() => clock.unsafeCurrentTimeNanos()),
      sleep: (duration) =>
        Effect.async<void>((resume) => {
          const until = currentMillis() + Duration.toMillis(duration)
          const sleeper: Sleeper = { until, wake: () => resume(Effect.void) }
          sleepers.add(sleeper)
          return Effect.sync(() => sleepers.delete(sleeper))
        })
    }

    const pace = Pace.of({
      slownessOf: (effect) =>
        Effect.suspend(() => {
          const [realStart, start] = [realMillis(), currentMillis()]
          return Effect.map(effect, () => (realMillis() - realStart) / (currentMillis() - start))
        })
    })

    const ticking = Effect.repeat(Effect.sync(advance), Schedule.spaced(tick))
    yield* Effect.forkScoped(ticking)
    return yield* program.pipe(Effect.provideService(Pace, pace), Effect.withClock(clock))
  }).pipe(Effect.scoped)

interface Sleeper {
  readonly until: number
  readonly wake: () => void
}
