/** A store of one circuit, as plain data. It collects the notifications that a real store would send. */
import type { Entry, CircuitRequest } from "../../../src/internal/core/replica/events.ts"
import type { WriteCommand } from "../../../src/internal/core/replica/progress.ts"
import type { Retention, Seen, StoredWindow } from "../../../src/internal/core/windows/stored.ts"
import * as Windows from "../../../src/internal/core/windows/stored.ts"

/** The notification of a change. */
export interface Notified {
  readonly now: number
  readonly revision: string
  readonly state: string
}

export class VirtualStore {
  now = 10_000_000
  revision = ""
  state = ""
  leases: ReadonlyArray<Seen> = []
  windows: ReadonlyMap<string, StoredWindow> = new Map()
  changes: ReadonlyArray<Notified> = []
  announcements = 0
  private delivered = 0

  exchange(node: string, { announce, keepMillis, renew, revision, window }: CircuitRequest): Entry {
    const keeping = { now: this.now, keepMillis }
    const next = Windows.applyReport(this.windows.get(window.name), node, window, keeping)
    if (next !== undefined) this.windows = new Map([...this.windows, [window.name, next]])
    if (renew || window.report !== undefined) this.keepLeases(node, renew, keeping)
    if (announce) this.announcements++
    return {
      ...this.entry(revision),
      window: next === undefined ? undefined : Windows.entryOf(next, node, this.now)
    }
  }

  compareAndSet(node: string, { expected, keepMillis, renew, revision, state }: WriteCommand): Entry {
    if (renew) this.keepLeases(node, true, { now: this.now, keepMillis })
    if (this.revision === expected) {
      this.revision = revision
      this.state = state
      this.changes = [...this.changes, { now: this.now, revision, state }]
    }
    return this.entry(revision)
  }

  /** Loses the state, its windows and all leases. */
  forget(): void {
    this.revision = ""
    this.state = ""
    this.leases = []
    this.windows = new Map()
  }

  /** The changes since the last call of this method. */
  undelivered(): ReadonlyArray<Notified> {
    const changes = this.changes.slice(this.delivered)
    this.delivered = this.changes.length
    return changes
  }

  /** The number of failures in the window. */
  get failures(): number {
    const rows = [...this.windows.values()].flatMap(({ sections }) => sections.flatMap((it) => it.rows))
    return rows.reduce((sum, [, , failures]) => sum + failures, 0)
  }

  private keepLeases(node: string, renew: boolean, keeping: Retention): void {
    const others = Windows.others(this.leases, node, keeping)
    this.leases = renew ? [...others, { node, at: this.now }] : others
  }

  private entry(known: string): Entry {
    const { leases, now, revision, state } = this
    const isKnown = revision !== "" && revision === known
    return { now, revision, state: isKnown ? undefined : state, window: undefined, leases }
  }
}
