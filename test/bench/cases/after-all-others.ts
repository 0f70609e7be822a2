import { allCases } from "../registry.ts"
import type { Case, Cases, Round } from "../case.ts"

/** Runs a case until its code has been optimised for what it does. */
const exercise = async (prepare: Case, millis: number) => {
  const round = await prepare("smoke")
  const until = performance.now() + millis
  do await round()
  while (performance.now() < until)
}

const measured = [
  "closed/reused",
  "closed/anew",
  "floor/reused",
  "floor/anew",
  "effect4/reused",
  "effect4/anew"
]

/**
 * The closed calls in a process that has run every other case before, ours and those of the peers: functions that all of
 * them use have been called in every way by then, which V8 optimises less than those of a program that does one thing.
 */
export const cases: Cases = {
  calls: async (scale) => {
    const others = await allCases()
    for (const [name, prepare] of others) {
      const isThis = name.startsWith("after-all-others/")
      if (!isThis) await exercise(prepare, scale === "full" ? 200 : 0)
    }
    const rounds: Array<readonly [name: string, round: Round]> = []
    for (const name of measured) rounds.push([name, await others.get(name)!(scale)])
    return async () => {
      const overheads: Record<string, number> = {}
      for (const [name, round] of rounds) overheads[name] = (await round())["overhead"]!
      rounds.push(...rounds.splice(0, 1))
      return overheads
    }
  }
}
