import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as CircuitAdmin from "../../CircuitAdmin.ts"
import {
  bool,
  callable,
  count,
  finiteMillis,
  oneOf,
  optionsOf,
  or,
  refuse,
  refuseValue
} from "../options/checks.ts"
import { isPath } from "../options/path.ts"

/**
 * The checked options of the administration, with all defaults filled in.
 *
 * @internal
 */
export interface Settings<R> {
  readonly path: `/${string}`
  readonly changes: Changes<R>
  readonly reads: "public" | "authorized"
  readonly exposeCauses: boolean
  readonly allowedOrigins: ReadonlyArray<string>
  readonly longestOverrideMillis: number
  readonly maxOverrides: number
  readonly maxStreams: number
}

/**
 * The rule by which changes are authorized.
 *
 * @internal
 */
export type Changes<R> =
  | { readonly _tag: "Forbidden" }
  | { readonly _tag: "Token"; readonly bytes: Uint8Array }
  | {
      readonly _tag: "Program"
      readonly authorize: (
        request: HttpServerRequest.HttpServerRequest,
        access: CircuitAdmin.Access
      ) => Effect.Effect<string, object | string, R>
    }

/** @internal */
export const defaultPath = "/circuits"

const week = 7 * 24 * 3_600_000

/**
 * Checks the options. Throws a `RangeError` that names the option, the value received and what is allowed.
 *
 * @internal
 */
export const decode = <R>(input: unknown): Settings<R> => {
  const options = optionsOf<CircuitAdmin.Options<R>>("CircuitAdmin", input, optionNames)
  const changes = decodeChanges<R>(options)
  const reads = oneOf(of("reads"), ["public", "authorized"], or(options.reads, "public"))
  if (reads === "authorized" && changes._tag === "Forbidden")
    refuse(of("reads"), '"public" where neither a token nor authorize is given', '"authorized"')
  const longest = finiteMillis(of("longestOverride"), or(options.longestOverride, "1 day"))
  return {
    path: decodePath(options.path),
    changes,
    reads,
    exposeCauses: bool(of("exposeCauses"), or(options.exposeCauses, false)),
    allowedOrigins: decodeOrigins(or(options.allowedOrigins, [])),
    longestOverrideMillis:
      longest >= 1_000 && longest <= week
        ? longest
        : refuseValue(of("longestOverride"), "a duration from 1 second to 7 days", options.longestOverride),
    maxOverrides: count(of("maxOverrides"), or(options.maxOverrides, 1_000)),
    maxStreams: count(of("maxStreams"), or(options.maxStreams, 20))
  }
}

/** @internal */
export const decodePath = (path: unknown): `/${string}` =>
  path === undefined
    ? defaultPath
    : isPath(path)
      ? path
      : refuseValue(of("path"), 'a path of letters, digits and "-._~", such as "/admin/circuits"', path)

const of = (option: string) => `CircuitAdmin: ${option}`

const optionNames = Object.keys({
  path: true,
  token: true,
  authorize: true,
  reads: true,
  exposeCauses: true,
  allowedOrigins: true,
  longestOverride: true,
  maxOverrides: true,
  maxStreams: true
} satisfies Record<keyof CircuitAdmin.Options<never>, true>)

const shortestToken = 16

const decodeChanges = <R>({ authorize, token }: CircuitAdmin.Options<R>): Changes<R> => {
  if (token !== undefined && authorize !== undefined)
    return refuse("CircuitAdmin", "given either token or authorize", "both")
  if (authorize !== undefined) {
    callable(of("authorize"), authorize)
    return { _tag: "Program", authorize }
  }
  return token === undefined ? { _tag: "Forbidden" } : { _tag: "Token", bytes: tokenBytes(token) }
}

/** Checks the token. The message does not contain an invalid token, because it is a secret. */
const tokenBytes = (token: unknown): Uint8Array => {
  if (!Redacted.isRedacted(token)) return refuse(of("token"), "a Redacted string", "another value")
  const text = Redacted.value(token)
  return typeof text === "string" && /^[\x21-\x7e]+$/.test(text) && text.length >= shortestToken
    ? new TextEncoder().encode(text)
    : refuse(
        of("token"),
        `at least ${shortestToken} visible ASCII characters, without spaces`,
        "another text"
      )
}

const decodeOrigins = (origins: unknown): ReadonlyArray<string> =>
  Array.isArray(origins) && origins.every(isOrigin)
    ? origins
    : refuseValue(of("allowedOrigins"), 'a list of origins such as "https://ops.example"', origins)

const isOrigin = (origin: unknown): boolean =>
  typeof origin === "string" && URL.canParse(origin) && new URL(origin).origin === origin
