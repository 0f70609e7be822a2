import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Mailbox from "effect/Mailbox"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TooMany } from "./errors.ts"

/** The limits for a consumer's buffer: its size in bytes, and the time for which it may not become empty. */
const mostWaiting = 1_048_576
const longestWaitMillis = 30_000

interface Consumer {
  readonly mailbox: Mailbox.Mailbox<Uint8Array>
  waiting: number
  /** The time since which the buffer has not been empty. */
  waitingSince: number
  /** Ends the connection, even while a write is waiting for the consumer. */
  disconnect: Effect.Effect<void>
}

/**
 * A connected consumer: the events that it receives from now on, and the effect that removes it, which may run twice.
 *
 * @internal
 */
export interface Connected {
  readonly events: Stream.Stream<Uint8Array>
  readonly leave: Effect.Effect<unknown>
}

/**
 * The consumers of events. Each has its own bounded buffer. A consumer that does not read is disconnected, and does not
 * delay the others.
 *
 * @internal
 */
export class Streams {
  private readonly consumers = new Set<Consumer>()
  private readonly most: number

  constructor(most: number) {
    this.most = most
  }

  get size(): number {
    return this.consumers.size
  }

  /**
   * Connects a consumer until the scope closes. `destroy` ends its connection, if the server can do that. The fiber
   * that writes is interrupted in any case.
   */
  connect(destroy: (() => void) | undefined): Effect.Effect<Connected, TooMany, Scope.Scope> {
    const { consumers, most } = this
    return Effect.suspend(() => {
      if (consumers.size >= most)
        return Effect.fail(
          new TooMany({ message: `There are already ${most} streams of events, which is the limit` })
        )
      return Effect.map(
        Effect.acquireRelease(add(consumers, destroy), (consumer) => remove(consumers, consumer)),
        (consumer) => ({ events: streamOf(consumer), leave: remove(consumers, consumer) })
      )
    })
  }

  /** Sends a text, which is encoded once, to every consumer, and disconnects those that are too slow. */
  send(text: string): Effect.Effect<void> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const bytes = new TextEncoder().encode(text)
      return Effect.forEach(this.consumers, (consumer) => this.sendTo(consumer, bytes, now), {
        discard: true
      })
    })
  }

  /** Disconnects all consumers. */
  readonly end: Effect.Effect<void> = Effect.suspend(() =>
    Effect.forEach(
      Array.from(this.consumers),
      (consumer) => Effect.zipRight(remove(this.consumers, consumer), consumer.disconnect),
      {
        discard: true
      }
    )
  )

  private sendTo(consumer: Consumer, bytes: Uint8Array, now: number): Effect.Effect<void> {
    if (consumer.waiting === 0) consumer.waitingSince = now
    consumer.waiting += bytes.length
    if (consumer.waiting <= mostWaiting && now - consumer.waitingSince < longestWaitMillis) {
      consumer.mailbox.unsafeOffer(bytes)
      return Effect.void
    }
    return Effect.zipRight(remove(this.consumers, consumer), consumer.disconnect)
  }
}

const add = (consumers: Set<Consumer>, destroy: (() => void) | undefined): Effect.Effect<Consumer> =>
  Effect.map(Mailbox.make<Uint8Array>(), (mailbox) => {
    const disconnect = destroy === undefined ? Effect.void : Effect.sync(destroy)
    const consumer = { mailbox, waiting: 0, waitingSince: 0, disconnect }
    consumers.add(consumer)
    return consumer
  })

const remove = (consumers: Set<Consumer>, consumer: Consumer): Effect.Effect<unknown> =>
  Effect.suspend(() => {
    consumers.delete(consumer)
    return Effect.zipRight(consumer.mailbox.clear, consumer.mailbox.shutdown)
  })

const streamOf = (consumer: Consumer): Stream.Stream<Uint8Array> => {
  const events = Stream.map(Mailbox.toStream(consumer.mailbox), (bytes) => {
    // From here on, the bytes are in the connection's own buffers.
    consumer.waiting -= bytes.length
    return bytes
  })
  return Stream.unwrap(
    Effect.withFiberRuntime<Stream.Stream<Uint8Array>>((writer) => {
      const { disconnect } = consumer
      consumer.disconnect = Effect.zipRight(disconnect, Fiber.interruptFork(writer))
      return Effect.succeed(events)
    })
  )
}
