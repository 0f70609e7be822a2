import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { CircuitSnapshot, CircuitState } from "../../CircuitBreaker.ts"
import type { Breaker } from "./breaker.ts"
import type { Held } from "./circuits.ts"
import * as Circuit from "../core/circuit.ts"
import { noCounts } from "../core/windows/window.ts"

const closed: CircuitState = { _tag: "Closed" }
const isolated: CircuitState = { _tag: "Isolated" }
const disabled: CircuitState = { _tag: "Disabled" }

/** @internal */
export const state = (breaker: Breaker, key: string): Effect.Effect<CircuitState> =>
  lookedUp(breaker, key, (_, circuit, now) => Effect.succeed(stateOf(breaker, circuit, now)))

/** @internal */
export const snapshot = (breaker: Breaker, key: string): Effect.Effect<CircuitSnapshot> =>
  lookedUp(breaker, key, (held, circuit, now) =>
    Effect.succeed({ ...snapshotOf(breaker, held, key, now), state: stateOf(breaker, circuit, now) })
  )

/** @internal */
export const circuits = (breaker: Breaker): Effect.Effect<ReadonlyArray<CircuitSnapshot>> =>
  Effect.withFiberRuntime((caller) => {
    const now = breaker.now(caller)
    return Effect.succeed(
      Array.from(breaker.circuits.all(now), (held) => snapshotOf(breaker, held, held.key, now))
    )
  })

/**
 * Finds a circuit for a reader. One that this process does not hold and others may share is read in the store, and not
 * made here.
 */
const lookedUp = <A>(
  breaker: Breaker,
  key: string,
  read: (
    held: Held | undefined,
    circuit: Circuit.Circuit<unknown> | undefined,
    now: number
  ) => Effect.Effect<A>
): Effect.Effect<A> =>
  Effect.withFiberRuntime((caller) => {
    const here = () => {
      const now = breaker.now(caller)
      const held = breaker.circuits.find(key, now)
      return read(held, held && breaker.seen(held, now).circuit, now)
    }
    const { fleet } = breaker
    if (fleet === undefined || breaker.circuits.find(key, breaker.now(caller)) !== undefined) return here()
    return Effect.flatMap(fleet.peek(key), (circuit) =>
      circuit === undefined ? here() : read(undefined, circuit, breaker.now(caller))
    )
  })

/** A circuit as a reader sees it at `now`. One that is not held is Closed. */
const stateOf = (breaker: Breaker, seen: Circuit.Circuit<unknown> | undefined, now: number): CircuitState => {
  if (seen === undefined) return closed
  const { rules } = breaker.settings
  const circuit = Circuit.at(seen, rules, now)
  switch (circuit._tag) {
    case "Closed":
      return closed
    case "Open":
      return {
        _tag: "Open",
        retryAfter: Duration.millis(Math.ceil(circuit.openedAt + circuit.openMillis - now)),
        openings: circuit.openings
      }
    case "HalfOpen":
      return {
        _tag: "HalfOpen",
        probing: circuit.slots.count,
        succeeded: circuit.succeeded,
        openings: circuit.openings
      }
    case "Recovering":
      return {
        _tag: "Recovering",
        admitting: Circuit.share(circuit, rules, now),
        openings: circuit.openings
      }
    case "Isolated":
      return isolated
    case "Disabled":
      return disabled
  }
}

const snapshotOf = (breaker: Breaker, held: Held | undefined, key: string, now: number): CircuitSnapshot => {
  const seen = held && breaker.seen(held, now)
  return {
    breaker: breaker.settings.name,
    key,
    state: stateOf(breaker, seen?.circuit, now),
    window: seen === undefined ? noCounts : Circuit.counts(seen.circuit, breaker.settings.rules, now),
    totals: {
      succeeded: (held?.succeeded ?? 0) + (seen?.unsettled ?? 0),
      failed: held?.failed ?? 0,
      ignored: held?.ignored ?? 0,
      rejected: held?.rejected ?? 0
    },
    lastFailure: Option.map(Option.fromNullable(held?.lastFailure), ({ at, description, exit }) => ({
      at,
      cause: exit._tag === "Failure" ? exit.cause : Cause.fail(description ?? exit.value)
    }))
  }
}
