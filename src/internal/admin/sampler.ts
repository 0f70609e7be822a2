import type { StateTag } from "../../Transition.ts"
import type { CircuitEntry } from "../breaker/circuitEntry.ts"
import type { Caller } from "../fiber/caller.ts"
import { epochMillis } from "../fiber/caller.ts"
import { firstOf } from "./firstOf.ts"
import type { History } from "./history.ts"
import { countIn, noStates, rankOf } from "./listing.ts"
import type { Found, Live } from "./live.ts"
import { foundIn } from "./live.ts"
import type { Rates, SummaryEvent } from "./schemas.ts"
import { briefOf } from "./summaries.ts"
import { labelOf } from "./text.ts"

type Rates = typeof Rates.Type

/** The largest numbers of breakers and circuits in a summary. */
const mostBreakers = 200
const mostCircuits = 100

/** The totals of a circuit at the latest sample, and their increase since the previous one. It is updated in place. */
interface Sample {
  readonly live: Live
  readonly entry: CircuitEntry
  rank: number
  sample: number
  ran: number
  failed: number
  rejected: number
  newRan: number
  newFailed: number
  newRejected: number
}

/**
 * Counts the calls of every circuit from one sample to the next, once for all consumers.
 *
 * @internal
 */
export class Sampler {
  private readonly history: History
  private samples = new WeakMap<CircuitEntry, Sample>()
  private latest = 0
  private latestAt = 0
  private seconds = 1

  constructor(history: History) {
    this.history = history
  }

  /** Forgets all samples, so that the next one is the first. */
  reset(): void {
    this.samples = new WeakMap()
    this.latest = 0
  }

  /** The rates of a circuit; `null` if they are not measured. */
  ratesOf({ entry }: Found): Rates | null {
    const sample = entry === undefined ? undefined : this.samples.get(entry)
    return this.latest > 1 && sample?.sample === this.latest ? this.perSecond(sample) : null
  }

  take(breakers: ReadonlyArray<Live>, overrides: number, caller: Caller): typeof SummaryEvent.Type {
    const at = epochMillis(caller)
    // The wall clock may have been set back, and the rates must not be negative.
    this.seconds = this.latest === 0 ? 1 : Math.max(at - this.latestAt, 1) / 1_000
    this.latest++
    this.latestAt = at
    // The circuits that a summary may list: they are not Closed, or they had calls since the previous sample.
    const candidates: Array<Sample> = []
    const all = breakers.map((live) => this.takeOf(live, candidates, caller))
    const chosen = firstOf(candidates, mostCircuits, byUrgency)
    return {
      at,
      breakers: all.slice(0, mostBreakers),
      circuits: chosen.map((sample) => ({
        ...briefOf(foundIn(sample.live, sample.entry, caller), this.history),
        rates: this.perSecond(sample)
      })),
      omitted: candidates.length - chosen.length,
      overrides
    }
  }

  private takeOf(
    live: Live,
    candidates: Array<Sample>,
    caller: Caller
  ): (typeof SummaryEvent.Type)["breakers"][number] {
    const { inside, service } = live
    const now = inside.now(caller)
    const states = noStates()
    const sum = { newRan: 0, newFailed: 0, newRejected: 0 }
    let circuits = 0
    for (const entry of inside.circuits.all(now)) {
      const state = inside.circuits.tagOf(entry, now)
      countIn(states, state)
      circuits++
      const sample = this.sampleOf(entry, live)
      sum.newRan += sample.newRan
      sum.newFailed += sample.newFailed
      sum.newRejected += sample.newRejected
      sample.rank = rankOf(state)
      if (isNotable(state, sample)) candidates.push(sample)
    }
    return { name: labelOf(service.name), circuits, states, rates: this.perSecond(sum) }
  }

  private sampleOf(entry: CircuitEntry, live: Live): Sample {
    const { failed, ignored, rejected, succeeded } = entry.totals
    const ran = succeeded + failed + ignored
    let sample = this.samples.get(entry)
    if (sample === undefined) {
      // A circuit that is new since the previous sample has had all of its calls since then.
      const isFirst = this.latest === 1
      // The properties are written out, because an object made by a spread is many times slower to update.
      sample = {
        live,
        entry,
        rank: 0,
        sample: 0,
        ran: isFirst ? ran : 0,
        failed: isFirst ? failed : 0,
        rejected: isFirst ? rejected : 0,
        newRan: 0,
        newFailed: 0,
        newRejected: 0
      }
      this.samples.set(entry, sample)
    }
    sample.newRan = ran - sample.ran
    sample.newFailed = failed - sample.failed
    sample.newRejected = rejected - sample.rejected
    sample.ran = ran
    sample.failed = failed
    sample.rejected = rejected
    sample.sample = this.latest
    return sample
  }

  private perSecond({
    newFailed,
    newRan,
    newRejected
  }: Pick<Sample, "newRan" | "newFailed" | "newRejected">): Rates {
    return {
      callsPerSecond: newRan / this.seconds,
      failuresPerSecond: newFailed / this.seconds,
      rejectedPerSecond: newRejected / this.seconds
    }
  }
}

const isNotable = (state: StateTag, { newRan, newRejected }: Sample): boolean =>
  state !== "Closed" || newRan > 0 || newRejected > 0

const byUrgency = (left: Sample, right: Sample): number =>
  left.rank - right.rank ||
  right.newFailed - left.newFailed ||
  right.newRan + right.newRejected - left.newRan - left.newRejected
