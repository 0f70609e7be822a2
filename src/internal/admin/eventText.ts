/**
 * An event as text of the protocol: JSON has no line breaks of its own.
 *
 * @internal
 */
export const eventText = (event: "transition" | "summary" | "change", data: unknown): string =>
  `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`

/**
 * Keeps intermediaries from closing a connection, and means nothing.
 *
 * @internal
 */
export const heartbeat = ": heartbeat\n\n"

/**
 * The field that tells a browser how many milliseconds to wait before it connects again.
 *
 * @internal
 */
export const retry = "retry: 2000\n\n"
