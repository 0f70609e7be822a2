import * as Order from "effect/Order"
import * as Option from "effect/Option"
import * as SortedMap from "effect/SortedMap"
import type { LocalReplica } from "./localReplica.ts"

/**
 * The circuits by the time of their next exchange. Finding those that are due costs nothing for the others.
 *
 * @internal
 */
export class Schedule {
  private byTime = SortedMap.empty<number, Set<LocalReplica>>(Order.number)

  /** Moves a circuit to its next time; infinity removes it. */
  set(local: LocalReplica, dueAt: number): void {
    if (local.dueAt === dueAt) return
    this.remove(local)
    local.dueAt = dueAt
    if (dueAt === Infinity) return
    const others = Option.getOrUndefined(SortedMap.get(this.byTime, dueAt))
    if (others === undefined) this.byTime = SortedMap.set(this.byTime, dueAt, new Set([local]))
    else others.add(local)
  }

  remove(local: LocalReplica): void {
    const { dueAt } = local
    const others = Option.getOrUndefined(SortedMap.get(this.byTime, dueAt))
    local.dueAt = Infinity
    others?.delete(local)
    if (others?.size === 0) this.byTime = SortedMap.remove(this.byTime, dueAt)
  }

  /** The earliest time; infinity if there is none. */
  get nextAt(): number {
    return Option.match(SortedMap.headOption(this.byTime), { onNone: () => Infinity, onSome: ([at]) => at })
  }

  /** Up to `most` circuits that are due, the earliest first. */
  due(now: number, most: number): Array<LocalReplica> {
    const due: Array<LocalReplica> = []
    for (const [at, replicas] of this.byTime) {
      if (at > now) break
      for (const local of replicas) {
        if (due.length === most) return due
        due.push(local)
      }
    }
    return due
  }

  /** All circuits that are exchanged. */
  get replicas(): ReadonlyArray<LocalReplica> {
    return Array.from(SortedMap.values(this.byTime), (replicas) => Array.from(replicas)).flat()
  }
}
