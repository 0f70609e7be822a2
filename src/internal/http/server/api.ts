import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"

type Response = HttpServerResponse.HttpServerResponse
type Service = HttpApi.Api["Type"]

/**
 * The response that the served `HttpApi` makes of a failure; none if the failure is not an error that it declares, or
 * if no `HttpApi` is served. A middleware of `HttpApiBuilder.middleware` runs before the platform encodes errors, and
 * would otherwise take every declared error for a 500.
 *
 * @internal
 */
export const responseOfApi = <E>(cause: Cause.Cause<E>): Effect.Effect<Option.Option<Response>> =>
  Effect.flatMap(
    Effect.serviceOption(HttpApi.Api),
    Option.match({
      onNone: () => Effect.succeedNone,
      onSome: (service) =>
        encoderOf(service).pipe(
          Effect.flatMap((encode) => Effect.failCause(cause).pipe(encode, Effect.exit)),
          Effect.map(Exit.match({ onFailure: () => Option.none(), onSuccess: Option.some }))
        )
    })
  )

type Encoder = (app: Effect.Effect<Response, unknown>) => Effect.Effect<Response, unknown>

const encoders = new WeakMap<Service, Encoder>()

const encoderOf = (service: Service): Effect.Effect<Encoder> =>
  Effect.suspend(() => {
    const known = encoders.get(service)
    if (known !== undefined) return Effect.succeed(known)
    // The platform exports its encoder only together with the middlewares of an API, which have run already.
    const api: Service["api"] = Object.create(service.api, { middlewares: { value: new Set() } })
    return HttpApiBuilder.buildMiddleware(api).pipe(
      Effect.tap((encode) => Effect.sync(() => encoders.set(service, encode))),
      Effect.provide(service.context)
    )
  })
