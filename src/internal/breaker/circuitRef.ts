import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as Readable from "effect/Readable"
import * as Ref from "effect/Ref"
import type { Circuit } from "../core/circuit.ts"
import type { Caller } from "../fiber/caller.ts"

/**
 * The `Ref` of a circuit. Calls read and write it without an effect, and it takes only a few words of memory, because
 * there may be a million of them. A change through the interface of `Ref` has the same consequences as every other
 * change: the entry moves to another list, metrics count it, and observers receive it.
 *
 * @internal
 */
export abstract class CircuitRef
  extends Effectable.Class<Circuit<unknown>>
  implements Ref.Ref<Circuit<unknown>>
{
  current: Circuit<unknown>

  constructor(circuit: Circuit<unknown>) {
    super()
    this.current = circuit
  }

  /** Replaces the circuit in the same way as the breaker. */
  protected abstract replace(next: Circuit<unknown>, caller: Caller): void

  get [Ref.RefTypeId]() {
    return variance
  }

  get [Readable.TypeId](): Readable.TypeId {
    return Readable.TypeId
  }

  get get(): Effect.Effect<Circuit<unknown>> {
    return Effect.sync(() => this.current)
  }

  override commit(): Effect.Effect<Circuit<unknown>> {
    return this.get
  }

  modify<B>(f: (circuit: Circuit<unknown>) => readonly [B, Circuit<unknown>]): Effect.Effect<B> {
    return Effect.withFiberRuntime((caller) => {
      const [answer, next] = f(this.current)
      this.replace(next, caller)
      return Effect.succeed(answer)
    })
  }
}

const variance = { _A: (circuit: Circuit<unknown>) => circuit }
