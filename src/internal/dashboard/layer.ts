import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as CircuitDashboard from "../../CircuitDashboard.ts"
import { handler } from "./handler.ts"
import { decode } from "./options.ts"

/** @internal */
export const layer = (
  options?: CircuitDashboard.Options
): Layer.Layer<never, never, HttpLayerRouter.HttpRouter> =>
  HttpLayerRouter.use((router) =>
    Effect.gen(function* () {
      const settings = decode(options)
      yield* router.add("GET", settings.path, yield* handler(settings))
    })
  )

/** @internal */
export const layerApi = (options?: CircuitDashboard.Options): Layer.Layer<never> =>
  HttpApiBuilder.Router.use((router) =>
    Effect.gen(function* () {
      const settings = decode(options)
      yield* router.get(settings.path, yield* handler(settings))
    })
  )
