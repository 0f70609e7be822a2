import { readdirSync } from "node:fs"
import { basename, extname } from "node:path"
import type { Case, Cases, Round } from "../case.ts"

/** The case itself, and the one that drives a browser. */
const left = new Set(["afterAllOthers", "page"])

const loadOthers = async (): Promise<ReadonlyMap<string, Case>> => {
  const others = new Map<string, Case>()
  for (const file of readdirSync(import.meta.dirname)) {
    const name = basename(file, extname(file))
    if (left.has(name)) continue
    const { cases }: { readonly cases: Cases } = await import(`./${file}`)
    for (const [key, found] of Object.entries(cases)) others.set(`${name}/${key}`, found)
  }
  return others
}

/** Runs a case until its code has been optimised for what it does. */
const exercise = async (prepare: Case, millis: number) => {
  const round = await prepare((_, smoke) => smoke)
  const until = performance.now() + millis
  do await round()
  while (performance.now() < until)
}

const ours = ["calls/reused", "calls/anew", "calls/floorReused", "calls/floorAnew"]
const theirs = ["effect4/reused", "effect4/anew"]

/**
 * The closed calls in a process that has run every other case before, ours and those of the peers. By then, functions that
 * all of them use have been called in every way, and V8 optimises these less than those of a program that does one thing.
 */
export const cases: Cases = {
  calls: async (size) => {
    const others = await loadOthers()
    for (const prepare of others.values()) await exercise(prepare, size(200, 0))
    const rounds: Array<readonly [id: string, round: Round]> = []
    for (const id of [...ours, ...theirs]) rounds.push([id, await others.get(id)!(size)])
    return async () => {
      const overheads: Record<string, number> = {}
      for (const [id, round] of rounds) overheads[id] = (await round())["overhead"]!
      rounds.push(...rounds.splice(0, 1))
      return overheads
    }
  }
}
