import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"

// An error whose constructor never runs `Error`: capturing the JavaScript stack is most of a rejection's cost, and a
// rejection says nothing about the code that happened to ask. The prototype is that of every Effect error, so it is
// an `instanceof Error` and can be yielded.
const StacklessError: new () => Cause.YieldableError = function () {} as never
StacklessError.prototype = Object.create(Cause.YieldableError.prototype)

/**
 * The edge to Effect's errors: the hidden part of a `CircuitOpenError`, which says which circuit made it. A circuit
 * recognises its own rejections by that. A rejection of another process is a failure, whatever names it bears.
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
 * The cause without the rejections of a circuit: the same where it holds none of them, and nothing where interruptions
 * are all else that it holds.
 *
 * @internal
 */
export const withoutRejections = <E>(circuit: object, cause: Cause.Cause<E>): Cause.Cause<E> | undefined => {
  if (cause._tag === "Fail") return Rejection.isBy(circuit, cause.error) ? undefined : cause
  if (!Chunk.some(Cause.failures(cause), (error) => Rejection.isBy(circuit, error))) return cause
  const others = Cause.filter(cause, (it) => it._tag !== "Fail" || !Rejection.isBy(circuit, it.error))
  return Cause.isInterruptedOnly(others) ? undefined : others
}
