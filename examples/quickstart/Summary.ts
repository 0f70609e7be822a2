/**
 * The measured benefit of the breaker.
 */
import * as Console from "effect/Console"
import type * as Effect from "effect/Effect"
import * as Paint from "./Paint.ts"
import type { Facts, Side } from "./Recording.ts"
import * as Slice from "./Slice.ts"
import * as Story from "./Story.ts"

export const print = (facts: Facts, slowness: number): Effect.Effect<void> =>
  Console.log([...lines(facts), ...whenBusy(facts, slowness)].join("\n"))

const whenBusy = ({ story }: Facts, slowness: number): ReadonlyArray<string> => {
  if (slowness < 1.2) return []
  const wholeSeconds = (millis: number) => `${(millis / 1_000).toFixed(0)} s`
  return [
    Paint.dim(
      `The machine was busy: it took ${wholeSeconds(story.duration * slowness)} to run ${wholeSeconds(story.duration)}; the times leave its pauses out.`
    )
  ]
}

const lines = (facts: Facts): ReadonlyArray<string> => {
  const bad = badTimes(facts, facts.withBreaker)
  const worse = badTimes(facts, facts.withoutBreaker)
  const spared = worse.requests - bad.requests
  const share = Math.round((spared / worse.requests) * 100)
  const waiting = worse.totalWaitMillis - bad.totalWaitMillis
  return [
    "",
    Paint.bold(row("While the server was down", "with", "without")),
    row("  requests it got", bad.requests, worse.requests),
    row("  requests open at once, at most", bad.mostOpen, worse.mostOpen),
    row(
      "  a caller waited, on average",
      milliseconds(bad.meanWaitMillis),
      milliseconds(worse.meanWaitMillis)
    ),
    row("  callers waited, all together", seconds(bad.totalWaitMillis), seconds(worse.totalWaitMillis)),
    row(
      "  errors / fallbacks for callers",
      `${bad.errors} / ${bad.fallbacks}`,
      `${worse.errors} / ${worse.fallbacks}`
    ),
    row("Back to normal, once it was up", seconds(bad.aftermathMillis), seconds(worse.aftermathMillis)),
    Paint.bold(
      `Spared: the server ${spared} requests (${share} %), the callers ${seconds(waiting)} of waiting.`
    )
  ]
}

interface BadTimes {
  readonly requests: number
  readonly mostOpen: number
  readonly meanWaitMillis: number
  readonly totalWaitMillis: number
  readonly errors: number
  readonly fallbacks: number
  readonly aftermathMillis: number
}

/** The results of the calls and requests that began while the server was failing or hanging. */
const badTimes = ({ story }: Facts, side: Side): BadTimes => {
  const calls = Array.from(side.calls)
  const callsInBadTimes = calls.filter((call) => Story.isDownAt(story, call.startedAt))
  const requests = Array.from(side.load.arrivals).filter(({ at }) => Story.isDownAt(story, at))
  const meanWaitMillis = Slice.meanWaitMillis(callsInBadTimes)
  const unanswered = calls.filter((call) => call.got !== "answer")
  return {
    requests: requests.length,
    mostOpen: Math.max(0, ...requests.map(({ open }) => open)),
    meanWaitMillis,
    totalWaitMillis: meanWaitMillis * callsInBadTimes.length,
    errors: Slice.countOf(callsInBadTimes, "error"),
    fallbacks: Slice.countOf(callsInBadTimes, "fallback"),
    aftermathMillis: Math.max(0, ...unanswered.map((call) => call.endedAt - Story.downUntil(story)))
  }
}

const row = (label: string, left: string | number, right: string | number): string =>
  label.padEnd(34) + String(left).padStart(9) + String(right).padStart(11)

const milliseconds = (value: number): string => `${value.toFixed(0)} ms`

const seconds = (value: number): string => `${(value / 1_000).toFixed(1)} s`
