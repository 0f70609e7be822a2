import * as Effect from "effect/Effect"
import type { Fork } from "./node.ts"

/**
 * Spreads work over turns of the event loop, in its order: each turn has room for work of a limited total size.
 *
 * @internal
 */
export class Turns {
  private readonly size: number
  private readonly fork: Fork
  private room: number
  private waiting: Array<Waiting> = []

  constructor(size: number, fork: Fork) {
    this.size = size
    this.fork = fork
    this.room = size
  }

  /** Waits for a turn with room for work of this size. Larger work than a turn has room for gets a turn of its own. */
  enter(size: number): Effect.Effect<void> {
    return Effect.async((resume) => {
      this.waiting.push({ size, resume })
      if (this.waiting.length === 1) this.letIn()
    })
  }

  private letIn(): void {
    const isNew = this.room === this.size
    for (let next = this.waiting[0]; next !== undefined && this.hasRoomFor(next); next = this.waiting[0]) {
      this.waiting.shift()
      this.room -= next.size
      next.resume(Effect.void)
    }
    if (isNew && this.room < this.size) this.fork(this.startTurn)
  }

  private hasRoomFor({ size }: Waiting): boolean {
    return size <= this.room || this.room === this.size
  }

  private get startTurn(): Effect.Effect<void> {
    return Effect.zipRight(
      nextTurn,
      Effect.sync(() => {
        this.room = this.size
        this.letIn()
      })
    )
  }
}

interface Waiting {
  readonly size: number
  readonly resume: (entered: Effect.Effect<void>) => void
}

/**
 * Waits for the next turn of the event loop. A single timer could still fire in this turn, because it is due once the
 * work of this turn has taken a millisecond.
 */
const nextTurn = Effect.zipRight(Effect.sleep(0), Effect.sleep(0))
