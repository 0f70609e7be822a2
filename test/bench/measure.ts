import { join } from "node:path"
import { messageOf, start } from "./process.ts"
import type { Sample } from "./case.ts"
import type { Process } from "./process.ts"
import type { Group } from "./rows.ts"

/** The samples of each case, round by round, and of the cases that have failed, why. */
export interface Measured {
  readonly samples: ReadonlyMap<string, ReadonlyArray<Sample>>
  readonly failures: ReadonlyMap<string, string>
}

/**
 * Measures the cases of a group, each in a process of its own and one at a time, round by round and each first in turn.
 * In each session the processes are started anew, because one may be optimised differently from the next.
 */
export const measure = async (folder: string, group: Group, run: "full" | "smoke"): Promise<Measured> => {
  const figures = group.rows.flatMap(({ beside, of }) => (beside === undefined ? [of] : [of, beside.of]))
  const ids = [...new Set(figures.map((figure) => figure.case))]
  const samples = new Map(ids.map((id) => [id, [] as Array<Sample>]))
  const failures = new Map<string, string>()
  const attempt = async (id: string, task: () => Promise<unknown>) => {
    if (failures.has(id)) return
    try {
      await task()
    } catch (error) {
      failures.set(id, messageOf(error))
      samples.delete(id)
    }
  }
  const module = join(folder, "processes/case.js")
  const nodeOptions = ["--expose-gc", "--max-old-space-size=8192", ...group.nodeOptions]
  const [sessions, rounds] = run === "full" ? [group.sessions, group.rounds] : [1, 1]
  for (let session = 0; session < sessions; session++) {
    const running = new Map<string, Process<Sample>>()
    for (const id of ids) {
      await attempt(id, async () => running.set(id, await start(module, [id, run], nodeOptions)))
    }
    for (let round = 0; round < rounds; round++) {
      for (const id of ids) {
        await attempt(id, async () => samples.get(id)!.push(await running.get(id)!.ask()))
      }
      ids.push(...ids.splice(0, 1))
    }
    for (const { close } of running.values()) close()
  }
  return { samples, failures }
}
