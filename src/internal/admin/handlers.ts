import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { makeAdministration } from "./administration.ts"
import { readBody } from "./body.ts"
import * as Controls from "./controls.ts"
import { InvalidRequest } from "./errors.ts"
import { group, Operator } from "./group.ts"
import { breakerSummaryOf, pageOf } from "./listing.ts"
import { breakersOf, findBreaker, quoted } from "./live.ts"
import type { Settings } from "./options.ts"
import * as Requests from "./requests.ts"
import type { Breakers, CircuitDetails, CircuitPage } from "./schemas.ts"

/** The most breakers in an answer. */
const mostBreakers = 1_000

const onlyGroup = HttpApi.make("circuitAdmin").add(group)

/**
 * An API that contains the group, possibly with other groups and below a path.
 *
 * @internal
 */
export type Api = typeof onlyGroup

/**
 * The handlers of all endpoints.
 *
 * @internal
 */
export const handlersOf = <R>(api: Api, settings: Settings<R>) =>
  HttpApiBuilder.group(api, "circuitAdmin", (handlers) =>
    Effect.map(makeAdministration(settings), (administration) => {
      const { exposeCauses, longestOverrideMillis, reads } = settings
      const admin = { ...administration, exposeCauses, longestOverrideMillis }
      const { events, observed, overrides, registry, scope } = administration
      const change = changeIn(scope)
      return handlers
        .handle("breakers", () =>
          Effect.flatMap(breakersOf(registry), (breakers) =>
            Effect.withFiberRuntime((caller) =>
              Effect.map(Clock.currentTimeMillis, (at) =>
                json<typeof Breakers.Type>({
                  at,
                  total: breakers.length,
                  breakers: breakers.slice(0, mostBreakers).map((live) => breakerSummaryOf(live, caller)),
                  access: {
                    changes: settings.changes._tag,
                    reads: reads === "public" ? "Public" : "Authorized",
                    longestOverrideSeconds: Math.floor(longestOverrideMillis / 1_000),
                    exposesCauses: exposeCauses
                  }
                })
              )
            )
          )
        )
        .handle("circuits", ({ urlParams }) =>
          Effect.gen(function* () {
            yield* checkParameters(Object.keys(Requests.CircuitsQuery.fields))
            const { breaker } = urlParams
            const breakers =
              breaker === undefined ? yield* breakersOf(registry) : [yield* findBreaker(registry, breaker)]
            if (breaker === undefined) observed.census.keepOnly(breakers)
            return json<typeof CircuitPage.Type>(yield* pageOf(breakers, urlParams, observed))
          })
        )
        .handle("circuit", ({ urlParams }) =>
          Effect.zipRight(
            checkParameters(Object.keys(Requests.CircuitQuery.fields)),
            Effect.map(Controls.read(admin, urlParams), json<typeof CircuitDetails.Type>)
          )
        )
        .handle("overrides", () =>
          overrides.prune.pipe(
            Effect.zipRight(Clock.currentTimeMillis),
            Effect.map((at) => ({ at, overrides: overrides.all.map(({ override }) => override) }))
          )
        )
        .handle("events", ({ request }) =>
          Effect.map(
            // Routers answer HEAD by running this handler too. A consumer that never reads would then hold a place.
            request.method === "HEAD" ? Effect.succeed(Stream.empty) : events.connect(destroyOf(request)),
            (stream) =>
              HttpServerResponse.stream(stream, {
                contentType: "text/event-stream",
                // A proxy that buffers responses would hold back every event.
                headers: { "x-accel-buffering": "no" }
              })
          )
        )
        .handleRaw("trip", ({ request }) =>
          change(request, Requests.ChangeRequest, (body, operator) => Controls.trip(admin, body, operator))
        )
        .handleRaw("reset", ({ request }) =>
          change(request, Requests.ChangeRequest, (body, operator) => Controls.reset(admin, body, operator))
        )
        .handleRaw("isolate", ({ request }) =>
          change(request, Requests.OverrideRequest, (body, operator) =>
            Controls.hold(admin, "Isolate", body, operator)
          )
        )
        .handleRaw("disable", ({ request }) =>
          change(request, Requests.OverrideRequest, (body, operator) =>
            Controls.hold(admin, "Disable", body, operator)
          )
        )
        .handleRaw("release", ({ request }) =>
          change(request, Requests.ReleaseRequest, (body, operator) =>
            Controls.release(admin, body, operator)
          )
        )
    })
  )

/**
 * An answer to a page's regular questions. It is not encoded with its schema, because the schemas of answers convert
 * nothing, and visiting the thousands of values of a list takes longer than making the list.
 */
const json = <A>(answer: A) => HttpServerResponse.unsafeJson(answer)

/** Runs a change. The body is read here and not by the platform, so that its size is bounded. */
const changeIn =
  (scope: Scope.Scope) =>
  <A, I, B, E>(
    request: HttpServerRequest.HttpServerRequest,
    schema: Schema.Schema<A, I>,
    run: (body: A, operator: typeof Operator.Service) => Effect.Effect<B, E>
  ) =>
    Effect.flatMap(Operator, (operator) =>
      Effect.flatMap(readBody(request, schema, scope), (body) => run(body, operator))
    )

/** Refuses unknown parameters. The platform ignores them, so a misspelled filter would show everything. */
const checkParameters = (known: ReadonlyArray<string>) =>
  Effect.flatMap(HttpServerRequest.ParsedSearchParams, (parameters) => {
    const unknown = Object.keys(parameters).find((name) => !known.includes(name))
    return unknown === undefined
      ? Effect.void
      : Effect.fail(
          new InvalidRequest({
            message: `Unknown parameter ${quoted(unknown)}. The parameters are ${known.join(", ")}`
          })
        )
  })

/** The function that ends the connection of a request on Node; `undefined` on other platforms. */
const destroyOf = ({ source }: HttpServerRequest.HttpServerRequest): (() => void) | undefined => {
  if (!Predicate.hasProperty(source, "destroy")) return undefined
  const { destroy } = source
  return typeof destroy === "function" ? () => void destroy.call(source) : undefined
}
