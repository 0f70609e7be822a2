import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Circuit, Disabled, Isolated, Rules } from "../core/circuit.ts"
import * as Machine from "../core/circuit.ts"
import type { Control } from "../core/manualControl.ts"
import * as ManualControl from "../core/manualControl.ts"
import type { Caller } from "../fiber/caller.ts"
import type { Breaker } from "./breaker.ts"
import type { CircuitEntry } from "./circuitEntry.ts"
import { open } from "./opening.ts"

/** The synchronous step by which a control changes a circuit. */
type Step<A> = (entry: CircuitEntry, now: number, caller: Caller) => A

/**
 * Controls a circuit by hand. A transition caused by the passing of time is announced first, as one of its own. If the
 * circuit is shared, the control first waits until its state elsewhere is known, as a call does, and at the end until
 * its change is written to the store.
 */
const control = <A>(
  breaker: Breaker,
  key: string | undefined,
  name: Control,
  step: Step<A>
): Effect.Effect<A> =>
  Effect.withFiberRuntime((caller) => {
    const { coordinator } = breaker
    const controlled = Effect.suspend(() => {
      const entry = breaker.use(key, caller)
      breaker.unsettledCalls?.settleAll(entry)
      const now = breaker.now(caller)
      const before = Machine.at(entry.current, breaker.settings.rules, now)
      breaker.announce(breaker.replace(entry, before, now), caller)
      const answer = Effect.succeed(step(entry, now, caller))
      if (entry.current === before) return answer
      const written = coordinator?.after(entry, { _tag: "Controlled", control: name }, caller)
      return Effect.zipRight(written ?? Effect.void, answer)
    })
    const ready = coordinator?.ready(breaker.use(key, caller), caller)
    return Effect.zipRight(ready ?? Effect.void, controlled)
  })

/** @internal */
export const trip = (breaker: Breaker, key: string | undefined): Effect.Effect<void> =>
  control(breaker, key, "Trip", (entry, now, caller) => {
    const circuit = entry.current
    switch (circuit._tag) {
      case "Isolated":
      case "Disabled":
        return
      case "Open":
        return breaker.change(entry, ManualControl.restart(circuit, now), caller)
      default:
        return open(breaker, entry, { reason: "Manual", now }, caller)
    }
  })

/** @internal */
export const reset = (breaker: Breaker, key: string | undefined): Effect.Effect<void> =>
  control(breaker, key, "Reset", (entry, now, caller) =>
    breaker.change(entry, ManualControl.reset(entry.current, breaker.settings.rules, now), caller)
  )

/** @internal */
export const isolate = (breaker: Breaker, key: string | undefined): Effect.Effect<void, never, Scope.Scope> =>
  hold<Isolated>(breaker, key, {
    controls: { begin: "Isolate", end: "Release" },
    begin: ManualControl.isolate,
    end: (circuit, held, rules, now) => ManualControl.release(circuit, rules, held.since, now),
    endsByReset: true
  })

/** @internal */
export const disable = (breaker: Breaker, key: string | undefined): Effect.Effect<void, never, Scope.Scope> =>
  hold<Isolated | Disabled>(breaker, key, {
    controls: { begin: "Disable", end: "Enable" },
    begin: ManualControl.disable,
    end: (circuit, _, rules, now) => ManualControl.enable(circuit, rules, now),
    endsByReset: false
  })

/** A state in which a circuit is held by hand, and the steps that begin and end the hold. */
interface Hold<Held extends Circuit<unknown>> {
  readonly controls: { readonly begin: Control; readonly end: Control }
  readonly begin: (circuit: Circuit<unknown>) => Held
  /** Ends the hold in the circuit as it is now. `held` is the circuit as it was when the hold had begun. */
  readonly end: (
    circuit: Circuit<unknown>,
    held: Held,
    rules: Rules<unknown>,
    now: number
  ) => Circuit<unknown>
  readonly endsByReset: boolean
}

/** Holds a circuit in a state until the scope closes. */
const hold = <Held extends Circuit<unknown>>(
  breaker: Breaker,
  key: string | undefined,
  { begin, controls, end, endsByReset }: Hold<Held>
): Effect.Effect<void, never, Scope.Scope> => {
  const beginning = control(breaker, key, controls.begin, (entry, _, caller) => {
    const held = begin(entry.current)
    breaker.change(entry, held, caller)
    return { entry, held }
  })
  const ending = ({ entry, held }: { readonly entry: CircuitEntry; readonly held: Held }) =>
    Effect.withFiberRuntime<void>((caller) => {
      const { circuits, coordinator, settings } = breaker
      const now = breaker.now(caller)
      const ended = end(entry.current, held, settings.rules, now)
      // Another process may have ended the hold in this circuit already, while the store still has that of this node.
      const isKnownElsewhere = coordinator !== undefined && !endsByReset && circuits.holds(entry)
      if (ended === entry.current && !isKnownElsewhere) return Effect.void
      circuits.touch(entry, now)
      breaker.change(entry, ended, caller)
      return coordinator?.after(entry, { _tag: "Controlled", control: controls.end }, caller) ?? Effect.void
    })
  return Effect.asVoid(Effect.acquireRelease(beginning, ending))
}
