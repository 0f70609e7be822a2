import { createHook } from "node:async_hooks"
import { setTimeout } from "node:timers/promises"
import { usedBytes } from "./heap.ts"
import type { Case } from "./case.ts"

const sizes = {
  full: { breakers: 10_000, idleMillis: 1000 },
  smoke: { breakers: 100, idleMillis: 5 }
} as const

export interface Idle {
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
    init: (id, type) =>
      void (isMaking && (type === "Timeout" || type === "Immediate") ? alive.add(id) : undefined),
    destroy: (id) => void alive.delete(id)
  })
  hook.enable()
  return async () => {
    isMaking = false
    // those that are over are reported a moment later
    await setTimeout(10)
    hook.disable()
    return alive.size
  }
}

/** Many breakers, made and left alone. A sample tells what they cost: each in bytes, and all of them in a second. */
export const idleness =
  (makeAll: (count: number) => Promise<Idle>): Case =>
  async (scale) => {
    const { breakers, idleMillis } = sizes[scale]
    const first = await makeAll(10)
    await first.release()
    return async () => {
      const bytesBefore = usedBytes()
      const resourcesBefore = process.getActiveResourcesInfo().length
      const cpuBefore = await idleCpuMillis(idleMillis)
      const countTimers = watchTimers()
      const idle = await makeAll(breakers)
      const timers = await countTimers()
      const bytes = (usedBytes() - bytesBefore) / breakers
      const resources = process.getActiveResourcesInfo().length - resourcesBefore
      const cpuMillis = await idleCpuMillis(idleMillis)
      await idle.release()
      const { fibers } = idle
      return { bytes, fibers, timers, resources, cpuMillis, cpuMore: cpuMillis - cpuBefore }
    }
  }
