/** Rules, finished calls and circuits for the tests of the core, reached by the machine's own steps. */
import * as Admission from "../../src/internal/core/admission.ts"
import * as Circuit from "../../src/internal/core/circuit.ts"
import * as ManualControl from "../../src/internal/core/manualControl.ts"
import { consecutive } from "../../src/internal/core/policies/consecutive.ts"
import type { Call } from "../../src/internal/core/policies/policy.ts"
import { slowCallRate } from "../../src/internal/core/policies/slowCallRate.ts"

export type Rules = Circuit.Rules<unknown>
export type AnyCircuit = Circuit.Circuit<unknown>
export type Asked = readonly [decision: Admission.Decision, circuit: AnyCircuit]
export type Tagged<Tag extends AnyCircuit["_tag"]> = Extract<AnyCircuit, { readonly _tag: Tag }>

export const openMillis = 1000
export const probeTimeoutMillis = 500
export const recovery = { durationMillis: 800, from: 0.25 }

export const rulesWith = (over: Partial<Rules> = {}): Rules => ({
  policy: consecutive(2),
  probes: 1,
  failuresToReopen: 1,
  probeTimeoutMillis,
  recovery: undefined,
  ...over
})

/** Under which a call is slow from 100 milliseconds on. */
export const slowRules = rulesWith({
  policy: slowCallRate({
    threshold: 1,
    minimumCalls: 2,
    minimumFailures: 1,
    slowerThanMillis: 100,
    window: { _tag: "Calls", calls: 4 }
  })
})

type Verdict = Call["outcome"]["_tag"]

const call = (verdict: Verdict, interrupted: boolean, at: number, elapsedMillis: number): Call => ({
  outcome: { _tag: verdict },
  interrupted,
  at,
  elapsedMillis
})

export const success = (at = 0, elapsedMillis = 0): Call => call("Success", false, at, elapsedMillis)
export const failure = (at = 0, elapsedMillis = 0): Call => call("Failure", false, at, elapsedMillis)
export const ignored = (at = 0, elapsedMillis = 0): Call => call("Ignored", false, at, elapsedMillis)
export const interrupted = (at = 0, elapsedMillis = 0): Call => call("Ignored", true, at, elapsedMillis)

/** The same value, in which nothing can be changed: what the core is given it has to leave as it is. */
export const frozen = <A>(value: A): A => {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    Object.values(value).forEach(frozen)
  }
  return value
}

/** The circuit, if it is in the state that the test is about. */
export const inState = <Tag extends AnyCircuit["_tag"]>(circuit: AnyCircuit, tag: Tag): Tagged<Tag> => {
  if (circuit._tag !== tag) throw new Error(`expected ${tag}, found ${circuit._tag}`)
  return frozen(circuit as Tagged<Tag>)
}

export const closed = (rules: Rules): Tagged<"Closed"> => inState(Circuit.initial(rules.policy), "Closed")

/** Open since `now`, in its `openings`-th opening and in generation 1. */
export const opened = (rules: Rules, now = 0, openings = 1): Tagged<"Open"> =>
  inState(Circuit.open(closed(rules), 0, { openings, openMillis, openedAt: now }), "Open")

/** HalfOpen at `openMillis`, in generation 2, with nothing taken. */
export const halfOpen = (rules: Rules, openings = 1): Tagged<"HalfOpen"> =>
  inState(Circuit.at(opened(rules, 0, openings), rules, openMillis), "HalfOpen")

/** Recovering since `openMillis`, in generation 3. */
export const recovering = (rules: Rules, openings = 1): Tagged<"Recovering"> => {
  let circuit: AnyCircuit = halfOpen(rules, openings)
  for (let probe = 0; probe < rules.probes; probe++) {
    const [ticket, taken] = admitted(circuit, rules, openMillis)
    circuit = Circuit.settle(taken, rules, ticket, success(openMillis))
  }
  return inState(circuit, "Recovering")
}

export const isolated = (circuit: AnyCircuit): Tagged<"Isolated"> =>
  inState(ManualControl.isolate(circuit), "Isolated")

export const disabled = (circuit: AnyCircuit): Tagged<"Disabled"> =>
  inState(ManualControl.disable(circuit), "Disabled")

/** The ticket of a call that the circuit admits at `now`, and the circuit after it. */
export const admitted = (
  circuit: AnyCircuit,
  rules: Rules,
  now: number
): readonly [Circuit.Ticket, AnyCircuit] => {
  const [decision, next] = Admission.admit(circuit, rules, now)
  if (decision._tag !== "Admitted") throw new Error(`rejected by ${next._tag} at ${now}`)
  return [decision.ticket, frozen(next)]
}

/** The circuit after a probe that took its slot at `now` and ended at once. */
export const probe = (circuit: AnyCircuit, rules: Rules, call: Call): AnyCircuit => {
  const [ticket, taken] = admitted(circuit, rules, call.at)
  return frozen(Circuit.settle(taken, rules, ticket, call))
}

/** Whether a call that asks at `now` would be let through. */
export const admits = (circuit: AnyCircuit, rules: Rules, now: number): boolean =>
  Admission.admit(circuit, rules, now)[0]._tag === "Admitted"

/** The number of slots that are held at `now`. */
export const probing = (circuit: AnyCircuit, rules: Rules, now: number): number => {
  const seen = Circuit.at(circuit, rules, now)
  return seen._tag === "HalfOpen" ? seen.slots.count : 0
}

/** A circuit in every state, with a backoff of `openings` steps behind it. */
export const everyState = (openings: number): ReadonlyArray<AnyCircuit> => {
  const rules = rulesWith()
  const [ticket, taken] = admitted(halfOpen(rules, openings), rules, openMillis)
  return [
    frozen(Circuit.settle(taken, rules, ticket, success(openMillis))),
    opened(rules, 0, openings),
    taken,
    recovering(rulesWith({ recovery }), openings),
    isolated(opened(rules, 0, openings))
  ]
}

/** The same circuits with a disabling: all are Disabled, except the Isolated one. */
export const everyStateDisabled = (openings: number): ReadonlyArray<AnyCircuit> =>
  everyState(openings).map((circuit) => frozen(ManualControl.disable(circuit)))
