import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { InvalidRequest, RequestTooLarge } from "./errors.ts"
import { limits } from "./requests.ts"
import { printable } from "./text.ts"

/** The longest message about what is wrong with a body, in characters. */
const longestMessage = 1_000

/**
 * Reads a body of bounded size, and checks it. The platform would read all of it first.
 *
 * @internal
 */
export const readBody = <A, I>(
  request: HttpServerRequest.HttpServerRequest,
  schema: Schema.Schema<A, I>
): Effect.Effect<A, InvalidRequest | RequestTooLarge> => {
  const decode = Schema.decodeUnknown(schema, { errors: "all", onExcessProperty: "error" })
  return textOf(request).pipe(
    Effect.flatMap((text) =>
      Effect.try({
        try: () => JSON.parse(text) as unknown,
        catch: () => new InvalidRequest({ message: "The body must be JSON" })
      })
    ),
    Effect.flatMap((value) =>
      Effect.mapError(
        decode(value),
        (error) =>
          new InvalidRequest({
            message: printable(
              ParseResult.ArrayFormatter.formatErrorSync(error).map(issueText).join("; "),
              longestMessage
            )
          })
      )
    )
  )
}

const issueText = ({ message, path }: ParseResult.ArrayFormatterIssue): string =>
  path.length === 0 ? message : `${path.join(".")}: ${message}`

const textOf = (
  request: HttpServerRequest.HttpServerRequest
): Effect.Effect<string, InvalidRequest | RequestTooLarge> => {
  const announced = Number(request.headers["content-length"] ?? 0)
  if (announced > limits.bodyBytes) return Effect.fail(tooLarge)
  return request.stream.pipe(
    Stream.mapError(() => new InvalidRequest({ message: "The body could not be read" })),
    Stream.runFoldEffect(nothing, (read, chunk) =>
      read.length + chunk.length > limits.bodyBytes
        ? Effect.fail(tooLarge)
        : Effect.succeed(joined(read, chunk))
    ),
    Effect.map((bytes) => new TextDecoder().decode(bytes))
  )
}

const nothing: Uint8Array = new Uint8Array()

const tooLarge = new RequestTooLarge({ message: `The body must have at most ${limits.bodyBytes} bytes` })

const joined = (left: Uint8Array, right: Uint8Array): Uint8Array => {
  const both = new Uint8Array(left.length + right.length)
  both.set(left)
  both.set(right, left.length)
  return both
}
