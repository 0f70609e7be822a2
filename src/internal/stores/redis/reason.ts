import type { Cluster, Redis, RedisOptions } from "ioredis"
import { CircuitStoreError } from "../error.ts"

/**
 * The reason why a client is not connected. `text` is `undefined` while it is connected, or if no reason is known.
 *
 * @internal
 */
export interface Reason {
  readonly text: () => string | undefined
  readonly stop: () => void
}

/**
 * Remembers the first error of the latest attempt to connect. If a client is not connected, the errors of its commands
 * say only that. The reason is in an error event, and later events of the same attempt are consequences of it.
 *
 * @internal
 */
export const watch = (client: Redis | Cluster): Reason => {
  let last: string | undefined
  let isReady = client.status === "ready"
  let hasFailed = false
  const failed = (text: string): void => {
    if (!hasFailed) last = text
    hasFailed = true
  }
  const onError = (error: unknown): void => {
    if (!isAborted(error)) failed(textOf(error))
  }
  const onClose = (): void => failed(isReady ? "the connection is lost" : closedTooEarly)
  const onConnecting = (): void => {
    isReady = false
    hasFailed = false
  }
  const onReady = (): void => {
    last = undefined
    isReady = true
    hasFailed = false
  }
  client.on("connecting", onConnecting).on("ready", onReady).on("error", onError).on("close", onClose)
  return {
    text: () => (last === undefined ? undefined : withoutSecrets(last, client) + hintOf(last, client)),
    stop: () =>
      client.off("connecting", onConnecting).off("ready", onReady).off("error", onError).off("close", onClose)
  }
}

const closedTooEarly = "the connection was closed before it was ready"

/** A hint that only one side may use TLS. No error says that, neither of the client nor of the server. */
const hintOf = (reason: string, { options }: Redis | Cluster): string => {
  const { tls } = connectionOptions(options)
  if (tls && reason.includes("ETIMEDOUT")) return " (as by a server without TLS)"
  return !tls && reason === closedTooEarly ? " (as by a server that expects TLS)" : ""
}

const connectionOptions = (options: (Redis | Cluster)["options"]): Partial<RedisOptions> =>
  "redisOptions" in options ? { ...options.redisOptions } : options

/**
 * Whether an error says only that an attempt to connect was aborted.
 *
 * @internal
 */
export const isAborted = (error: unknown): boolean =>
  error instanceof Error && error.message === "Connection is closed."

/**
 * The message of an error in one line. It includes the messages of the errors in it: that of the last server of a
 * cluster, and those of all addresses of a host.
 *
 * @internal
 */
export const textOf = (error: unknown): string => {
  if (!(error instanceof Error)) return oneLine(String(error))
  const parts = "errors" in error && Array.isArray(error.errors) ? error.errors : []
  const last = "lastNodeError" in error && error.lastNodeError !== undefined ? [error.lastNodeError] : []
  const texts = [oneLine(error.message), ...parts.map(textOf), ...last.map(textOf)]
  return texts.filter((it) => it !== "").join(" ") || error.name
}

const oneLine = (text: string): string => text.trim().replace(/\s+/g, " ")

/**
 * Makes the error of a store from the error of a client, without secrets. It leaves out the failed command, which
 * ioredis attaches to its errors and which may contain the password, and the parts of messages that repeat a secret.
 *
 * @internal
 */
export const storeError = (
  client: Redis | Cluster,
  cause: unknown,
  message = (text: string): string => text
): CircuitStoreError => {
  const text = withoutSecrets(textOf(cause), client)
  const shown = new Error(text)
  if (cause instanceof Error) shown.name = cause.name
  return new CircuitStoreError({ message: message(text), cause: shown })
}

const withoutSecrets = (text: string, { options }: Redis | Cluster): string => {
  const { password, sentinelPassword } = connectionOptions(options)
  return (
    [password, sentinelPassword]
      // The text has the secret in one line as well.
      .map((secret) => oneLine(secret ?? ""))
      .reduce((rest, secret) => (secret === "" ? rest : rest.replaceAll(secret, "***")), text)
      // A server that does not know the command AUTH repeats its arguments.
      .replace(/,? with args beginning with.*/, "")
      // Redis 7.2 and later name the user.
      .replace(/\bUser .* has no permissions/, "The user has no permissions")
      // The user and the password of a URL.
      .replace(/\S*@/g, "")
  )
}
