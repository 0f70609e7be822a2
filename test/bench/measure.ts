import { casesOf } from "./plan.ts"
import { start } from "./process.ts"
import type { Entries } from "./compile.ts"
import type { Sample, Scale } from "./case.ts"
import type { Measurements } from "./comparison.ts"
import type { Group } from "./plan.ts"
import type { CaseProcess } from "./process.ts"

/** Runs a task for each item, so many at a time. */
const forEach = async <A>(items: ReadonlyArray<A>, atOnce: number, task: (item: A) => Promise<void>) => {
  const waiting = [...items]
  const take = async (): Promise<void> => {
    const item = waiting.shift()
    if (item !== undefined) {
      await task(item)
      await take()
    }
  }
  await Promise.all(Array.from({ length: atOnce }, take))
}

/** Collects samples by case; one that fails is asked no more. */
const makeCollection = (names: ReadonlyArray<string>) => {
  const collected = new Map<string, Array<Sample> | Error>(names.map((name) => [name, []]))
  const attempt = async (name: string, task: (samples: Array<Sample>) => Promise<void>) => {
    const samples = collected.get(name)
    if (samples === undefined || samples instanceof Error) {
      return
    }
    try {
      await task(samples)
    } catch (error) {
      collected.set(name, error instanceof Error ? error : new Error(String(error)))
    }
  }
  return { collected, attempt }
}

/**
 * Measures the cases of a group in turn, round by round and each first in turn, so that a machine that changes its pace
 * changes it for all of them.
 */
export const measure = async (group: Group, entries: Entries, scale: Scale): Promise<Measurements> => {
  const sessions = scale === "full" ? group.sessions : 1
  const rounds = scale === "full" ? group.rounds : 1
  const names = casesOf(group.comparisons)
  const { attempt, collected } = makeCollection(names)

  const interleaved = async () => {
    const processes: Array<CaseProcess> = []
    await forEach(names, 2, (name) =>
      attempt(name, async () => void processes.push(await start(entries, name, scale, group.nodeOptions)))
    )
    for (let round = 0; round < rounds; round++) {
      await forEach(processes, 1, ({ name, round: run }) =>
        attempt(name, async (samples) => void samples.push(await run()))
      )
      processes.push(...processes.splice(0, 1))
    }
    processes.forEach(({ close }) => close())
  }

  const apart = (name: string) =>
    attempt(name, async (samples) => {
      const started = await start(entries, name, scale, group.nodeOptions)
      for (let round = 0; round < rounds; round++) {
        samples.push(await started.round())
      }
      started.close()
    })

  for (let session = 0; session < sessions; session++) {
    await (group.concurrent ? forEach(names, 2, apart) : interleaved())
  }
  return collected
}
