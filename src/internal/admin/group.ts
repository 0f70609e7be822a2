import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as HttpApiSecurity from "@effect/platform/HttpApiSecurity"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Context from "effect/Context"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Forbidden, InvalidRequest, NotFound, RequestTooLarge, TooMany, Unauthorized } from "./errors.ts"
import * as Requests from "./requests.ts"
import * as Schemas from "./schemas.ts"

/**
 * The operator who makes a change. The program may not know the name. Only {@link ChangeGuard} provides it, so an
 * endpoint that changes something cannot run without that guard.
 */
export class Operator extends Context.Tag("effect-circuit-breaker/CircuitAdmin/Operator")<
  Operator,
  { readonly name: Option.Option<string> }
>() {}

/** Guards every endpoint: it sets the headers of answers, limits the length of URLs, and authorizes reads. */
export class Guard extends HttpApiMiddleware.Tag<Guard>()("effect-circuit-breaker/CircuitAdmin/Guard", {
  failure: Schema.Union(InvalidRequest, Unauthorized, Forbidden)
}) {}

/**
 * Guards the endpoints that change something.
 */
export class ChangeGuard extends HttpApiMiddleware.Tag<ChangeGuard>()(
  "effect-circuit-breaker/CircuitAdmin/ChangeGuard",
  {
    failure: Schema.Union(InvalidRequest, Unauthorized, Forbidden),
    provides: Operator,
    security: { bearer: HttpApiSecurity.bearer }
  }
) {}

const described = (summary: string, description: string) => OpenApi.annotations({ summary, description })

const changes = [
  "A request that changes something needs the header `x-circuit-admin: 1`, a body of `application/json`, and a bearer",
  "token or whatever the program's own `authorize` requires."
].join(" ")

const createsCircuit = "If no call has used the circuit yet, the change creates it. The answer names the key."

const change = <const Name extends string, A, I>(name: Name, payload: Schema.Schema<A, I>, summary: string) =>
  HttpApiEndpoint.post(name, `/circuit/${name}`)
    .setPayload(payload)
    .addSuccess(Schemas.Changed)
    .addError(NotFound)
    .addError(RequestTooLarge)
    .middleware(ChangeGuard)
    .annotateContext(described(summary, `${changes} ${createsCircuit}`))

export const group = HttpApiGroup.make("circuitAdmin")
  .add(
    HttpApiEndpoint.get("breakers", "/breakers")
      .addSuccess(Schemas.Breakers)
      .annotateContext(
        described("List the breakers", "The first 1,000 live breakers, with their circuits by state.")
      )
  )
  .add(
    HttpApiEndpoint.get("circuits", "/circuits")
      .setUrlParams(Requests.CircuitsQuery)
      .addSuccess(Schemas.CircuitPage)
      .addError(NotFound)
      .annotateContext(
        described(
          "List circuits",
          "A page of the circuits: those that are not Closed come first, then the Closed ones that are nearest to opening."
        )
      )
  )
  .add(
    HttpApiEndpoint.get("circuit", "/circuit")
      .setUrlParams(Requests.CircuitQuery)
      .addSuccess(Schemas.CircuitDetails)
      .addError(NotFound)
      .annotateContext(described("Read a circuit", "Reading never creates a circuit or changes its state."))
  )
  .add(
    HttpApiEndpoint.get("overrides", "/overrides")
      .addSuccess(Schemas.Overrides)
      .annotateContext(
        described(
          "List the overrides",
          "The overrides that operators began in this process, which isolate or disable circuits."
        )
      )
  )
  .add(
    HttpApiEndpoint.get("events", "/events")
      .addSuccess(HttpApiSchema.Text({ contentType: "text/event-stream" }))
      .addError(TooMany)
      .annotateContext(
        described(
          "Listen to events",
          "Server-sent events: each `transition`, and a `summary` once a second. A slow consumer is disconnected."
        )
      )
  )
  .add(change("trip", Requests.ChangeRequest, "Open a circuit"))
  .add(change("reset", Requests.ChangeRequest, "Close a circuit"))
  .add(
    change(
      "isolate",
      Requests.OverrideRequest,
      "Make a circuit reject every call until the override ends"
    ).addError(TooMany)
  )
  .add(
    change(
      "disable",
      Requests.OverrideRequest,
      "Make a circuit admit every call until the override ends"
    ).addError(TooMany)
  )
  .add(
    HttpApiEndpoint.post("release", "/overrides/release")
      .setPayload(Requests.ReleaseRequest)
      .addSuccess(Schemas.Changed)
      .addError(NotFound)
      .addError(RequestTooLarge)
      .middleware(ChangeGuard)
      .annotateContext(described("End an override", changes))
  )
  .middleware(Guard)
  .annotateContext(
    OpenApi.annotations({
      title: "Circuit breakers",
      description: "Shows the circuit breakers of a process, and lets operators control them."
    })
  )
