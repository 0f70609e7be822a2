import * as Effect from "effect/Effect"

/**
 * A request to the store about one or several circuits, for whose answer fibers may wait.
 *
 * @internal
 */
export class Pending {
  private readonly waiting: Array<(answered: Effect.Effect<void>) => void> = []
  private isDone = false

  /** Resumes a fiber when the store has answered or has failed. Resuming an interrupted fiber has no effect. */
  readonly add = (resume: (answered: Effect.Effect<void>) => void): void => {
    if (this.isDone) resume(Effect.void)
    else this.waiting.push(resume)
  }

  /** Waits until the store has answered or has failed. */
  get end(): Effect.Effect<void> {
    return Effect.async(this.add)
  }

  /** Resumes all fibers that wait. */
  done(): void {
    if (this.isDone) return
    this.isDone = true
    for (const resume of this.waiting) resume(Effect.void)
  }
}
