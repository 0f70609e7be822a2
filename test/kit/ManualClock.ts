/** The manual clock of the tests, where `TestClock` does not suffice. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** The start times of a manual clock. At this wall time, a slice of every window of the tests begins. */
export const startsAt = { monotonic: 5_000_123, wall: 1_700_000_001_000 }

interface Sleeper {
  readonly at: number
  readonly wake: () => void
}

/**
 * Has separate wall and monotonic times, moves at once instead of waiting for real timers, wakes sleepers in the step that
 * moves it, and counts its reads and sleeps.
 */
export class ManualClock implements Clock.Clock {
  readonly [Clock.ClockTypeId]: typeof Clock.ClockTypeId = Clock.ClockTypeId
  monotonicMillis = startsAt.monotonic
  wallMillis = startsAt.wall
  /** The number of reads. */
  reads = 0
  /** The number of sleeps that were requested. */
  sleeps = 0
  private readonly sleepers = new Set<Sleeper>()

  readonly currentTimeMillis = Effect.sync(() => this.unsafeCurrentTimeMillis())
  readonly currentTimeNanos = Effect.sync(() => this.unsafeCurrentTimeNanos())

  unsafeCurrentTimeMillis(): number {
    this.reads++
    return this.wallMillis
  }

  unsafeCurrentTimeNanos(): bigint {
    this.reads++
    return BigInt(Math.round(this.monotonicMillis * 1_000_000))
  }

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      this.sleeps++
      const sleeper = {
        at: this.monotonicMillis + Duration.toMillis(duration),
        wake: () => resume(Effect.void)
      }
      this.sleepers.add(sleeper)
      return Effect.sync(() => this.sleepers.delete(sleeper))
    })
  }

  /** Moves both clocks, and wakes every sleeper whose time has come. */
  advance(millis: number): void {
    const until = this.monotonicMillis + millis
    while (this.ringNext(until));
    this.moveTo(until)
  }

  /** Moves to the time of the next sleeper up to `until` and wakes it; returns false if there is none. */
  ringNext(until: number): boolean {
    let next: Sleeper | undefined
    for (const sleeper of this.sleepers) {
      if (sleeper.at <= until && (next === undefined || sleeper.at < next.at)) next = sleeper
    }
    if (next === undefined) return false
    this.sleepers.delete(next)
    this.moveTo(next.at)
    next.wake()
    return true
  }

  private moveTo(monotonicMillis: number): void {
    this.wallMillis += monotonicMillis - this.monotonicMillis
    this.monotonicMillis = monotonicMillis
  }
}

/** Makes a manual clock the clock until the scope closes. */
export const useManualClock: Effect.Effect<ManualClock, never, Scope.Scope> = Effect.suspend(() => {
  const clock = new ManualClock()
  return Effect.as(Effect.withClockScoped(clock), clock)
})
