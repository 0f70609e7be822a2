import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Mailbox from "effect/Mailbox"
import * as Stream from "effect/Stream"
import type { Cluster, Redis } from "ioredis"
import { CircuitStoreError } from "../../CircuitStore.ts"

/**
 * Listens to channels on a connection of its own. What is said while the connection is lost is lost: every stream fails
 * then, so that whoever listens knows and begins anew. The first thing said is nothing: from then on all is heard.
 *
 * @internal
 */
export class Listener {
  private readonly client: Redis | Cluster
  private readonly mailboxes = new Map<string, Set<Mailbox.Mailbox<string, CircuitStoreError>>>()
  private isConnected: boolean

  constructor(client: Redis | Cluster) {
    this.client = client
    this.isConnected = client.status === "ready"
    client.on("ready", () => {
      this.isConnected = true
    })
    client.on("message", (channel: string, message: string) => {
      this.mailboxes.get(channel)?.forEach((mailbox) => mailbox.unsafeOffer(message))
    })
    client.on("close", () => {
      // An attempt to connect that came to nothing: who wants to subscribe still waits.
      if (!this.isConnected) return
      this.isConnected = false
      const error = new CircuitStoreError({ message: "the connection is lost" })
      for (const mailboxes of this.mailboxes.values()) {
        for (const mailbox of mailboxes) Effect.runSync(mailbox.fail(error))
      }
    })
  }

  messages(channel: string): Stream.Stream<string | undefined, CircuitStoreError> {
    return Stream.unwrapScoped(
      Effect.acquireRelease(this.listen(channel), (mailbox) => this.forget(channel, mailbox)).pipe(
        // Not part of the acquisition, which could not be interrupted: without a server it waits.
        Effect.tap(this.subscribing(channel)),
        Effect.map((mailbox) => Stream.prepend(Mailbox.toStream(mailbox), Chunk.of(undefined)))
      )
    )
  }

  private listen(channel: string): Effect.Effect<Mailbox.Mailbox<string, CircuitStoreError>> {
    return Effect.map(
      Mailbox.make<string, CircuitStoreError>({ capacity: 4096, strategy: "sliding" }),
      (mailbox) => {
        const others = this.mailboxes.get(channel)
        if (others === undefined) this.mailboxes.set(channel, new Set([mailbox]))
        else others.add(mailbox)
        return mailbox
      }
    )
  }

  private subscribing(channel: string): Effect.Effect<unknown, CircuitStoreError> {
    return Effect.tryPromise({
      try: () => this.client.subscribe(channel),
      catch: (cause) => new CircuitStoreError({ message: "cannot subscribe", cause })
    })
  }

  private forget(channel: string, mailbox: Mailbox.Mailbox<string, CircuitStoreError>): Effect.Effect<void> {
    return Effect.sync(() => {
      const others = this.mailboxes.get(channel)
      others?.delete(mailbox)
      if (others?.size !== 0) return
      this.mailboxes.delete(channel)
      // Nobody waits for it: the connection may be gone.
      this.client.unsubscribe(channel).catch(() => undefined)
    })
  }
}
