import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import type * as ParseResult from "effect/ParseResult"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { apiAt } from "./layers.ts"
import { decodePath } from "./options.ts"
import { SummaryEvent, Transition } from "./schemas.ts"

interface Options {
  readonly baseUrl: string
  readonly path?: `/${string}` | undefined
  readonly token?: Redacted.Redacted | undefined
}

export const make = ({ baseUrl, path, token }: Options) =>
  HttpApiClient.make(apiAt(decodePath(path)), { baseUrl, transformClient: asOperator(token) })

const asOperator =
  (token: Redacted.Redacted | undefined) =>
  (client: HttpClient.HttpClient): HttpClient.HttpClient =>
    HttpClient.mapRequest(client, (request) =>
      HttpClientRequest.setHeader(
        token === undefined ? request : HttpClientRequest.bearerToken(request, token),
        "x-circuit-admin",
        "1"
      )
    )

const Event = Schema.parseJson(
  Schema.Union(
    Schema.Struct({ event: Schema.Literal("transition"), data: Transition }),
    Schema.Struct({ event: Schema.Literal("summary"), data: SummaryEvent }),
    Schema.Struct({
      event: Schema.Literal("change"),
      data: Schema.Struct({ at: Schema.Number, overrides: Schema.Number })
    })
  )
)

export type Event = typeof Event.Type

/**
 * The events of an administration, until its connection ends.
 */
export const events = ({
  baseUrl,
  path,
  token
}: Options): Stream.Stream<
  Event,
  HttpClientError.HttpClientError | ParseResult.ParseError,
  HttpClient.HttpClient
> =>
  HttpClientResponse.stream(
    Effect.flatMap(HttpClient.HttpClient, (client) =>
      HttpClient.filterStatusOk(asOperator(token)(client)).execute(
        // The base URL may have a path of its own, as in `make`.
        HttpClientRequest.get(`${decodePath(path)}/events`).pipe(HttpClientRequest.prependUrl(baseUrl))
      )
    )
  ).pipe(
    Stream.decodeText(),
    Stream.splitLines,
    // Events of other names come from later versions, and are left out.
    Stream.mapAccum("", nextEvent),
    Stream.filter((text) => text !== undefined),
    Stream.mapEffect((text) => Schema.decode(Event)(text))
  )

/** Joins the name of an event to its data, which this API sends as one line each. */
const nextEvent = (name: string, line: string): readonly [name: string, event: string | undefined] => {
  if (line.startsWith("event: ")) return [line.slice("event: ".length), undefined]
  return line.startsWith("data: ") && names.has(name)
    ? [name, `{"event":${JSON.stringify(name)},"data":${line.slice("data: ".length)}}`]
    : [name, undefined]
}

const names = new Set(["transition", "summary", "change"])
