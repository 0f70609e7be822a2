import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Mailbox from "effect/Mailbox"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/**
 * Publishes messages synchronously, without an effect. Each subscriber has a buffer of its own, which drops its oldest
 * message when it is full. A slow subscriber therefore loses old messages but never new ones, and delays no publisher.
 *
 * @internal
 */
export class Broadcast<A> {
  private readonly subscribers = new Set<Subscriber<A>>()
  private ended = false

  /** A subscription that begins now. After `end`, it closes when its buffered messages have been read. */
  readonly subscription: Effect.Effect<Mailbox.ReadonlyMailbox<A>, never, Scope.Scope> = this.subscribe(
    Effect.map(Mailbox.make<A>({ capacity, strategy: "sliding" }), (mailbox) => [
      mailbox,
      {
        offer: (message) => void mailbox.unsafeOffer(message),
        end: () => mailbox.unsafeDone(Exit.void)
      }
    ])
  )

  readonly stream: Stream.Stream<A> = Stream.unwrapScoped(Effect.map(this.subscription, Mailbox.toStream))

  /** A subscription as a queue, which `end` shuts down. */
  readonly queue: Effect.Effect<Queue.Dequeue<A>, never, Scope.Scope> = this.subscribe(
    Effect.map(Queue.sliding<A>(capacity), (queue) => [
      queue,
      {
        offer: (message) => {
          // A full sliding queue drops its oldest message only if the new one is offered as an effect.
          if (!queue.unsafeOffer(message)) Effect.runSync(Queue.offer(queue, message))
        },
        end: () => Effect.runSync(Queue.shutdown(queue))
      }
    ])
  )

  publish(message: A): void {
    for (const subscriber of this.subscribers) subscriber.offer(message)
  }

  /** Ends every subscription, later ones included. */
  end(): void {
    this.ended = true
    for (const subscriber of this.subscribers) subscriber.end()
  }

  private subscribe<B>(
    make: Effect.Effect<readonly [buffer: B, subscriber: Subscriber<A>]>
  ): Effect.Effect<B, never, Scope.Scope> {
    const acquire = Effect.tap(make, ([, subscriber]) => {
      this.subscribers.add(subscriber)
      if (this.ended) subscriber.end()
    })
    return Effect.map(
      Effect.acquireRelease(acquire, ([, subscriber]) =>
        Effect.sync(() => {
          this.subscribers.delete(subscriber)
          subscriber.end()
        })
      ),
      ([buffer]) => buffer
    )
  }
}

interface Subscriber<A> {
  readonly offer: (message: A) => void
  readonly end: () => void
}

const capacity = 1024
