/**
 * The Effect `Clock` of the histories. Unlike `TestClock` it keeps the wall clock apart from the monotonic one, and
 * moves at once instead of waiting for real timers, which is what makes thousands of histories affordable.
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

export const startsAt = { monotonic: 5_000_123, wall: 1_700_000_000_000 }

export class VirtualClock implements Clock.Clock {
  readonly [Clock.ClockTypeId]: typeof Clock.ClockTypeId = Clock.ClockTypeId
  monotonicMillis = startsAt.monotonic
  wallMillis = startsAt.wall
  /** How often anything asked to be woken up. A breaker has no timers, so never. */
  sleeps = 0

  readonly currentTimeMillis = Effect.sync(() => this.unsafeCurrentTimeMillis())
  readonly currentTimeNanos = Effect.sync(() => this.unsafeCurrentTimeNanos())

  unsafeCurrentTimeMillis(): number {
    return this.wallMillis
  }

  unsafeCurrentTimeNanos(): bigint {
    return BigInt(this.monotonicMillis * 1_000_000)
  }

  sleep(_duration: Duration.Duration): Effect.Effect<void> {
    this.sleeps += 1
    return Effect.never
  }

  /** Moves to the next timer up to `until` and rings it; false where there is none. */
  ringNext(_until: number): boolean {
    return false
  }

  advance(millis: number): void {
    this.monotonicMillis += millis
    this.wallMillis += millis
  }
}
