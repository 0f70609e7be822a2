import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"

/**
 * The edge to Effect's FiberRefs: a value that fibers inherit from the fiber that forks them, and that a fiber that
 * joins them does not take over.
 *
 * @internal
 */
export const unsafeMake = <A>(): FiberRef.FiberRef<A | undefined> =>
  FiberRef.unsafeMake<A | undefined>(undefined, { join: (own) => own })

/**
 * Gives the fiber a value in place of the one that it has or has inherited, which is the result. The old value is
 * deleted, because Effect keeps inherited values beneath a new one: in a row of fibers of which each sets a value and
 * forks the next, every fiber would have the values of all before it.
 *
 * @internal
 */
export const replace = <A>(
  ref: FiberRef.FiberRef<A | undefined>,
  value: A | undefined
): Effect.Effect<A | undefined> =>
  Effect.zipLeft(
    FiberRef.get(ref),
    value === undefined
      ? FiberRef.delete(ref)
      : Effect.zipRight(FiberRef.delete(ref), FiberRef.set(ref, value))
  )
