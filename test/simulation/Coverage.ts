/** Counts the events, commands, states and faults that histories have covered. */
import type { Change } from "../../src/internal/core/replica/changes.ts"
import type { Event } from "../../src/internal/core/replica/events.ts"
import type { Command } from "../../src/internal/core/replica/progress.ts"
import type { Standing } from "../../src/internal/core/replica/replica.ts"
import type { Disturbance } from "./Fleet.ts"

/** Notes what a history goes through: a kind, and which of it. */
export type Cover = (kind: string, name?: string) => void

export class Coverage {
  /** By kind and name: no text is made for what is counted. */
  private readonly byKind = new Map<string, Map<string, { times: number }>>()

  readonly note: Cover = (kind, name = "") => {
    let counts = this.byKind.get(kind)
    if (counts === undefined) this.byKind.set(kind, (counts = new Map<string, { times: number }>()))
    const count = counts.get(name)
    if (count === undefined) counts.set(name, { times: 1 })
    else count.times++
  }

  private get counts(): ReadonlyMap<string, number> {
    return new Map(
      [...this.byKind].flatMap(([kind, counts]) =>
        [...counts].map(([name, { times }]) => [name === "" ? kind : `${kind} ${name}`, times] as const)
      )
    )
  }

  /** The required items that were not covered. */
  get missing(): ReadonlyArray<string> {
    const { counts } = this
    return required.filter((what) => !counts.has(what))
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
    Unanswered: true,
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
