import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Mailbox from "effect/Mailbox"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TooMany } from "./errors.ts"

/** The most that waits for one consumer, in characters, and the longest that something does. */
const mostWaiting = 1_048_576
const longestWaitMillis = 30_000

interface Consumer {
  readonly mailbox: Mailbox.Mailbox<string>
  waiting: number
  /** Since when something has waited. */
  waitingSince: number
  /** Ends the connection, even while a write waits for the consumer. */
  disconnect: Effect.Effect<void>
}

/**
 * A connected consumer: the texts that it receives from now on, and how to disconnect it, which may happen twice.
 *
 * @internal
 */
export interface Connected {
  readonly events: Stream.Stream<Uint8Array>
  readonly leave: Effect.Effect<unknown>
}

/**
 * The consumers of events. Each has a buffer of its own, which is bounded: a consumer that does not read is disconnected,
 * and delays nobody.
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
   * Connects a consumer for as long as the scope lasts. `destroy` ends its connection, where the server has a way to do
   * that; otherwise the fiber that writes is interrupted.
   */
  connect(destroy: (() => void) | undefined): Effect.Effect<Connected, TooMany, Scope.Scope> {
    const { consumers, most } = this
    return Effect.suspend(() => {
      if (consumers.size >= most)
        return Effect.fail(
          new TooMany({ message: `There are ${most} streams of events, which is the most allowed` })
        )
      return Effect.map(
        Effect.acquireRelease(add(consumers, destroy), (consumer) => remove(consumers, consumer)),
        (consumer) => ({ events: streamOf(consumer), leave: remove(consumers, consumer) })
      )
    })
  }

  /** Sends a text to every consumer, and disconnects those that are too slow. */
  send(text: string): Effect.Effect<void> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.forEach(this.consumers, (consumer) => this.sendTo(consumer, text, now), { discard: true })
    )
  }

  /** Disconnects everybody. */
  readonly end: Effect.Effect<void> = Effect.suspend(() =>
    Effect.forEach(
      Array.from(this.consumers),
      (consumer) => Effect.zipRight(remove(this.consumers, consumer), consumer.disconnect),
      {
        discard: true
      }
    )
  )

  private sendTo(consumer: Consumer, text: string, now: number): Effect.Effect<void> {
    if (consumer.waiting === 0) consumer.waitingSince = now
    consumer.waiting += text.length
    if (consumer.waiting <= mostWaiting && now - consumer.waitingSince < longestWaitMillis) {
      consumer.mailbox.unsafeOffer(text)
      return Effect.void
    }
    return Effect.zipRight(remove(this.consumers, consumer), consumer.disconnect)
  }
}

const add = (consumers: Set<Consumer>, destroy: (() => void) | undefined): Effect.Effect<Consumer> =>
  Effect.map(Mailbox.make<string>(), (mailbox) => {
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
  const encoder = new TextEncoder()
  const encoded = Stream.map(Mailbox.toStream(consumer.mailbox), (text) => {
    // It is the connection's from here on.
    consumer.waiting -= text.length
    return encoder.encode(text)
  })
  return Stream.unwrap(
    Effect.withFiberRuntime<Stream.Stream<Uint8Array>>((writer) => {
      const { disconnect } = consumer
      consumer.disconnect = Effect.zipRight(disconnect, Fiber.interruptFork(writer))
      return Effect.succeed(encoded)
    })
  )
}
