import { collect } from "./heap.ts"
import { compareInTurn, warmUp } from "./timed.ts"
import type { Case, Loop, PrepareLoops } from "./case.ts"

/**
 * Bytes that a call allocates: how far the heap grows while so few are made that nothing is collected, in a process whose
 * young generation has room for them (`roomy` in the plan).
 */
export const allocated =
  (prepare: PrepareLoops): Case =>
  async (scale) => {
    const { bare, guarded } = await prepare(scale)
    const calls = scale === "full" ? 10_000 : 10
    for (const loop of [bare, guarded]) await warmUp(loop, scale, 8)
    const bytesPerCall = async (loop: Loop) => {
      collect()
      const before = process.memoryUsage().heapUsed
      await loop(calls)
      return (process.memoryUsage().heapUsed - before) / calls
    }
    return () =>
      compareInTurn(scale === "full" ? 5 : 1, {
        bare: () => bytesPerCall(bare),
        guarded: () => bytesPerCall(guarded)
      })
  }
