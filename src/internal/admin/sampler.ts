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
  private samples = new WeakMap<Live["inside"], Map<CircuitEntry, Sample>>()
  /** The samples of circuits that were dropped. One that was dropped during a call may be held again afterwards. */
  private dropped = new WeakMap<CircuitEntry, Sample>()
  private latest = 0
  private latestAt = 0
  private seconds = 1

  constructor(history: History) {
    this.history = history
  }

  /** Forgets all samples, so that the next one is the first. */
  reset(): void {
    this.samples = new WeakMap()
    this.dropped = new WeakMap()
    this.latest = 0
  }

  /** The rates of a circuit; `null` if they are not measured. */
  ratesOf({ entry, live }: Found): Rates | null {
    const sample = entry === undefined ? undefined : this.samples.get(live.inside)?.get(entry)
    return this.latest > 1 && sample !== undefined ? this.perSecond(sample) : null
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
    const { circuits } = inside
    const now = inside.now(caller)
    const states = noStates()
    const sum = { newRan: 0, newFailed: 0, newRejected: 0 }
    let counted = 0
    for (const sample of this.heldBy(live)) {
      const { entry } = sample
      if (circuits.isIdle(entry, now)) continue
      const state = circuits.tagOf(entry, now)
      countIn(states, state)
      counted++
      update(sample)
      sum.newRan += sample.newRan
      sum.newFailed += sample.newFailed
      sum.newRejected += sample.newRejected
      sample.rank = rankOf(state)
      if (isNotable(state, sample)) candidates.push(sample)
    }
    return { name: labelOf(service.name), circuits: counted, states, rates: this.perSecond(sum) }
  }

  /**
   * The samples of the circuits that a breaker holds. They are kept in an order of their own, because visiting thousands
   * of circuits in their order of use, and finding the sample of each, takes several times as long.
   */
  private heldBy(live: Live): Iterable<Sample> {
    const { circuits } = live.inside
    const samples = this.samples.get(live.inside) ?? new Map<CircuitEntry, Sample>()
    this.samples.set(live.inside, samples)
    for (const sample of samples.values()) {
      if (circuits.holds(sample.entry)) continue
      samples.delete(sample.entry)
      this.dropped.set(sample.entry, sample)
    }
    if (samples.size < circuits.count)
      for (const entry of circuits.every())
        if (!samples.has(entry)) samples.set(entry, this.dropped.get(entry) ?? this.newSample(entry, live))
    return samples.values()
  }

  private newSample(entry: CircuitEntry, live: Live): Sample {
    // The properties are written out, because an object made by a spread is many times slower to update.
    const sample = {
      live,
      entry,
      rank: 0,
      ran: 0,
      failed: 0,
      rejected: 0,
      newRan: 0,
      newFailed: 0,
      newRejected: 0
    }
    // A circuit that is new since the previous sample has had all of its calls since then.
    if (this.latest === 1) update(sample)
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

const update = (sample: Sample): void => {
  const { failed, ignored, rejected, succeeded } = sample.entry.totals
  const ran = succeeded + failed + ignored
  sample.newRan = ran - sample.ran
  sample.newFailed = failed - sample.failed
  sample.newRejected = rejected - sample.rejected
  sample.ran = ran
  sample.failed = failed
  sample.rejected = rejected
}

const isNotable = (state: StateTag, { newRan, newRejected }: Sample): boolean =>
  state !== "Closed" || newRan > 0 || newRejected > 0

const byUrgency = (left: Sample, right: Sample): number =>
  left.rank - right.rank ||
  right.newFailed - left.newFailed ||
  right.newRan + right.newRejected - left.newRan - left.newRejected
