import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type {
  Change,
  CircuitId,
  Entry,
  ExchangeRequest,
  Options,
  Store,
  WindowEntry
} from "../../CircuitStore.ts"
import type { Retention, Seen, StoredWindow } from "../core/windows/stored.ts"
import * as Windows from "../core/windows/stored.ts"
import { Broadcast } from "../observe/broadcast.ts"
import { makeCoordination } from "./coordination.ts"

/** The stored data of one circuit. */
interface StoredCircuit {
  revision: string
  state: string
  expiresAt: number
  leases: ReadonlyArray<Seen>
  readonly windows: Map<string, StoredWindow>
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
      return { revision: "", state: "", expiresAt: 0, leases: [], windows: new Map() }
    }
    const save = (circuit: CircuitId, stored: StoredCircuit, { keepMillis, now }: Retention): void => {
      stored.expiresAt = Math.max(stored.expiresAt, now + keepMillis)
      circuits.set(idOf(circuit), stored)
    }

    return {
      coordination,
      exchange: (requests) =>
        Effect.map(Clock.currentTimeMillis, (now) =>
          requests.map((request) => {
            const { announce, circuit, keepMillis } = request
            const stored = find(circuit, now)
            if (writes(request)) {
              report(stored, request, now)
              keepLeases(stored, request, now)
              save(circuit, stored, { now, keepMillis })
            }
            if (announce) {
              changes.publish({ breaker: circuit.breaker, change: { _tag: "Failing", key: circuit.key } })
            }
            return { ...entryOf(stored, request.revision, now), window: windowOf(stored, request, now) }
          })
        ),
      compareAndSet: (request) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          const { circuit, expected, keepMillis, renew, revision, state } = request
          const stored = find(circuit, now)
          const replaces = stored.revision === expected
          if (renew) keepLeases(stored, request, now)
          if (replaces) {
            Object.assign(stored, { revision, state })
            const change: Change = { _tag: "Changed", key: circuit.key, now, revision, state }
            changes.publish({ breaker: circuit.breaker, change })
          }
          if (replaces || renew) save(circuit, stored, { now, keepMillis })
          return entryOf(stored, revision, now)
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

const writes = ({ renew, window }: ExchangeRequest): boolean => renew || window?.report !== undefined

const report = (
  { windows }: StoredCircuit,
  { keepMillis, node, window }: ExchangeRequest,
  now: number
): void => {
  if (window === undefined) return
  const next = Windows.applyReport(windows.get(window.name), node, window, { now, keepMillis })
  if (next !== undefined) windows.set(window.name, next)
  for (const [name, { expiresAt }] of windows) if (expiresAt <= now) windows.delete(name)
}

/** Renews the lease of the node if it is asked to, and ends the old ones. */
const keepLeases = (
  stored: StoredCircuit,
  { keepMillis, node, renew }: Pick<ExchangeRequest, "keepMillis" | "node" | "renew">,
  now: number
): void => {
  stored.leases = renew
    ? [...Windows.others(stored.leases, node, { now, keepMillis }), { node, at: now }]
    : stored.leases.filter(({ at }) => now - at <= keepMillis)
}

const windowOf = (
  { windows }: StoredCircuit,
  { node, window }: ExchangeRequest,
  now: number
): WindowEntry | undefined => {
  const found = window === undefined ? undefined : Windows.unexpired(windows.get(window.name), now)
  return found === undefined ? undefined : Windows.entryOf(found, node, now)
}

/** The entry without a window, and without the state if the node knows its revision. */
const entryOf = ({ leases, revision, state }: StoredCircuit, known: string, now: number): Entry => ({
  now,
  revision,
  state: revision !== "" && revision === known ? undefined : state,
  window: undefined,
  leases
})
