import * as HttpApi from "@effect/platform/HttpApi"
import type * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { refuse } from "../options/checks.ts"
import { ChangeGuard, group, Guard } from "./group.ts"
import { guard, guardChange } from "./guard.ts"
import type { Api } from "./handlers.ts"
import { handlersOf } from "./handlers.ts"
import type { Settings } from "./options.ts"

/** An API that has only the endpoints of the administration, below a path. */
export const apiAt = (path: `/${string}`) => HttpApi.make("circuitAdmin").add(group.prefix(path))

/**
 * Implements the group in an API that contains it. The implementation is the same for every API. The identifier of the
 * API only determines the service that the layer provides.
 *
 * @internal
 */
export const layerIn = <ApiId extends string, R>(
  api: { readonly identifier: ApiId; readonly groups: Readonly<Record<string, unknown>> },
  settings: Settings<R>
): Layer.Layer<HttpApiGroup.ApiGroup<ApiId, "circuitAdmin">, never, R> => {
  if (api.groups["circuitAdmin"] === undefined)
    return refuse("CircuitAdmin: api", "an HttpApi to which CircuitAdmin.group was added", "one without it")
  // The builder reads only the group of the API. The casts are needed because the type of that API is not known here.
  const layer = handlersOf(api as unknown as Api, settings).pipe(Layer.provide(guardsOf(settings)))
  return layer as unknown as Layer.Layer<HttpApiGroup.ApiGroup<ApiId, "circuitAdmin">, never, R>
}

/**
 * Mounts the administration alone on a router.
 *
 * @internal
 */
export const mounted = <R>(settings: Settings<R>) => {
  const api = apiAt(settings.path)
  return HttpLayerRouter.addHttpApi(api).pipe(Layer.provide(layerIn(api, settings)))
}

const guardsOf = <R>(settings: Settings<R>) =>
  Layer.mergeAll(
    Layer.effect(
      Guard,
      Effect.map(Effect.context<R>(), (context) => Effect.provide(guard(settings), context))
    ),
    Layer.effect(
      ChangeGuard,
      Effect.map(Effect.context<R>(), (context) => ({
        // The guard checks the whole header, because the platform would take the credentials of another scheme for a
        // token.
        bearer: () => Effect.provide(guardChange(settings), context)
      }))
    )
  )
