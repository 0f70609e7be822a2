import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Change, CircuitId, Entry, Options, Store } from "../../CircuitStore.ts"
import { Broadcast } from "../observe/broadcast.ts"
import { makeCoordination } from "./coordination.ts"

/** The stored data of one circuit. */
interface StoredCircuit {
  revision: string
  state: string
  expiresAt: number
  readonly contributions: Map<string, { readonly at: number; readonly value: string }>
}

const idOf = ({ breaker, key }: CircuitId): string => JSON.stringify([breaker, key])

/**
 * Makes a store in memory. Every operation is one synchronous step, so all of them are atomic.
 *
 * @internal
 */
export const make = (options: Options = {}): Effect.Effect<Store> =>
  Effect.sync(() => {
    const coordination = makeCoordination("CircuitStore.makeMemory", options)
    const circuits = new Map<string, StoredCircuit>()
    const changes = new Broadcast<{ readonly breaker: string; readonly change: Change }>()

    const find = (circuit: CircuitId, now: number): StoredCircuit => {
      const stored = circuits.get(idOf(circuit))
      if (stored !== undefined && now < stored.expiresAt) return stored
      circuits.delete(idOf(circuit))
      return { revision: "", state: "", expiresAt: 0, contributions: new Map() }
    }
    const save = (circuit: CircuitId, stored: StoredCircuit, keepMillis: number, now: number): void => {
      stored.expiresAt = Math.max(stored.expiresAt, now + keepMillis)
      for (const [node, { at }] of stored.contributions) {
        if (now - at > keepMillis) stored.contributions.delete(node)
      }
      circuits.set(idOf(circuit), stored)
    }
    const entryOf = ({ contributions, revision, state }: StoredCircuit, now: number): Entry => ({
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
            const stored = find(circuit, now)
            if (contribution !== undefined) {
              stored.contributions.set(node, { at: now, value: contribution })
              save(circuit, stored, keepMillis, now)
            }
            if (announce) {
              changes.publish({ breaker: circuit.breaker, change: { _tag: "Failing", key: circuit.key } })
            }
            return entryOf(stored, now)
          })
        ),
      compareAndSet: ({ circuit, expected, keepMillis, revision, state }) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          const stored = find(circuit, now)
          if (stored.revision === expected) {
            Object.assign(stored, { revision, state })
            save(circuit, stored, keepMillis, now)
            const change: Change = { _tag: "Changed", key: circuit.key, now, revision, state }
            changes.publish({ breaker: circuit.breaker, change })
          }
          return entryOf(stored, now)
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
