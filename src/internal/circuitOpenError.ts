import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"

// An error whose constructor does not call that of `Error`, because capturing a JavaScript stack is most of the cost of
// a rejection, and the stack would not help: a rejection is not the fault of its caller. It has the prototype of
// Effect's errors, so it is an `instanceof Error` and can be yielded.
const StacklessError: new () => Cause.YieldableError = function () {} as never
StacklessError.prototype = Object.create(Cause.YieldableError.prototype)

/**
 * The edge to Effect's errors: the private part of a `CircuitOpenError`, which is the identity of the circuit that made
 * it. A circuit recognises its own rejections by this. A rejection by another circuit or process is a failure like any
 * other, even if it names the same breaker and key.
 *
 * @internal
 */
export class Rejection extends StacklessError {
  #circuit: object | undefined = undefined

  /** Marks a rejection as made by a circuit. */
  static by<A extends object>(circuit: object, rejection: A): A {
    if (#circuit in rejection) rejection.#circuit = circuit
    return rejection
  }

  static isBy(circuit: object, error: unknown): boolean {
    return typeof error === "object" && error !== null && #circuit in error && error.#circuit === circuit
  }
}

/**
 * The cause without the rejections of a circuit. It is the same object if there are none, and `undefined` if nothing
 * but interruption remains.
 *
 * @internal
 */
export const withoutRejections = <E>(circuit: object, cause: Cause.Cause<E>): Cause.Cause<E> | undefined => {
  if (cause._tag === "Fail") return Rejection.isBy(circuit, cause.error) ? undefined : cause
  if (!Chunk.some(Cause.failures(cause), (error) => Rejection.isBy(circuit, error))) return cause
  const others = Cause.filter(cause, (it) => it._tag !== "Fail" || !Rejection.isBy(circuit, it.error))
  return Cause.isInterruptedOnly(others) ? undefined : others
}
