/**
 * `npm run simulate -- --histories 30000 --seed 1`: plays random histories from a seed, and prints how many it plays per
 * minute of its CPU time, and what they have covered. The first history that fails is shrunk and told as a story;
 * `--story SEED` does the same for one history.
 */
import { parseArgs } from "node:util"
import { Coverage } from "./Coverage.ts"
import { historyOf } from "./History.ts"
import { play } from "./play.ts"
import { shrink } from "./shrink.ts"
import { story } from "./story.ts"

const { values } = parseArgs({
  options: {
    histories: { type: "string", default: "30000" },
    seed: { type: "string", default: "1" },
    story: { type: "string" },
    /** Continues after a failure, and lists all histories that fail. */
    all: { type: "boolean", default: false }
  }
})

const tell = (seed: number): void => {
  const history = historyOf(seed)
  const failure = play(history)
  console.log(story(failure === undefined ? history : shrink(history, failure.invariant)))
}

const simulate = (first: number, histories: number): void => {
  const coverage = new Coverage()
  const failed = new Map<string, Array<number>>()
  const start = process.cpuUsage().user
  let played = 0
  for (let seed = first; seed < first + histories; seed++) {
    played++
    const failure = play(historyOf(seed), { cover: coverage.note })
    if (failure === undefined) continue
    failed.set(failure.invariant, [...(failed.get(failure.invariant) ?? []), seed])
    if (!values.all) break
  }
  const millis = (process.cpuUsage().user - start) / 1e3
  console.log(coverage.report)
  console.log(`${played} histories, ${Math.round((played / millis) * 60_000)} a minute of CPU time`)
  for (const [invariant, seeds] of failed) console.log(`${seeds.length} ${invariant}: ${seeds.slice(0, 10)}`)
  const [seeds] = failed.values()
  if (seeds === undefined) return
  process.exitCode = 1
  if (!values.all) tell(seeds[0]!)
}

if (values.story === undefined) simulate(Number(values.seed), Number(values.histories))
else tell(Number(values.story))
