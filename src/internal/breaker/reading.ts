import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Admission from "../core/admission.ts"
import type { Circuit } from "../core/circuit.ts"
import * as Machine from "../core/circuit.ts"
import { noCounts } from "../core/windows/window.ts"
import type { LastFailure } from "../observe/description.ts"
import type { Breaker } from "./breaker.ts"
import type { CircuitEntry, Totals } from "./circuitEntry.ts"
import { defaultKey } from "./circuits.ts"

/**
 * The state of a circuit as reported to readers. A read never admits a call, and never takes a slot.
 *
 * @internal
 */
export const state = (breaker: Breaker, key: string = defaultKey): Effect.Effect<State> =>
  Effect.map(lookUp(breaker, key), (found) => stateOf(breaker, found))

/** @internal */
export const snapshot = (breaker: Breaker, key: string = defaultKey): Effect.Effect<Snapshot> =>
  Effect.map(lookUp(breaker, key), (found) => snapshotOf(breaker, key, found))

/** @internal */
export const circuits = (breaker: Breaker): Effect.Effect<ReadonlyArray<Snapshot>> =>
  Effect.withFiberRuntime((caller) => {
    const now = breaker.now(caller)
    return Effect.succeed(
      Array.from(breaker.circuits.all(now), (entry) =>
        snapshotOf(breaker, entry.key, foundIn(breaker, entry, now))
      )
    )
  })

type State = ReturnType<typeof stateOf>
type Snapshot = ReturnType<typeof snapshotOf>

/** The result of looking up a circuit. It has no entry if the circuit is not in this process but in the store. */
interface Found {
  readonly now: number
  readonly entry?: CircuitEntry | undefined
  readonly circuit: Circuit<unknown>
  /** The time by which the window is read, if the store has answered with that of all processes. */
  readonly windowAt?: number
  /** The number of unsettled calls, which the circuit counts as successes. */
  readonly unsettled?: number
}

/** A circuit as it is at `now`. One that has no entry is as a new one. */
const foundIn = (breaker: Breaker, entry: CircuitEntry | undefined, now: number): Found => {
  if (entry === undefined) return { now, circuit: breaker.circuits.initial }
  const { circuit, unsettled } = breaker.seen(entry, now)
  return { now, entry, circuit: Machine.at(circuit, breaker.settings.rules, now), unsettled }
}

/** Finds a circuit. If this process does not have it, it is read from the store, if there is one, and not made here. */
const lookUp = (breaker: Breaker, key: string): Effect.Effect<Found> =>
  Effect.withFiberRuntime((caller) => {
    const here = () => {
      const now = breaker.now(caller)
      return foundIn(breaker, breaker.circuits.find(key, now), now)
    }
    const found = here()
    const { coordinator } = breaker
    if (coordinator === undefined || found.entry !== undefined) return Effect.succeed(found)
    return Effect.map(coordinator.peek(key), (peeked) => {
      if (peeked === undefined) return here()
      const now = breaker.now(caller)
      return { now, circuit: Machine.at(peeked.circuit, breaker.settings.rules, now), windowAt: peeked.at }
    })
  })

/** The public state of a circuit. */
const stateOf = ({ settings: { rules } }: Breaker, { circuit, now }: Found) => {
  const { openings } = circuit
  switch (circuit._tag) {
    case "Open": {
      const retryAfter = Duration.millis(Math.ceil(circuit.openedAt + circuit.openMillis - now))
      return { _tag: "Open", retryAfter, openings } as const
    }
    case "HalfOpen": {
      const { slots, succeeded } = circuit
      return { _tag: "HalfOpen", probing: slots.count, succeeded, openings } as const
    }
    case "Recovering":
      return { _tag: "Recovering", admitting: Admission.share(circuit, rules, now), openings } as const
    default:
      return { _tag: circuit._tag } as const
  }
}

const snapshotOf = (breaker: Breaker, key: string, found: Found) => {
  const { circuit, entry, now, unsettled = 0, windowAt = now } = found
  const { policy } = breaker
  const totals = entry?.totals ?? noTotals
  return {
    breaker: breaker.settings.name,
    key,
    state: stateOf(breaker, found),
    window: Machine.isCounting(circuit) ? policy.counts(circuit.window, windowAt) : noCounts,
    totals: { ...totals, succeeded: totals.succeeded + unsettled },
    lastFailure: Option.map(Option.fromNullable(entry?.lastFailure), withCause)
  }
}

const noTotals: Totals = { succeeded: 0, failed: 0, ignored: 0, rejected: 0 }

const withCause = ({ at, description, exit }: LastFailure) => ({
  at,
  cause: exit._tag === "Failure" ? exit.cause : Cause.fail(description ?? exit.value)
})
