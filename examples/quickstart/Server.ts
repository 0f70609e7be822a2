/**
 * A warehouse that tells its stock over HTTP, as well as the story lets it.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import type * as HttpServerError from "@effect/platform/HttpServerError"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import type * as ParseResult from "effect/ParseResult"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { createServer } from "node:http"
import * as Story from "./Story.ts"

const Stock = Schema.Struct({ left: Schema.Int, from: Schema.Literal("warehouse", "memory") })

export type Stock = typeof Stock.Type

/** A real request. Any answer but 2xx is an error. */
export type AskForStock = Effect.Effect<Stock, HttpClientError.HttpClientError | ParseResult.ParseError>

export interface Server {
  readonly url: string
  readonly load: Ref.Ref<Load>
}

export interface Load {
  readonly arrivals: Chunk.Chunk<Arrival>
  readonly open: number
}

/** A request: when it came, and how many the server then had open, this one included. */
export interface Arrival {
  readonly at: number
  readonly open: number
}

export const start = (story: Story.Story): Effect.Effect<Server, HttpServerError.ServeError, Scope.Scope> =>
  Effect.gen(function* () {
    const load = yield* Ref.make<Load>({ arrivals: Chunk.empty(), open: 0 })
    const server = yield* NodeHttpServer.make(() => createServer(), { host: "127.0.0.1", port: 0 })
    // A route, unlike a bare handler, is interrupted when its client goes away.
    yield* server.serve(HttpRouter.empty.pipe(HttpRouter.get("/stock", tellStock(story, load))))
    return { url: HttpServer.formatAddress(server.address), load }
  })

export const client = ({ url }: Server): Effect.Effect<AskForStock, never, HttpClient.HttpClient> =>
  Effect.map(HttpClient.HttpClient, (http) => {
    const warehouse = http.pipe(
      HttpClient.mapRequest(HttpClientRequest.prependUrl(url)),
      HttpClient.filterStatusOk
    )
    return Effect.flatMap(warehouse.get("/stock"), HttpClientResponse.schemaBodyJson(Stock))
  })

const tellStock = (story: Story.Story, load: Ref.Ref<Load>) =>
  Effect.gen(function* () {
    const now = yield* Story.elapsed(story)
    yield* Ref.update(load, arrive(now))
    return yield* Effect.ensuring(answer(Story.conditionAt(story, now)), Ref.update(load, leave))
  })

const answer = (condition: Story.Condition) => {
  switch (condition) {
    case "healthy":
      return Effect.delay(stock, "20 millis")
    case "failing":
      return Effect.delay(internalServerError, "60 millis")
    case "hanging":
      return Effect.never
    case "recovering":
      return Effect.delay(stock, "120 millis")
  }
}

const stock = HttpServerResponse.schemaJson(Stock)({ left: 42, from: "warehouse" })

const internalServerError = HttpServerResponse.empty({ status: 500 })

const arrive =
  (at: number) =>
  ({ arrivals, open }: Load): Load => ({
    arrivals: Chunk.append(arrivals, { at, open: open + 1 }),
    open: open + 1
  })

const leave = (load: Load): Load => ({ ...load, open: load.open - 1 })
