import * as Predicate from "effect/Predicate"
import type { Check, Kind } from "../core/policies/kind.ts"
import { kindKey } from "../core/policies/kind.ts"
import type { Policy } from "../core/policies/policy.ts"
import * as Checks from "./checks.ts"

/**
 * Compiles the data that a constructor of `TripPolicy` has made to a policy. Throws a `RangeError` that names the
 * option, the received value and the allowed range.
 *
 * @internal
 */
export const decodePolicy = (of: string, input: unknown): Policy<unknown> => {
  if (!Predicate.hasProperty(input, kindKey)) {
    return Checks.refuseValue(of, "a policy made by the constructors of TripPolicy", input)
  }
  // Only the constructors set the property.
  const kind = input[kindKey] as Kind
  const { _tag, ...options }: Readonly<Record<string, unknown>> = input
  return kind.compile(Checks.optionsOf(of, options, Object.keys(kind.options)), checkOf(of))
}

/** The checks of the options of one policy. `of` is its path in messages, such as `tripPolicy.policies[0]`. */
const checkOf = (of: string): Check => ({
  count: (option, value, otherwise) => Checks.count(`${of}.${option}`, Checks.or(value, otherwise)),
  ratio: (option, value) => Checks.ratio(`${of}.${option}`, value),
  positiveMillis: (option, value) => Checks.positiveMillis(`${of}.${option}`, value),
  finiteMillis: (option, value) => Checks.finiteMillis(`${of}.${option}`, value),
  callable: (option, value) => {
    Checks.callable(`${of}.${option}`, value)
  },
  policies: (option, value) => {
    if (!Array.isArray(value)) return Checks.refuseValue(`${of}: ${option}`, "given policies", value)
    if (value.length === 0) return Checks.refuse(`${of}: ${option}`, "at least one policy", "none")
    return value.map((each, i) => decodePolicy(`${of}.${option}[${i}]`, each))
  },
  refuse: (option, allowed, value) => Checks.refuseValue(`${of}.${option}`, allowed, value),
  refuseTogether: (allowed, received) => Checks.refuse(of, allowed, received)
})
