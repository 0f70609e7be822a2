import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as Readable from "effect/Readable"
import * as Ref from "effect/Ref"
import type { Circuit } from "../core/circuit.ts"

/**
 * A `Ref` of a circuit whose value the call path also reads and writes without an effect, and which costs a few words:
 * there may be a million of them.
 *
 * @internal
 */
export class CircuitRef extends Effectable.Class<Circuit<unknown>> implements Ref.Ref<Circuit<unknown>> {
  current: Circuit<unknown>

  constructor(circuit: Circuit<unknown>) {
    super()
    this.current = circuit
  }

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
    return Effect.sync(() => {
      const [answer, next] = f(this.current)
      this.current = next
      return answer
    })
  }
}

const variance = { _A: (circuit: Circuit<unknown>) => circuit }
