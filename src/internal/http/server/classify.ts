import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Outcome from "../../../Outcome.ts"
import { describedFailure } from "../../observe/description.ts"
import { pathOf, requestLine } from "../requestLine.ts"
import { responseTo } from "./response.ts"

type Response = HttpServerResponse.HttpServerResponse

/**
 * The option `statusOutcome`.
 *
 * @internal
 */
export type StatusOutcome = (status: number, response: Response) => Outcome.Outcome

/**
 * A classifier of the exit of an app.
 *
 * @internal
 */
export type Classify = (exit: Exit.Exit<Response, unknown>) => Outcome.Outcome

/**
 * The default of `statusOutcome`.
 *
 * @internal
 */
export const statusOutcome: StatusOutcome = (status) => (status >= 500 ? Outcome.failure() : Outcome.success)

/**
 * Makes the classifier of {@link statusOutcome} or of the option in its place.
 *
 * @internal
 */
export const classifyWith =
  (outcomeOf: StatusOutcome): Classify =>
  (exit) => {
    if (exit._tag === "Failure" && Cause.isInterruptedOnly(exit.cause)) return Outcome.ignored
    const response = responseTo(exit)
    const outcome = outcomeOf(response.status, response)
    // A failed app is logged with its cause, which is more informative than the status.
    return outcome._tag === "Failure" && exit._tag === "Success"
      ? describedFailure(outcome, () => lineOf(response))
      : outcome
  }

const lineOf = ({ status }: Response): string => {
  // A classifier runs in the fiber that answers the request, so the request is in that fiber's context.
  const request = Option.flatMap(Fiber.getCurrentFiber(), ({ currentContext }) =>
    Context.getOption(currentContext, HttpServerRequest.HttpServerRequest)
  )
  return Option.match(request, {
    onNone: () => requestLine("", "", `answered ${status}`),
    onSome: ({ method, originalUrl }) => requestLine(method, pathOf(originalUrl), `answered ${status}`)
  })
}
