import * as Deferred from "effect/Deferred"
import * as Exit from "effect/Exit"
import type * as FiberId from "effect/FiberId"
import { interrupted } from "../fiber/interruption.ts"

/**
 * The fibers that wait for a circuit to become ready, by key.
 *
 * @internal
 */
export class Waiters {
  private readonly byKey = new Map<string, Set<Deferred.Deferred<void>>>()
  private hasEnded = false

  /** Adds a signal for the next change that makes the circuit ready sooner. The caller has to `forget` it. */
  add(key: string, fiber: FiberId.FiberId): Deferred.Deferred<void> {
    const signal = Deferred.unsafeMake<void>(fiber)
    if (this.hasEnded) Deferred.unsafeDone(signal, interrupted)
    const others = this.byKey.get(key)
    if (others === undefined) this.byKey.set(key, new Set([signal]))
    else others.add(signal)
    return signal
  }

  forget(key: string, signal: Deferred.Deferred<void>): void {
    const others = this.byKey.get(key)
    if (others?.delete(signal) === true && others.size === 0) this.byKey.delete(key)
  }

  has(key: string): boolean {
    return this.byKey.size > 0 && this.byKey.has(key)
  }

  wake(key: string, exit: Exit.Exit<void> = Exit.void): void {
    this.byKey.get(key)?.forEach((signal) => Deferred.unsafeDone(signal, exit))
  }

  /** Interrupts all waiters, including later ones. */
  end(): void {
    this.hasEnded = true
    for (const key of this.byKey.keys()) this.wake(key, interrupted)
  }
}
