import * as Redacted from "effect/Redacted"
import type { RedisOptions } from "ioredis"
import { isIPv6 } from "node:net"
import type { ConnectionOptions } from "../../../RedisCircuitStore.ts"
import { nonEmptyString, refuse, refuseValue } from "../../options/checks.ts"
import { parseUrl } from "./url.ts"

/** Options of `ioredis`, with those of this package that say where the server is. */
type Input = ConnectionOptions & Omit<RedisOptions, keyof ConnectionOptions>

/**
 * The options for `ioredis`. Throws a `RangeError` that names the option that is wrong; it contains no secret.
 *
 * @internal
 */
export const decode = ({ db, host, password, port, tls, url, username, ...others }: Input): RedisOptions => {
  const options = {
    ...(host === undefined ? {} : { host: hostName(host) }),
    ...(port === undefined ? {} : { port: integer("port", port, [1, 65_535]) }),
    ...(username === undefined ? {} : { username: secretText("username", username) }),
    ...(password === undefined ? {} : { password: secretText("password", password) }),
    ...(db === undefined ? {} : { db: integer("db", db, [0, Number.MAX_SAFE_INTEGER]) }),
    ...(tls === undefined ? {} : { tls: tlsOf(tls) })
  }
  return {
    ...others,
    ...withTls(url === undefined ? options : together(secretText("url", url), options, others))
  }
}

/** Combines a URL with other options. No option may be given twice, and the host and port belong in the URL. */
const together = (url: string, options: WithTls, others: RedisOptions): WithTls => {
  const parsed = parseUrl(nameOf("url"), url)
  const besideUrl: Readonly<Record<string, unknown>> = { ...others, ...options }
  for (const name of ["host", "port", "path", "sentinels"]) {
    if (besideUrl[name] !== undefined) refuseTogether(name)
  }
  const { tls, ...rest } = parsed
  for (const name of Object.keys(rest)) if (besideUrl[name] !== undefined) refuseTogether(name)
  if (options.tls !== undefined && (options.tls !== false) !== tls) {
    return refuse(
      nameOf("tls"),
      tls ? "true with a URL rediss://" : "false with a URL redis://",
      String(!tls)
    )
  }
  return { ...options, ...rest, tls: options.tls ?? tls }
}

type WithTls = Omit<RedisOptions, "tls"> & { readonly tls?: boolean | RedisOptions["tls"] }

const withTls = ({ tls, ...options }: WithTls): RedisOptions => {
  if (tls === undefined || tls === false) return options
  return { ...options, tls: tls === true ? {} : tls }
}

const nameOf = (option: string): string => `RedisCircuitStore: ${option}`

const refuseTogether = (option: string): never => {
  throw new RangeError(`RedisCircuitStore: url and ${option} must not be given together`)
}

/** Checks the name of a host. A URL in its place may contain a secret, and so would each error about the host. */
const hostName = (host: unknown): string => {
  const name = nonEmptyString(nameOf("host"), host)
  return /^[^\s:/@?#]+$/.test(name) || isIPv6(name)
    ? name
    : refuse(nameOf("host"), "the name or the address of a host", "another text")
}

const integer = (option: string, value: unknown, [least, most]: readonly [number, number]): number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most
    ? value
    : refuseValue(nameOf(option), `an integer from ${least} to ${most}`, value)

/** Checks that a value is a text. The message names only the type of an invalid value, which may still be a secret. */
const secretText = (option: string, value: unknown): string => {
  const text = Redacted.isRedacted(value) ? Redacted.value(value) : value
  return typeof text === "string"
    ? text
    : refuse(nameOf(option), "a string, redacted or not", text === null ? "null" : typeof text)
}

/** Checks the option `tls`. A string is the name of a TLS profile of `ioredis`. */
const tlsOf = <A>(value: A): A =>
  typeof value === "boolean" || typeof value === "string" || (typeof value === "object" && value !== null)
    ? value
    : refuseValue(nameOf("tls"), "true, false or options of TLS", value)
