import { CircuitBreaker } from "effect-circuit-breaker"
import * as Effect from "effect/Effect"
import * as Supervisor from "effect/Supervisor"
import { acquireRelease } from "../effect3.ts"
import { idleness } from "../idleness.ts"
import type { Cases } from "../case.ts"

export const cases: Cases = {
  breakers: idleness(async (count) => {
    const supervisor = await Effect.runPromise(Supervisor.track)
    const names = Array.from({ length: count }, (_, index) => `breaker-${index}`)
    const make = Effect.forEach(names, (name) => CircuitBreaker.make({ name }))
    const { release } = await acquireRelease(Effect.supervised(make, supervisor))
    const fibers = await Effect.runPromise(supervisor.value)
    return { fibers: fibers.length, release }
  })
}
