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
import { answerTo } from "./answer.ts"

type Response = HttpServerResponse.HttpServerResponse

/** @internal */
export type StatusOutcome = (status: number, response: Response) => Outcome.Outcome

/** @internal */
export type Classify = (exit: Exit.Exit<Response, unknown>) => Outcome.Outcome

/** @internal */
export const statusOutcome: StatusOutcome = (status) => (status >= 500 ? Outcome.failure() : Outcome.success)

/** @internal */
export const classifyWith =
  (outcomeOf: StatusOutcome): Classify =>
  (exit) => {
    if (exit._tag === "Failure" && Cause.isInterruptedOnly(exit.cause)) return Outcome.ignored
    const response = answerTo(exit)
    const outcome = outcomeOf(response.status, response)
    // The cause of a failure says more than its status.
    return outcome._tag === "Failure" && exit._tag === "Success"
      ? describedFailure(outcome, () => lineOf(response))
      : outcome
  }

const lineOf = ({ status }: Response): string => {
  // A classifier is asked by the fiber that answers the request.
  const request = Option.flatMap(Fiber.getCurrentFiber(), ({ currentContext }) =>
    Context.getOption(currentContext, HttpServerRequest.HttpServerRequest)
  )
  return Option.match(request, {
    onNone: () => requestLine("", "", `answered ${status}`),
    onSome: ({ method, originalUrl }) => requestLine(method, pathOf(originalUrl), `answered ${status}`)
  })
}
