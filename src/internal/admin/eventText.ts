/**
 * An event in the format of server-sent events. Its data is one line, because `JSON.stringify` writes no line breaks.
 *
 * @internal
 */
export const eventText = (event: "transition" | "summary" | "change", data: unknown): string =>
  `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`

/**
 * A comment, which consumers ignore. It keeps intermediaries from closing an idle connection.
 *
 * @internal
 */
export const heartbeat = ": heartbeat\n\n"

/**
 * The field by which a browser knows how many milliseconds to wait before it connects again.
 *
 * @internal
 */
export const retry = "retry: 2000\n\n"
