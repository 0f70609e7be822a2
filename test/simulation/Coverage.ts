/** Counts the events, commands, states and faults that histories have covered. */
import type { Change } from "../../src/internal/core/replica/changes.ts"
import type { Event } from "../../src/internal/core/replica/events.ts"
import type { Command } from "../../src/internal/core/replica/progress.ts"
import type { Standing } from "../../src/internal/core/replica/replica.ts"
import type { Disturbance } from "./Fleet.ts"

export class Coverage {
  private readonly counts = new Map<string, number>()

  readonly note = (what: string): void => {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }

  /** The required items that were not covered. */
  get missing(): ReadonlyArray<string> {
    return required.filter((what) => !this.counts.has(what))
  }

  get report(): string {
    return [...this.counts]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([what, count]) => `${String(count).padStart(10)}  ${what}`)
      .join("\n")
  }
}

type Name<A extends { readonly _tag: string }> = A["_tag"]

/** Every name of a union, so that the compiler reports a missing one. */
const named = <Tag extends string>(kind: string, names: Readonly<Record<Tag, true>>): ReadonlyArray<string> =>
  Object.keys(names).map((name) => `${kind} ${name}`)

const required: ReadonlyArray<string> = [
  ...named<Name<Event>>("event", {
    Settled: true,
    Opened: true,
    Controlled: true,
    SlotRequested: true,
    SlotAbandoned: true,
    Answered: true,
    Written: true,
    WriteFailed: true,
    Faulted: true,
    ChangeReceived: true,
    FailuresAnnounced: true,
    StoreLost: true,
    ExchangeRequested: true
  }),
  ...named<Name<Command>>("command", {
    Change: true,
    Open: true,
    Exchange: true,
    Write: true,
    Answer: true,
    Report: true
  }),
  ...named<Name<Standing>>("standing", { InSync: true, Writing: true, Diverged: true, LocallyOpen: true }),
  ...named<Name<Change>>("change", {
    Opens: true,
    TakesSlot: true,
    SettlesProbe: true,
    Trips: true,
    Resets: true,
    SetsHolds: true,
    Restores: true
  }),
  ...named<Name<Disturbance>>("fault", {
    StoreLost: true,
    StoreAway: true,
    KeyBroken: true,
    NodeGone: true,
    NodeFrozen: true,
    Network: true
  }),
  "call granted a slot",
  "call started",
  "call rejected: Circuit",
  "call rejected: Slot",
  "call rejected: Outage",
  "listens",
  "no longer listens",
  "store lost",
  "store found",
  "write taken",
  "write refused",
  "Closed to Open by Call",
  "Closed to Open by Fleet",
  "HalfOpen to Closed by Call",
  "HalfOpen to Closed by Fleet",
  "HalfOpen to Open by Call",
  "HalfOpen to Open by Fleet",
  "HalfOpen to Recovering by Call",
  "HalfOpen to Recovering by Fleet",
  "Recovering to Closed by Call",
  "Recovering to Open by Call",
  "Recovering to Open by Fleet",
  "Isolated to Closed by Fleet",
  "Isolated to Disabled by Fleet",
  "Disabled to Closed by Fleet",
  "Disabled to Isolated by Fleet"
]
