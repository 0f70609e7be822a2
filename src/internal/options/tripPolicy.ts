import * as Predicate from "effect/Predicate"
import type { Check, Kind } from "../core/policies/kind.ts"
import type { Policy } from "../core/policies/policy.ts"
import { kinds } from "../core/policies/table.ts"
import * as Checks from "./checks.ts"

/**
 * Compiles the data that a constructor of `TripPolicy` has made to a policy. Throws a `RangeError` that names the
 * option, the received value and the allowed range.
 *
 * @internal
 */
export const decodePolicy = (of: string, input: unknown): Policy<unknown> => {
  const kind = Predicate.hasProperty(input, "_tag") ? kindOf(input._tag) : undefined
  if (kind === undefined) {
    return Checks.refuseValue(of, "a policy made by the constructors of TripPolicy", input)
  }
  const names = Object.keys(kind.options)
  return kind.compile(Checks.optionsOf<Record<string, unknown>>(of, input, ["_tag", ...names]), checkOf(of))
}

const kindOf = (tag: unknown): Kind | undefined =>
  Object.entries<Kind>(kinds).find(([name]) => name === tag)?.[1]

/** The checks of the options of one policy. `of` is its path in messages, such as `tripPolicy.policies[0]`. */
const checkOf = (of: string): Check => ({
  count: (option, value, otherwise) =>
    value === undefined && otherwise !== undefined ? otherwise : Checks.count(`${of}.${option}`, value),
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
