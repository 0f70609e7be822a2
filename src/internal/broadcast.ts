import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Mailbox from "effect/Mailbox"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/**
 * Publishes without an effect and without waiting. Each subscriber has a mailbox of its own that lets go of the oldest
 * when it is full, so a slow one loses what is old, never what is new, and holds nobody up.
 *
 * @internal
 */
export class Broadcast<A> {
  private readonly mailboxes = new Set<Mailbox.Mailbox<A>>()
  private ended = false

  /** A subscription from now on. */
  readonly subscription: Effect.Effect<Mailbox.ReadonlyMailbox<A>, never, Scope.Scope> =
    Effect.acquireRelease(this.subscribe(), (mailbox) => this.unsubscribe(mailbox))

  readonly stream: Stream.Stream<A> = Stream.unwrapScoped(Effect.map(this.subscription, Mailbox.toStream))

  publish(message: A): void {
    for (const mailbox of this.mailboxes) mailbox.unsafeOffer(message)
  }

  /** Ends every subscription, each after what it still holds. */
  end(): void {
    this.ended = true
    for (const mailbox of this.mailboxes) mailbox.unsafeDone(Exit.void)
  }

  private subscribe(): Effect.Effect<Mailbox.Mailbox<A>> {
    return Effect.map(Mailbox.make<A>({ capacity: 1024, strategy: "sliding" }), (mailbox) => {
      if (this.ended) mailbox.unsafeDone(Exit.void)
      this.mailboxes.add(mailbox)
      return mailbox
    })
  }

  private unsubscribe(mailbox: Mailbox.Mailbox<A>): Effect.Effect<void> {
    return Effect.sync(() => {
      this.mailboxes.delete(mailbox)
    })
  }
}
