import { CircuitBreaker } from "effect-circuit-breaker"
import * as Effect from "effect/Effect"
import * as Supervisor from "effect/Supervisor"
import { createHook } from "node:async_hooks"
import { setTimeout } from "node:timers/promises"
import Opossum from "opossum"
import { usedBytes } from "../case.ts"
import { acquireRelease } from "../effect3.ts"
import type { Case, Cases } from "../case.ts"

interface Idle {
  /** Fibers that run, where the library has such. */
  readonly fibers: number
  readonly release: () => Promise<void>
}

/** CPU time of the process, in milliseconds, while nothing happens. */
const idleCpuMillis = async (millis: number) => {
  // the collector and the compiler finish on threads of their own
  await setTimeout(millis / 4)
  const before = process.cpuUsage()
  await setTimeout(millis)
  const { system, user } = process.cpuUsage(before)
  return (system + user) / 1000
}

/** Timers started and neither fired nor cleared, also those that `unref` hides from `getActiveResourcesInfo`. */
const watchTimers = () => {
  const alive = new Set<number>()
  let isMaking = true
  const hook = createHook({
    init: (id, type) => void (isMaking && (type === "Timeout" || type === "Immediate") && alive.add(id)),
    destroy: (id) => void alive.delete(id)
  })
  hook.enable()
  return async () => {
    isMaking = false
    // those that have fired are reported a moment later
    await setTimeout(10)
    hook.disable()
    return alive.size
  }
}

/** Many breakers, made and left alone: what each costs in bytes, and what all of them cost in a second. */
const idleness =
  (makeAll: (count: number) => Promise<Idle>): Case =>
  async (size) => {
    const [breakers, idleMillis] = [size(10_000, 100), size(1_000, 5)]
    const first = await makeAll(10)
    await first.release()
    return async () => {
      const bytesBefore = usedBytes()
      const cpuBefore = await idleCpuMillis(idleMillis)
      const countTimers = watchTimers()
      const { fibers, release } = await makeAll(breakers)
      const timers = await countTimers()
      const bytes = (usedBytes() - bytesBefore) / breakers
      const cpuMore = (await idleCpuMillis(idleMillis)) - cpuBefore
      await release()
      return { bytes, fibers, timers, cpuMore }
    }
  }

export const cases: Cases = {
  breakers: idleness(async (count) => {
    const supervisor = await Effect.runPromise(Supervisor.track)
    const names = Array.from({ length: count }, (_, index) => `breaker-${index}`)
    const make = Effect.forEach(names, (name) => CircuitBreaker.make({ name }))
    const { release } = await acquireRelease(Effect.supervised(make, supervisor))
    const fibers = await Effect.runPromise(supervisor.value)
    return { fibers: fibers.length, release }
  }),
  opossum: idleness(async (count) => {
    const options = { timeout: false, resetTimeout: 3_600_000 } as const
    const breakers = Array.from({ length: count }, () => new Opossum(async () => 1, options))
    return { fibers: 0, release: async () => breakers.forEach((breaker) => breaker.shutdown()) }
  })
}
