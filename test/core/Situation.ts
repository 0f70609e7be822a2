/** A situation of an exploration, and the key by which it is recognised. */
import type { AnyCircuit } from "./circuits.ts"
import type { CallState, Ledger, Opening } from "./Ledger.ts"

export type Action = "trip" | "reset" | "isolate" | "release" | "disable" | "enable"

export interface Control {
  readonly left: ReadonlyArray<Action>
  /** The isolation that it holds. */
  readonly isolation: number
  readonly opening: Opening | undefined
}

export interface Situation {
  readonly circuit: AnyCircuit
  readonly now: number
  readonly calls: ReadonlyArray<CallState>
  readonly controls: ReadonlyArray<Control>
  readonly ticksLeft: number
  readonly ledger: Ledger
}

/** Short, because there are many. */
export const keyOf = ({ calls, circuit, controls, ledger, now, ticksLeft }: Situation): string => {
  const alike = calls.map(keyOfCall).sort().join()
  const hands = controls
    .map((it) => {
      const opening = it.opening && keyOfCall(it.opening)
      return `${it.left.length}.${it.isolation}.${opening}`
    })
    .join()
  return `${numberOf(circuit)} ${numberOf(ledger)} ${now} ${ticksLeft} ${alike} ${hands}`
}

export const keyOfCall = (call: CallState): string => {
  switch (call._tag) {
    case "Waiting":
      return `${call.onlyHalfOpen ? "h" : "w"}${Number(call.isStream)}`
    case "Running": {
      const { isProbe, isStream, since, ticket } = call
      return `r${ticket.generation}.${ticket.slot}.${Number(isProbe)}.${Number(isStream)}.${since}`
    }
    case "Opening":
      return `o${call.generation}.${call.openings}.${call.since}`
    case "Over":
      return "."
  }
}

const numbers = new WeakMap<object, number>()
const numbersByContent = new Map<string, number>()

/** The same number for the same content. */
const numberOf = (value: object): number => {
  let number = numbers.get(value)
  if (number === undefined) {
    const content = JSON.stringify(value)
    number = numbersByContent.get(content) ?? numbersByContent.size
    numbersByContent.set(content, number)
    numbers.set(value, number)
  }
  return number
}
