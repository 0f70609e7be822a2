import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/** A clock that moves when it is told to, and wakes who sleeps in the same step. */
export class ManualClock implements Clock.Clock {
  readonly [Clock.ClockTypeId]: typeof Clock.ClockTypeId = Clock.ClockTypeId
  private millis = 0
  private readonly sleepers = new Map<() => void, number>()

  readonly currentTimeMillis = Effect.sync(() => this.unsafeCurrentTimeMillis())
  readonly currentTimeNanos = Effect.sync(() => this.unsafeCurrentTimeNanos())

  unsafeCurrentTimeMillis(): number {
    return this.millis
  }

  unsafeCurrentTimeNanos(): bigint {
    return BigInt(this.millis) * 1_000_000n
  }

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const wake = () => resume(Effect.void)
      this.sleepers.set(wake, this.millis + Duration.toMillis(duration))
      return Effect.sync(() => this.sleepers.delete(wake))
    })
  }

  advance(millis: number): void {
    this.millis += millis
    for (const [wake, at] of this.sleepers) {
      if (at > this.millis) continue
      this.sleepers.delete(wake)
      wake()
    }
  }
}
