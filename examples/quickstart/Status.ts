/**
 * The present state of the server and the circuit, in words.
 */
import * as Duration from "effect/Duration"
import type { CircuitBreaker } from "effect-circuit-breaker"
import type { Facts } from "./Recording.ts"
import * as Story from "./Story.ts"

export const lines = ({ circuit, now, story }: Facts): ReadonlyArray<string> => {
  const clock = ` ${seconds(Duration.millis(now))}`
  return [
    `${clock.padEnd(11)}The server ${howTheServerIs(Story.conditionAt(story, now))}.`,
    `${" ".repeat(11)}The circuit is ${howTheCircuitIs(circuit.state)}.`
  ]
}

const howTheServerIs = (condition: Story.Condition): string => {
  switch (condition) {
    case "healthy":
      return "is healthy"
    case "failing":
      return "answers every request with status 500"
    case "hanging":
      return "takes requests and never answers"
    case "recovering":
      return "answers again, but slowly"
  }
}

const howTheCircuitIs = (state: CircuitBreaker.CircuitState): string => {
  switch (state._tag) {
    case "Closed":
      return "closed: every call passes"
    case "Open":
      return `open (opening ${state.openings}), for another ${seconds(state.retryAfter)}`
    case "HalfOpen":
      return "half-open: one call probes the server"
    case "Recovering":
      return `recovering: ${Math.round(state.admitting * 100)} % of the calls pass`
    case "Isolated":
      return "isolated: no call passes"
    case "Disabled":
      return "disabled: every call passes, and none counts"
  }
}

const seconds = (duration: Duration.Duration): string => `${Duration.toSeconds(duration).toFixed(1)} s`
