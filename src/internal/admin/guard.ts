import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as CircuitAdmin from "../../CircuitAdmin.ts"
import { Forbidden, InvalidRequest, Unauthorized } from "./errors.ts"
import type { Settings } from "./options.ts"
import { limits } from "./requests.ts"
import { bounded } from "./text.ts"
import { isSameSecret } from "./token.ts"

type Request = HttpServerRequest.HttpServerRequest

/** Answers are only data, so a browser must not run, frame or cache them, or guess their type. */
const strictHeaders = {
  "content-security-policy":
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin"
}

/** Sets the headers of error responses too, which are made after the handler has failed. */
const withStrictHeaders = HttpApp.appendPreResponseHandler((_, response) =>
  Effect.succeed(HttpServerResponse.setHeaders(response, strictHeaders))
)

/**
 * Guards every endpoint.
 *
 * @internal
 */
export const guard = <R>(settings: Settings<R>) =>
  Effect.gen(function* () {
    yield* withStrictHeaders
    const request = yield* HttpServerRequest.HttpServerRequest
    yield* checkUrl(request)
    // Changes have a guard of their own. All other methods read: routers answer HEAD by running the endpoint of GET.
    if (request.method !== "POST" && settings.reads === "authorized")
      yield* identify(settings, request, "read")
  })

/**
 * Guards an endpoint that changes something. The result is the operator, with a name if the program knows it.
 *
 * @internal
 */
export const guardChange = <R>(settings: Settings<R>) =>
  Effect.gen(function* () {
    yield* withStrictHeaders
    const request = yield* HttpServerRequest.HttpServerRequest
    yield* checkUrl(request)
    yield* checkSite(settings, request)
    yield* checkContentType(request)
    return { name: yield* identify(settings, request, "change") }
  })

const checkUrl = ({ url }: Request) =>
  url.length <= limits.urlLength
    ? Effect.void
    : Effect.fail(
        new InvalidRequest({
          message: `The URL must have at most ${limits.urlLength} characters, received ${url.length}`
        })
      )

/**
 * Refuses a request that a page of another site could make a browser send. Such a page cannot set the header without a
 * CORS preflight, and browsers send the origin of the page.
 */
const checkSite = <R>(settings: Settings<R>, { headers }: Request) => {
  if (headers["x-circuit-admin"] !== "1")
    return forbid("A request that changes something needs the header x-circuit-admin: 1")
  const site = headers["sec-fetch-site"]
  const { origin } = headers
  if (origin !== undefined && settings.allowedOrigins.includes(origin)) return Effect.void
  if (site !== undefined && site !== "same-origin" && site !== "none")
    return forbid("A request that changes something must come from the same origin")
  return origin === undefined || isOriginOf(origin, headers["host"] ?? "")
    ? Effect.void
    : forbid("The origin of a request that changes something must be the host, or one of allowedOrigins")
}

/** Parsing the host too removes a port that is the default one, which some proxies add. */
const isOriginOf = (origin: string, host: string): boolean => {
  if (!/^https?:\/\//i.test(origin) || !URL.canParse(origin)) return false
  const { host: expected, protocol } = new URL(origin)
  return URL.canParse(`${protocol}//${host}`) && new URL(`${protocol}//${host}`).host === expected
}

const forbid = (message: string) => Effect.fail(new Forbidden({ message }))

/** Requires JSON, because a form of any site can send other content types without a CORS preflight. */
const checkContentType = ({ headers }: Request) =>
  /^application\/json(?:\s*;.*)?$/i.test(headers["content-type"] ?? "")
    ? Effect.void
    : Effect.fail(new InvalidRequest({ message: "The content type must be application/json" }))

/** Authorizes a request. The result is the name of the operator, if the program knows it. */
const identify = <R>(
  { changes }: Settings<R>,
  request: Request,
  access: CircuitAdmin.Access
): Effect.Effect<Option.Option<string>, Unauthorized | Forbidden, R> => {
  switch (changes._tag) {
    case "Forbidden":
      return forbid("The administration is read-only: its layer has neither a token nor authorize")
    case "Token":
      return hasToken(request, changes.bytes)
        ? Effect.succeedNone
        : Effect.fail(new Unauthorized({ message: "The bearer token is missing or wrong" }))
    case "Program":
      return Effect.matchEffect(
        Effect.suspend(() => changes.authorize(request, access)),
        {
          // The error of the program may reveal too much to a stranger, so it is not shown.
          onFailure: () => forbid("The program does not allow this"),
          onSuccess: (name) =>
            access === "change" && name.trim() === ""
              ? forbid("The program does not say who makes this change")
              : Effect.succeedSome(bounded(name, limits.text))
        }
      )
  }
}

const hasToken = ({ headers }: Request, expected: Uint8Array): boolean => {
  const given = /^Bearer ([\x21-\x7e]+)$/i.exec(headers["authorization"] ?? "")?.[1] ?? ""
  return isSameSecret(new TextEncoder().encode(given), expected)
}
