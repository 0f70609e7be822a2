/** A virtual clock on which fibers can sleep: who moves it wakes them, one after the other. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { VirtualClock } from "./VirtualClock.ts"

export class TimedClock extends VirtualClock {
  private readonly timers = new Set<Timer>()

  override sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const timer = {
        at: this.monotonicMillis + Duration.toMillis(duration),
        ring: () => resume(Effect.void)
      }
      this.timers.add(timer)
      return Effect.sync(() => this.timers.delete(timer))
    })
  }

  override ringNext(until: number): boolean {
    const next = [...this.timers].reduce<Timer | undefined>(
      (first, timer) => (first === undefined || timer.at < first.at ? timer : first),
      undefined
    )
    if (next === undefined || next.at > until) return false
    this.timers.delete(next)
    this.advance(next.at - this.monotonicMillis)
    next.ring()
    return true
  }
}

interface Timer {
  readonly at: number
  readonly ring: () => void
}
