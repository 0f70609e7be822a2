/** A store that obeys `CircuitStore`, as plain data, so that it can be copied and restored. */
import type { Change, CompareAndSet, Entry, ExchangeRequest } from "../../src/CircuitStore.ts"
import type { Seen, StoredWindow } from "../../src/internal/core/windows/stored.ts"
import * as Windows from "../../src/internal/core/windows/stored.ts"
import type { Protocol } from "./Protocol.ts"

/** The stored data of one circuit. */
export interface Stored {
  readonly revision: string
  readonly state: string
  readonly expiresAt: number
  readonly leases: ReadonlyArray<Seen>
  readonly windows: Readonly<Record<string, StoredWindow>>
}

/** The store's answer, and its notifications to all subscribers. */
export interface Answered {
  readonly entry: Entry
  readonly changes: ReadonlyArray<Change>
}

const nothing: Stored = { revision: "", state: "", expiresAt: 0, leases: [], windows: {} }

export class VirtualStore {
  readonly protocol: Protocol
  readonly circuits: Map<string, Stored>

  constructor(protocol: Protocol, circuits: ReadonlyMap<string, Stored> = new Map<string, Stored>()) {
    this.protocol = protocol
    this.circuits = new Map(circuits)
  }

  copy(): VirtualStore {
    return new VirtualStore(this.protocol, this.circuits)
  }

  find(key: string, now: number): Stored {
    const stored = this.circuits.get(key)
    return stored !== undefined && now < stored.expiresAt ? stored : nothing
  }

  /** Drops what has expired. */
  sweep(now: number): void {
    for (const [key, { expiresAt }] of this.circuits) if (expiresAt <= now) this.circuits.delete(key)
  }

  exchange(request: ExchangeRequest, now: number): Answered {
    const { announce, circuit, renew, window } = request
    const before = this.find(circuit.key, now)
    const writes = renew || window?.report !== undefined
    const stored = writes ? this.renewed(this.reported(before, request, now), request, now) : before
    if (writes) this.save(stored, request, now)
    const found = window === undefined ? undefined : Windows.unexpired(stored.windows[window.name], now)
    return {
      entry: entryOf(stored, request.revision, found && Windows.entryOf(found, request.node, now), now),
      changes: announce ? [{ _tag: "Failing", key: circuit.key }] : noChanges
    }
  }

  compareAndSet(request: CompareAndSet, now: number): Answered {
    const { circuit, expected, renew, revision, state } = request
    const before = this.find(circuit.key, now)
    const replaces = this.protocol.replaces(before, expected)
    const leased = renew ? this.renewed(before, request, now) : before
    const stored = replaces ? { ...leased, revision, state } : leased
    if (replaces || renew) this.save(stored, request, now)
    return {
      entry: entryOf(stored, revision, undefined, now),
      changes: replaces ? [{ _tag: "Changed", key: circuit.key, now, revision, state }] : noChanges
    }
  }

  private reported(stored: Stored, request: ExchangeRequest, now: number): Stored {
    const { keepMillis, node, window } = request
    if (window === undefined) return stored
    const next = this.protocol.applyReport(stored.windows[window.name], node, window, { now, keepMillis })
    const kept: Record<string, StoredWindow> = next === undefined ? {} : { [window.name]: next }
    for (const name in stored.windows) {
      const other = stored.windows[name]!
      if (name !== window.name && now < other.expiresAt) kept[name] = other
    }
    return { ...stored, windows: kept }
  }

  private renewed(
    stored: Stored,
    { keepMillis, node, renew }: Pick<ExchangeRequest, "keepMillis" | "node" | "renew">,
    now: number
  ): Stored {
    const leases = renew
      ? [...Windows.others(stored.leases, node, { now, keepMillis }), { node, at: now }]
      : stored.leases.filter(({ at }) => now - at <= keepMillis)
    return { ...stored, leases }
  }

  private save(
    stored: Stored,
    { circuit, keepMillis }: Pick<ExchangeRequest, "circuit" | "keepMillis">,
    now: number
  ): void {
    const expiresAt = Math.max(stored.expiresAt, now + keepMillis)
    this.circuits.set(circuit.key, { ...stored, expiresAt })
  }
}

const noChanges: ReadonlyArray<Change> = []

/** The entry for a node that knows the state of this revision. */
const entryOf = (
  { leases, revision, state }: Stored,
  known: string,
  window: Entry["window"],
  now: number
): Entry => ({
  now,
  revision,
  state: revision !== "" && revision === known ? undefined : state,
  window,
  leases
})
