import * as Order from "effect/Order"
import * as Option from "effect/Option"
import * as SortedMap from "effect/SortedMap"
import type { Member } from "./member.ts"

/**
 * When each circuit is exchanged. What it costs to find those that are due does not grow with the others.
 *
 * @internal
 */
export class Schedule {
  private byTime = SortedMap.empty<number, Set<Member>>(Order.number)

  /** Puts a circuit where it belongs now; one that is due at no time leaves. */
  set(member: Member, dueAt: number): void {
    if (member.dueAt === dueAt) return
    this.remove(member)
    member.dueAt = dueAt
    if (dueAt === Infinity) return
    const others = Option.getOrUndefined(SortedMap.get(this.byTime, dueAt))
    if (others === undefined) this.byTime = SortedMap.set(this.byTime, dueAt, new Set([member]))
    else others.add(member)
  }

  remove(member: Member): void {
    const { dueAt } = member
    const others = Option.getOrUndefined(SortedMap.get(this.byTime, dueAt))
    member.dueAt = Infinity
    others?.delete(member)
    if (others?.size === 0) this.byTime = SortedMap.remove(this.byTime, dueAt)
  }

  /** When the next one is due; infinity where none is. */
  get nextAt(): number {
    return Option.match(SortedMap.headOption(this.byTime), { onNone: () => Infinity, onSome: ([at]) => at })
  }

  /** Those that are due, at most so many, the longest due first. */
  due(now: number, most: number): ReadonlyArray<Member> {
    const due: Array<Member> = []
    for (const [at, members] of this.byTime) {
      if (at > now) break
      for (const member of members) {
        if (due.length === most) return due
        due.push(member)
      }
    }
    return due
  }

  /** All that are exchanged. */
  get members(): ReadonlyArray<Member> {
    return Array.from(SortedMap.values(this.byTime), (members) => Array.from(members)).flat()
  }
}
