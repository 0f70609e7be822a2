/** A node's way to a store, which does not always answer. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { CircuitStore } from "effect-circuit-breaker"

/** The fate of a command: one whose answer is lost has been executed. */
export type Fate = "answered" | "refused" | "lost on the way back" | "never answered"

export class FlakyStore {
  /** While it is, each command and each message draws a fate. */
  isFlaky = false
  private readonly target: CircuitStore.Store
  private readonly draw: (of: string) => Fate

  constructor(target: CircuitStore.Store, draw: (of: string) => Fate) {
    this.target = target
    this.draw = draw
  }

  get store(): CircuitStore.Store {
    return {
      coordination: this.target.coordination,
      exchange: (requests) => this.send("exchange", this.target.exchange(requests)),
      compareAndSet: (request) => this.send("compareAndSet", this.target.compareAndSet(request)),
      changes: (breaker) => Stream.tap(this.target.changes(breaker), () => this.heard)
    }
  }

  private fate(of: string): Effect.Effect<Fate> {
    return Effect.sync(() => (this.isFlaky ? this.draw(of) : "answered"))
  }

  // A node that misses a change does not ask for it by itself, but it notices the end of its subscription.
  private get heard(): Effect.Effect<void, CircuitStore.CircuitStoreError> {
    return Effect.flatMap(this.fate("a change"), (fate) =>
      fate === "answered" ? Effect.void : Effect.fail(isDown)
    )
  }

  private send<A>(
    name: string,
    command: Effect.Effect<A, CircuitStore.CircuitStoreError>
  ): Effect.Effect<A, CircuitStore.CircuitStoreError> {
    // Between two commands of a node, others get their turn.
    return Effect.flatMap(Effect.zipRight(Effect.yieldNow(), this.fate(name)), (fate) => {
      switch (fate) {
        case "answered":
          return command
        case "refused":
          return Effect.fail(isDown)
        case "lost on the way back":
          return Effect.zipRight(command, Effect.fail(isDown))
        case "never answered":
          return Effect.never
      }
    })
  }
}

const isDown = new CircuitStore.CircuitStoreError({ message: "the store is down" })
