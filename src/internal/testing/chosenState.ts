import type { ChosenState } from "../../testing.ts"
import { checkKey } from "../circuitBreaker/options.ts"
import { finiteMillis, oneOf, optionsOf, refuseValue } from "../options/checks.ts"

type State = ChosenState["state"]

/**
 * Checks the state in which a breaker of a test has to begin. Throws a `RangeError` that names the property, the
 * received value and the allowed range.
 *
 * @internal
 */
export const checkState = (input: ChosenState): ChosenState => {
  const chosen = optionsOf<ChosenState>(of("the state"), input, names)
  checkKey(chosen.key)
  oneOf<State>(of("state"), ["Open", "HalfOpen", "Recovering", "Isolated"], chosen.state)
  if (chosen.state === "Open" && chosen.retryAfter !== undefined)
    finiteMillis(of("retryAfter"), chosen.retryAfter)
  if (chosen.state === "HalfOpen" && chosen.probing !== undefined) checkProbing(chosen.probing)
  if (chosen.state === "Recovering" && chosen.admitting !== undefined) checkShare(chosen.admitting)
  return chosen
}

const of = (property: string): string => `testing: ${property}`

const names = Object.keys({
  state: true,
  key: true,
  retryAfter: true,
  probing: true,
  admitting: true
} satisfies Record<KeysOf<ChosenState>, true>)

type KeysOf<A> = A extends unknown ? keyof A : never

const checkProbing = (probing: unknown): void => {
  if (!Number.isSafeInteger(probing) || Number(probing) < 0)
    refuseValue(of("probing"), "an integer of at least 0", probing)
}

const checkShare = (admitting: unknown): void => {
  if (typeof admitting !== "number" || Number.isNaN(admitting))
    refuseValue(of("admitting"), "a number", admitting)
}
