import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** The time for which texts are gathered, and the length from which they are sent at once. */
const pause = "250 millis"
const mostGathered = 65_536

interface Options {
  readonly send: (text: string) => Effect.Effect<void>
  readonly scope: Scope.Scope
}

/**
 * Sends texts in batches: the first at once, and those of the next quarter of a second together. In an outage hundreds of
 * circuits may open within a second, and a write to each consumer for each of them would cost more than their calls.
 *
 * @internal
 */
export class Batches {
  private readonly options: Options
  private gathered = ""
  private isPausing = false

  constructor(options: Options) {
    this.options = options
  }

  add(text: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.gathered += text
      if (this.isPausing && this.gathered.length < mostGathered) return Effect.void
      const send = this.options.send(this.take())
      if (this.isPausing) return send
      this.isPausing = true
      return Effect.zipRight(send, Effect.forkIn(this.pausing, this.options.scope))
    })
  }

  /** Removes the texts that have not been sent, for a caller that sends them itself. */
  take(): string {
    const { gathered } = this
    this.gathered = ""
    return gathered
  }

  private readonly pausing: Effect.Effect<unknown> = Effect.suspend(() => {
    this.isPausing = this.gathered !== ""
    return Effect.as(this.isPausing ? this.options.send(this.take()) : Effect.void, this.isPausing)
  }).pipe(Effect.delay(pause), Effect.repeat({ while: (hasSent) => hasSent }))
}
