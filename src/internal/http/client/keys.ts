import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { refuse, refuseValue } from "../../options/checks.ts"

type Request = HttpClientRequest.HttpClientRequest

// A request without a valid URL has no key, and the client itself refuses it.
const urlOf = (request: Request): URL | undefined =>
  Either.getOrUndefined(UrlParams.makeUrl(request.url, UrlParams.empty, Option.none()))

/**
 * The origin of a request's URL, the default key.
 *
 * @internal
 */
export const originOf = (request: Request): string | undefined => {
  const path = request.url.indexOf("/", "https://".length)
  const base = path === -1 ? request.url : request.url.slice(0, path)
  const known = origins.get(base)
  if (known !== undefined) return known
  const origin = parsedOrigin(request)
  if (origin !== undefined && plainBase.test(base)) {
    if (origins.size >= mostOrigins) origins.clear()
    origins.set(base, origin)
  }
  return origin
}

const parsedOrigin = (request: Request): string | undefined => {
  const origin = urlOf(request)?.origin
  return origin === "null" ? undefined : origin
}

// The part of a URL that determines its origin. A URL with a user is parsed each time, so that no password is cached.
const plainBase = /^https?:\/\/[^/?#\\@]+$/i

/**
 * A cache of origins by the part of a URL before its path. Parsing a URL is slow, and most clients have few origins.
 */
const origins = new Map<string, string>()
const mostOrigins = 64

/**
 * Makes a key function that finds the longest matching prefix.
 *
 * @internal
 */
export const byPrefix = (prefixes: ReadonlyArray<string>): ((request: Request) => string | undefined) => {
  if (!Array.isArray(prefixes))
    refuseValue("CircuitHttpClient.byPrefix", "given an array of prefixes", prefixes)
  if (prefixes.length === 0) refuse("CircuitHttpClient.byPrefix", "given at least one prefix", "none")
  const bases = new Map<string, string>()
  for (const prefix of prefixes) {
    const base = decodePrefix(prefix)
    const other = bases.get(base)
    if (other !== undefined)
      refuse("CircuitHttpClient.byPrefix: a prefix", "given once", `"${other}" and "${prefix}"`)
    bases.set(base, prefix)
  }
  const longestFirst = Array.from(bases).toSorted(([a], [b]) => b.length - a.length)
  return (request) => {
    const url = urlOf(request)
    if (url === undefined) return undefined
    const location = url.origin + url.pathname
    return longestFirst.find(([base]) => isUnder(location, base))?.[1]
  }
}

const isUnder = (location: string, base: string): boolean =>
  location === base || location.startsWith(base.endsWith("/") ? base : `${base}/`)

const decodePrefix = (prefix: string): string => {
  const url = typeof prefix === "string" && URL.canParse(prefix) ? new URL(prefix) : undefined
  return url === undefined ||
    url.origin === "null" ||
    url.search + url.hash + url.username + url.password !== ""
    ? refuseValue(
        "CircuitHttpClient.byPrefix: a prefix",
        "an absolute URL without query, fragment and user",
        prefix
      )
    : url.origin + url.pathname
}
