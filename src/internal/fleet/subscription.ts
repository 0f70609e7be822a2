import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Change } from "../../CircuitStore.ts"
import type { Caller } from "../fiber/caller.ts"
import type { CircuitStoreError } from "../stores/error.ts"
import type { Exchanges } from "./exchanges.ts"
import type { Node } from "./node.ts"

/**
 * Hears of the changes that other processes make.
 *
 * @internal
 */
export class Subscription {
  private readonly node: Node
  private readonly exchanges: Exchanges
  private hasListened = false
  /** How often in a row it has failed. */
  private failedAttempts = 0

  constructor(node: Node, exchanges: Exchanges) {
    this.node = node
    this.exchanges = exchanges
  }

  /** Listens, for as long as it runs, and begins again after every end. */
  get running(): Effect.Effect<void> {
    const { name, store } = this.node
    const heard = Stream.runForEach(store.changes(name), (change) =>
      Effect.withFiberRuntime<void>((caller) => Effect.succeed(this.heard(change, caller)))
    )
    return Effect.catchAll(heard, (error) =>
      Effect.withFiberRuntime<void>((caller) => Effect.succeed(this.reportSilence(error, caller)))
    ).pipe(
      (listening) => this.node.sound(listening),
      Effect.ensuring(
        Effect.sync(() => {
          this.node.isListening = false
        })
      ),
      Effect.zipRight(Effect.sleep(store.coordination.syncInterval)),
      Effect.forever
    )
  }

  private heard(change: Change, caller: Caller): void {
    if (change._tag === "Listening") return this.begun(caller)
    const { breaker, connection } = this.node
    if (change._tag === "Changed") connection.heard(change.now, caller)
    const entry = breaker.circuits.find(change.key, breaker.now(caller))
    if (entry === undefined) return
    this.node.step(
      this.node.memberOf(entry),
      change._tag === "Failing"
        ? { _tag: "FailuresHeard", listeners: change.listeners ?? 0 }
        : { _tag: "ChangeHeard", now: change.now, revision: change.revision, state: change.state },
      caller
    )
  }

  /** Changes are heard from here on; what may have been missed has to be asked for. */
  private begun(caller: Caller): void {
    this.failedAttempts = 0
    this.node.isListening = true
    if (this.hasListened) {
      this.node.forget(caller)
    } else {
      // The first calls have asked a moment ago: no other one has to wait for that again.
      this.hasListened = true
      for (const entry of this.node.breaker.circuits.every())
        void this.exchanges.request(this.node.memberOf(entry))
    }
  }

  /** Logs, once, why changes cannot be heard although the store answers. After an outage, one attempt may fail. */
  private reportSilence({ message }: CircuitStoreError, caller: Caller): void {
    this.failedAttempts++
    if (this.failedAttempts < 2 || this.node.connection.link.isFailing) return
    this.node.report(
      `Changes of circuits in the store are not heard, this process asks every interval instead: ${message}`,
      caller
    )
  }
}
