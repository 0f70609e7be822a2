import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Ref from "effect/Ref"
import { loop, work } from "../effect3.ts"
import { timed } from "../timed.ts"
import type { Cases } from "../case.ts"

interface State {
  readonly closed: boolean
}

type Protect = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** The least that a breaker on a `Ref` can do: a read, the call, and one `modify` that hands its exit through. */
const makeFloor = (): Protect => {
  const ref = Ref.unsafeMake<State>({ closed: true })
  return (effect) =>
    Effect.flatMap(Ref.get(ref), () =>
      Effect.matchCauseEffect(effect, {
        onFailure: (cause) => Effect.flatten(Ref.modify(ref, (state) => [Exit.failCause(cause), state])),
        onSuccess: (value) => Ref.modify(ref, (state) => [value, state])
      })
    )
}

export const cases: Cases = {
  reused: timed(async () => {
    const bare = Effect.sync(work)
    const guarded = makeFloor()(bare)
    return { bare: loop(() => bare), guarded: loop(() => guarded) }
  }),
  anew: timed(async () => {
    const protect = makeFloor()
    return { bare: loop(() => Effect.sync(work)), guarded: loop(() => protect(Effect.sync(work))) }
  })
}
