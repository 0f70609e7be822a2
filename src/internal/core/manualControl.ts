import type { Circuit, Closed, Disabled, Isolated, Open, Rules } from "./circuit.ts"
import { close } from "./circuit.ts"

/**
 * The controls by hand. `Release` ends an isolation, and `Enable` a disabling.
 *
 * @internal
 */
export type Control = "Trip" | "Reset" | "Isolate" | "Release" | "Disable" | "Enable"

/**
 * Restarts the open time of an open circuit, without a step of the backoff.
 *
 * @internal
 */
export const restart = (circuit: Open, now: number): Open => ({
  ...circuit,
  generation: circuit.generation + 1,
  openedAt: now
})

/**
 * Closes the circuit, and resets its backoff. It ends isolations, but a disabled circuit stays Disabled.
 *
 * @internal
 */
export const reset = <W>(circuit: Circuit<W>, rules: Rules<W>, now: number): Closed<W> | Disabled => ({
  ...withoutIsolation(circuit, rules, now),
  openings: 0,
  openMillis: 0
})

/**
 * Isolates the circuit, or adds an isolation to those that it has.
 *
 * @internal
 */
export const isolate = <W>(circuit: Circuit<W>): Isolated =>
  circuit._tag === "Isolated"
    ? { ...circuit, holders: circuit.holders + 1 }
    : {
        _tag: "Isolated",
        generation: circuit.generation + 1,
        openings: circuit.openings,
        openMillis: circuit.openMillis,
        holders: 1,
        since: circuit.generation + 1,
        disablers: disablersOf(circuit)
      }

/**
 * Ends one of the isolations that began in generation `since`, unless a reset has ended them already.
 *
 * @internal
 */
export const release = <W>(circuit: Circuit<W>, rules: Rules<W>, since: number, now: number): Circuit<W> => {
  if (circuit._tag !== "Isolated" || circuit.since !== since) return circuit
  return circuit.holders > 1
    ? { ...circuit, holders: circuit.holders - 1 }
    : withoutIsolation(circuit, rules, now)
}

/**
 * Disables the circuit, so that it admits every call and records none. An isolated circuit stays Isolated until then.
 *
 * @internal
 */
export const disable = <W>(circuit: Circuit<W>): Disabled | Isolated =>
  circuit._tag === "Isolated" || circuit._tag === "Disabled"
    ? { ...circuit, disablers: circuit.disablers + 1 }
    : toDisabled(circuit, 1)

/**
 * Ends one disabling. No other function does.
 *
 * @internal
 */
export const enable = <W>(circuit: Circuit<W>, rules: Rules<W>, now: number): Circuit<W> => {
  const left = disablersOf(circuit) - 1
  switch (circuit._tag) {
    case "Isolated":
      return left < 0 ? circuit : { ...circuit, disablers: left }
    case "Disabled":
      return left === 0 ? close(circuit, rules, now) : { ...circuit, disablers: left }
    default:
      return circuit
  }
}

/**
 * The number of disablings that have not ended, including those of an isolated circuit.
 *
 * @internal
 */
export const disablersOf = <W>(circuit: Circuit<W>): number =>
  circuit._tag === "Isolated" || circuit._tag === "Disabled" ? circuit.disablers : 0

/** The circuit once it is not isolated: Disabled if there are disablings, or else Closed. */
const withoutIsolation = <W>(circuit: Circuit<W>, rules: Rules<W>, now: number): Closed<W> | Disabled => {
  const disablers = disablersOf(circuit)
  return disablers === 0 ? close(circuit, rules, now) : toDisabled(circuit, disablers)
}

const toDisabled = <W>(circuit: Circuit<W>, disablers: number): Disabled => ({
  _tag: "Disabled",
  generation: circuit.generation + 1,
  openings: circuit.openings,
  openMillis: circuit.openMillis,
  disablers
})
