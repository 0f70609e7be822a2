import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { CircuitSnapshot, CircuitState } from "../CircuitBreaker.ts"
import type { Breaker } from "./breaker.ts"
import type { Held } from "./circuits.ts"
import * as Circuit from "./core/circuit.ts"
import { noCounts } from "./core/window.ts"

const closed: CircuitState = { _tag: "Closed" }
const isolated: CircuitState = { _tag: "Isolated" }

/**
 * The state of a circuit as a reader sees it at `now`. A circuit that is not held is Closed.
 *
 * @internal
 */
export const stateOf = (breaker: Breaker, held: Held | undefined, now: number): CircuitState => {
  if (held === undefined) return closed
  const { rules } = breaker.settings
  const circuit = Circuit.at(breaker.seen(held, now), rules, now)
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
        probing: circuit.slots.length,
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
  }
}

/** @internal */
export const snapshotOf = (
  breaker: Breaker,
  held: Held | undefined,
  key: string,
  now: number
): CircuitSnapshot => ({
  breaker: breaker.settings.name,
  key,
  state: stateOf(breaker, held, now),
  window:
    held === undefined ? noCounts : Circuit.counts(breaker.seen(held, now), breaker.settings.rules, now),
  totals: {
    succeeded: held === undefined ? 0 : held.succeeded + breaker.landing(held, now).length,
    failed: held?.failed ?? 0,
    ignored: held?.ignored ?? 0,
    rejected: held?.rejected ?? 0
  },
  lastFailure: Option.map(Option.fromNullable(held?.lastFailure), ({ at, exit }) => ({
    at,
    cause: exit._tag === "Failure" ? exit.cause : Cause.fail(exit.value)
  }))
})
