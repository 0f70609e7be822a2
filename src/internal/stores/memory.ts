import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Change, CircuitId, Entry, Options, Store } from "../../CircuitStore.ts"
import { Broadcast } from "../observe/broadcast.ts"
import { makeCoordination } from "./coordination.ts"

interface Kept {
  revision: string
  state: string
  until: number
  readonly contributions: Map<string, { readonly at: number; readonly value: string }>
}

const idOf = ({ breaker, key }: CircuitId): string => JSON.stringify([breaker, key])

/** @internal */
export const make = (options: Options = {}): Effect.Effect<Store> =>
  Effect.sync(() => {
    const coordination = makeCoordination("CircuitStore.makeMemory", options)
    const circuits = new Map<string, Kept>()
    const changes = new Broadcast<{ readonly breaker: string; readonly change: Change }>()

    const find = (circuit: CircuitId, now: number): Kept => {
      const kept = circuits.get(idOf(circuit))
      if (kept !== undefined && now < kept.until) return kept
      circuits.delete(idOf(circuit))
      return { revision: "", state: "", until: 0, contributions: new Map() }
    }
    const keep = (circuit: CircuitId, kept: Kept, keepMillis: number, now: number): void => {
      kept.until = Math.max(kept.until, now + keepMillis)
      for (const [node, { at }] of kept.contributions) {
        if (now - at > keepMillis) kept.contributions.delete(node)
      }
      circuits.set(idOf(circuit), kept)
    }
    const entryOf = ({ contributions, revision, state }: Kept, now: number): Entry => ({
      now,
      revision,
      state,
      contributions: Array.from(contributions, ([node, contribution]) => ({ node, ...contribution }))
    })

    return {
      coordination,
      exchange: (requests) =>
        Effect.map(Clock.currentTimeMillis, (now) =>
          requests.map(({ announce, circuit, contribution, keepMillis, node }) => {
            const kept = find(circuit, now)
            if (contribution !== undefined) {
              kept.contributions.set(node, { at: now, value: contribution })
              keep(circuit, kept, keepMillis, now)
            }
            if (announce) {
              changes.publish({ breaker: circuit.breaker, change: { _tag: "Failing", key: circuit.key } })
            }
            return entryOf(kept, now)
          })
        ),
      compareAndSet: ({ circuit, expected, keepMillis, revision, state }) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          const kept = find(circuit, now)
          if (kept.revision === expected) {
            Object.assign(kept, { revision, state })
            keep(circuit, kept, keepMillis, now)
            const change: Change = { _tag: "Changed", key: circuit.key, now, revision, state }
            changes.publish({ breaker: circuit.breaker, change })
          }
          return entryOf(kept, now)
        }),
      changes: (breaker) =>
        Stream.unwrapScoped(
          Effect.map(changes.subscription, (subscription) =>
            Mailbox.toStream(subscription).pipe(
              Stream.filterMap((it) => (it.breaker === breaker ? Option.some(it.change) : Option.none())),
              Stream.prepend(Chunk.of<Change>({ _tag: "Listening" }))
            )
          )
        )
    }
  })
