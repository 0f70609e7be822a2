import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Mailbox from "effect/Mailbox"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Cluster, Redis } from "ioredis"
import { CircuitStoreError } from "../error.ts"
import { storeError } from "./reason.ts"

type Messages = Mailbox.Mailbox<string, CircuitStoreError>

/**
 * Receives the messages of channels on a connection that does nothing else. A stream of messages begins with
 * `undefined` when its subscription is active. It fails when the connection is lost, because messages may be lost with
 * it; its consumer then subscribes again.
 *
 * The client of a cluster moves its subscriptions to another server without reporting that messages were lost
 * meanwhile. For a cluster, the listener therefore makes a connection of its own to one of the servers.
 *
 * @internal
 */
export class Listener {
  private readonly client: Redis | Cluster
  private readonly mailboxes = new Map<string, Set<Messages>>()
  private connection: Redis | undefined
  /** The channels that it may be subscribed to. */
  private readonly subscribed = new Set<string>()
  /** The index of the server of a cluster that the listener connects to next. */
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
      Effect.acquireRelease(this.addMailbox(channel), (mailbox) => this.removeMailbox(channel, mailbox)).pipe(
        // Subscribing waits for a server, so it is not part of the acquisition, which could not be interrupted.
        Effect.tap(this.subscribe(channel)),
        Effect.map((mailbox) => Stream.prepend(Mailbox.toStream(mailbox), Chunk.of(undefined)))
      )
    )
  }

  private addMailbox(channel: string): Effect.Effect<Messages> {
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

  private subscribe(channel: string): Effect.Effect<unknown, CircuitStoreError> {
    const failed = (cause: unknown) => storeError(this.client, cause, (text) => `cannot subscribe: ${text}`)
    return Effect.try({ try: () => this.connect(), catch: failed }).pipe(
      Effect.tap(onceReady),
      Effect.flatMap((connection) => {
        this.subscribed.add(channel)
        return Effect.tryPromise({ try: () => connection.subscribe(channel), catch: failed })
      })
    )
  }

  private removeMailbox(channel: string, mailbox: Messages): Effect.Effect<void> {
    return Effect.sync(() => {
      const others = this.mailboxes.get(channel)
      others?.delete(mailbox)
      if (others?.size !== 0) return
      this.mailboxes.delete(channel)
      // The result is not awaited, because the connection may be lost.
      this.connection?.unsubscribe(channel).catch(() => undefined)
    })
  }

  private connect(): Redis {
    if (this.connection !== undefined || this.hasEnded || !isCluster(this.client)) return this.attached
    const servers = this.client.nodes()
    const server = servers[this.next++ % servers.length]
    if (server === undefined) throw new CircuitStoreError({ message: "no server of the cluster is known" })
    // A lost connection is not made again, because the next one may be to another server.
    const connection = server.duplicate({ ...connectionOptions, retryStrategy: () => null })
    // The command that fails reports the error.
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
      if (!mailbox.unsafeOffer(message)) Effect.runSync(mailbox.fail(bufferIsFull))
    }
  }

  private readonly onClose = (): void => {
    if (isCluster(this.client)) this.detach()
    else {
      takeOut(this.client, this.subscribed)
      // An attempt to connect has failed, and those that want to subscribe still wait.
      if (!this.isConnected) return
    }
    this.isConnected = false
    for (const mailboxes of this.mailboxes.values()) {
      for (const mailbox of mailboxes) Effect.runSync(mailbox.fail(connectionIsLost))
    }
  }
}

/**
 * Whether a client is that of a cluster, even if another copy of `ioredis` made it.
 *
 * @internal
 */
export const isCluster = (client: Redis | Cluster): client is Cluster => client.isCluster

/**
 * Waits until a connection that is being made is ready or has ended. ioredis sends a subscription before that, and
 * commands that were queued earlier after it, so that a queued unsubscription of the same channel would undo it.
 */
const onceReady = (connection: Redis): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (["wait", "ready", "end"].includes(connection.status)) return resume(Effect.void)
    const removeListeners = (): Redis => connection.off("ready", done).off("end", done)
    const done = (): void => {
      removeListeners()
      resume(Effect.void)
    }
    connection.on("ready", done).on("end", done)
    return Effect.sync(removeListeners)
  })

/**
 * Keeps a client of the program's own from subscribing to some channels again when it is connected again. The listener
 * does that itself, and reports a refusal; ioredis would leave it unhandled, which ends the process. The subscriptions
 * of others on the same client are left to ioredis, which keeps the list for the next connection in a private field:
 * there is no public way to change it, and the option `autoResubscribe` holds for all of them.
 */
const takeOut = (client: Redis, channels: Iterable<string>): void => {
  const subscriptions: unknown = Reflect.get(client, "prevCondition")?.subscriber
  if (!hasDelete(subscriptions)) return
  for (const channel of channels) subscriptions.del("subscribe", channel)
}

const hasDelete = (
  value: unknown
): value is { readonly del: (command: "subscribe", channel: string) => void } =>
  typeof value === "object" && value !== null && "del" in value && typeof value.del === "function"

/**
 * Options of every connection of a listener: commands wait for the connection, and the listener subscribes again
 * itself.
 */
const connectionOptions = {
  enableOfflineQueue: true,
  autoResubscribe: false,
  lazyConnect: false,
  readOnly: false
}

const connectionIsLost = new CircuitStoreError({ message: "the connection is lost" })

const bufferIsFull = new CircuitStoreError({ message: "messages arrive faster than they are read" })
