import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Mailbox from "effect/Mailbox"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Cluster, Redis } from "ioredis"
import { CircuitStoreError } from "../error.ts"

type Messages = Mailbox.Mailbox<string, CircuitStoreError>

/**
 * Listens to channels on a connection that does nothing else. What is said while it is lost is lost: every stream fails
 * then, so that whoever listens knows and begins anew. The first thing said is nothing: from then on all is heard.
 *
 * The client of a cluster moves its subscriptions to another server and tells nobody what was missed meanwhile, so there
 * the connection is one of the listener's own, to any of the servers.
 *
 * @internal
 */
export class Listener {
  private readonly client: Redis | Cluster
  private readonly mailboxes = new Map<string, Set<Messages>>()
  private connection: Redis | undefined
  /** Which of a cluster's servers is listened to next. */
  private next: number
  private isConnected = false
  private hasEnded = false

  static readonly make = (client: Redis | Cluster): Effect.Effect<Listener, never, Scope.Scope> =>
    Effect.acquireRelease(
      Effect.map(Random.nextIntBetween(0, 1_000_000), (first) => new Listener(client, first)),
      (listener) => Effect.sync(() => listener.end())
    )

  private constructor(client: Redis | Cluster, first: number) {
    this.client = client
    this.next = first
    if (!isCluster(client)) this.attach(client)
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

  private listen(channel: string): Effect.Effect<Messages> {
    return Effect.map(
      Mailbox.make<string, CircuitStoreError>({ capacity: 4096, strategy: "dropping" }),
      (mailbox) => {
        const others = this.mailboxes.get(channel)
        if (others === undefined) this.mailboxes.set(channel, new Set([mailbox]))
        else others.add(mailbox)
        return mailbox
      }
    )
  }

  private subscribing(channel: string): Effect.Effect<unknown, CircuitStoreError> {
    return Effect.try(() => this.connect()).pipe(
      Effect.tap(onceReady),
      Effect.flatMap((connection) => Effect.tryPromise(() => connection.subscribe(channel))),
      Effect.mapError((cause) => new CircuitStoreError({ message: "cannot subscribe", cause }))
    )
  }

  private forget(channel: string, mailbox: Messages): Effect.Effect<void> {
    return Effect.sync(() => {
      const others = this.mailboxes.get(channel)
      others?.delete(mailbox)
      if (others?.size !== 0) return
      this.mailboxes.delete(channel)
      // Nobody waits for it: the connection may be gone.
      this.connection?.unsubscribe(channel).catch(() => undefined)
    })
  }

  // -------------------------------------------------------------------------------------------------------
  // The connection

  private connect(): Redis {
    if (this.connection !== undefined || this.hasEnded || !isCluster(this.client)) return this.attached
    const servers = this.client.nodes()
    const server = servers[this.next++ % servers.length]
    if (server === undefined) throw new CircuitStoreError({ message: "no server of the cluster is known" })
    // Lost, it is not made again: the next one may be to another server.
    const connection = server.duplicate({ ...ofCluster, retryStrategy: () => null })
    // Reported by whoever asks.
    connection.on("error", () => undefined)
    return this.attach(connection)
  }

  private get attached(): Redis {
    if (this.connection === undefined) throw new CircuitStoreError({ message: "the listener has ended" })
    return this.connection
  }

  private attach(connection: Redis): Redis {
    this.connection = connection
    this.isConnected = connection.status === "ready"
    return connection.on("ready", this.onReady).on("message", this.onMessage).on("close", this.onClose)
  }

  private end(): void {
    this.hasEnded = true
    this.detach()
  }

  private detach(): void {
    const { connection } = this
    this.connection = undefined
    connection?.off("ready", this.onReady).off("message", this.onMessage).off("close", this.onClose)
    if (isCluster(this.client)) connection?.disconnect()
  }

  private readonly onReady = (): void => {
    this.isConnected = true
  }

  private readonly onMessage = (channel: string, message: string): void => {
    for (const mailbox of this.mailboxes.get(channel) ?? []) {
      if (!mailbox.unsafeOffer(message)) Effect.runSync(mailbox.fail(tooMany))
    }
  }

  private readonly onClose = (): void => {
    if (isCluster(this.client)) this.detach()
    // An attempt to connect that came to nothing: who wants to subscribe still waits.
    else if (!this.isConnected) return
    this.isConnected = false
    for (const mailboxes of this.mailboxes.values()) {
      for (const mailbox of mailboxes) Effect.runSync(mailbox.fail(lost))
    }
  }
}

/**
 * Whether a client is that of a cluster, whichever copy of `ioredis` it is of.
 *
 * @internal
 */
export const isCluster = (client: Redis | Cluster): client is Cluster => client.isCluster

/**
 * Waits until a connection that is being made is ready or has ended. ioredis sends a subscription sooner than that, and
 * what was queued before it later: an unsubscription of the same channel would undo it.
 */
const onceReady = (connection: Redis): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (["wait", "ready", "end"].includes(connection.status)) return resume(Effect.void)
    const forget = (): Redis => connection.off("ready", done).off("end", done)
    const done = (): void => {
      forget()
      resume(Effect.void)
    }
    connection.on("ready", done).on("end", done)
    return Effect.sync(forget)
  })

/** As every connection of a listener: what it cannot send waits, and who listens subscribes again. */
const ofCluster = { enableOfflineQueue: true, autoResubscribe: false, lazyConnect: false, readOnly: false }

const lost = new CircuitStoreError({ message: "the connection is lost" })

const tooMany = new CircuitStoreError({ message: "more is said than is listened to" })
