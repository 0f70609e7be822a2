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

const makeRef = () => Ref.unsafeMake<State>({ closed: true })

/** The least that a breaker on a `Ref` can do: a read, the call, and one `modify` that hands its exit through. */
const makeFloor = (): Protect => {
  const ref = makeRef()
  return (effect) =>
    Effect.flatMap(Ref.get(ref), () =>
      Effect.matchCauseEffect(effect, {
        onFailure: (cause) => Effect.flatten(Ref.modify(ref, (state) => [Exit.failCause(cause), state])),
        onSuccess: (value) => Ref.modify(ref, (state) => [value, state])
      })
    )
}

/** The same where the `modify` answers something else, as it does in a breaker, and the exit comes after it. */
const makeFloorThenExit = (): Protect => {
  const ref = makeRef()
  const settle = Ref.modify(ref, (state): [boolean, State] => [false, state])
  return (effect) =>
    Effect.flatMap(Ref.get(ref), () =>
      Effect.matchCauseEffect(effect, {
        onFailure: (cause) => Effect.zipRight(settle, Exit.failCause(cause)),
        onSuccess: (value) => Effect.zipRight(settle, Exit.succeed(value))
      })
    )
}

const reused = (make: () => Protect) =>
  timed(async () => {
    const bare = Effect.sync(work)
    const guarded = make()(bare)
    return { bare: loop(() => bare), guarded: loop(() => guarded) }
  })

const anew = (make: () => Protect) =>
  timed(async () => {
    const protect = make()
    return { bare: loop(() => Effect.sync(work)), guarded: loop(() => protect(Effect.sync(work))) }
  })

export const cases: Cases = {
  reused: reused(makeFloor),
  anew: anew(makeFloor),
  "then-exit-reused": reused(makeFloorThenExit),
  "then-exit-anew": anew(makeFloorThenExit)
}
