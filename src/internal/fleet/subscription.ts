import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Change } from "../../CircuitStore.ts"
import { eventOf } from "../core/replica/events.ts"
import { resubscribed } from "../core/replica/freshness.ts"
import type { Caller } from "../fiber/caller.ts"
import type { CircuitStoreError } from "../stores/error.ts"
import type { Exchanges } from "./exchanges.ts"
import type { Node } from "./node.ts"

/**
 * Receives the notifications of other processes.
 *
 * @internal
 */
export class Subscription {
  private readonly node: Node
  private readonly exchanges: Exchanges
  private hasListened = false
  /** The number of consecutive failures. */
  private failedAttempts = 0

  constructor(node: Node, exchanges: Exchanges) {
    this.node = node
    this.exchanges = exchanges
  }

  /** Subscribes, and subscribes again whenever the subscription ends. */
  get running(): Effect.Effect<void> {
    const { name, store } = this.node
    const received = Stream.runForEach(store.changes(name), (change) =>
      Effect.withFiberRuntime<void>((caller) => Effect.succeed(this.received(change, caller)))
    )
    return Effect.catchAll(received, (error) =>
      Effect.withFiberRuntime<void>((caller) => Effect.succeed(this.reportFailure(error, caller)))
    ).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          this.node.isListening = false
        })
      ),
      (listening) => this.node.reportingDefects(listening),
      Effect.zipRight(Effect.sleep(store.coordination.syncInterval)),
      Effect.forever
    )
  }

  private received(change: Change, caller: Caller): void {
    if (change._tag === "Listening") return this.started(caller)
    const { breaker, connection } = this.node
    if (change._tag === "Changed") connection.changeReceived(change.now, caller)
    const entry = breaker.circuits.find(change.key, breaker.now(caller))
    if (entry === undefined) return
    this.node.step(this.node.replicaOf(entry), eventOf(change), caller)
  }

  /** From now on no notification is missed; earlier ones may have been, so circuits are read again. */
  private started(caller: Caller): void {
    this.failedAttempts = 0
    this.node.isListening = true
    if (this.hasListened) {
      this.node.react(resubscribed, caller)
    } else {
      // The first calls asked before notifications began. Their circuits are read again, and no call waits for that.
      this.hasListened = true
      for (const entry of this.node.breaker.circuits.every())
        this.exchanges.request(this.node.replicaOf(entry))
    }
  }

  /** Logs, once, why no notifications arrive although the store answers. The first attempt after an outage may fail. */
  private reportFailure({ message }: CircuitStoreError, caller: Caller): void {
    this.failedAttempts++
    if (this.failedAttempts < 2 || this.node.connection.link.isFailing) return
    this.node.report(
      `Notifications of circuits do not arrive, so this process asks the store once per interval instead: ${message}`,
      caller
    )
  }
}
