import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { InvalidRequest, RequestTooLarge } from "./errors.ts"
import { limits } from "./requests.ts"
import { bounded } from "./text.ts"

/** The longest error message about a body, in characters. */
const longestMessage = 1_000

/**
 * Reads and decodes a body of bounded size. The platform's own decoding would first read a body of any size. `scope` is
 * that of the administration.
 *
 * @internal
 */
export const readBody = <A, I>(
  request: HttpServerRequest.HttpServerRequest,
  schema: Schema.Schema<A, I>,
  scope: Scope.Scope
): Effect.Effect<A, InvalidRequest | RequestTooLarge> => {
  const decode = Schema.decodeUnknown(schema, { errors: "all", onExcessProperty: "error" })
  return textOf(request, scope).pipe(
    Effect.flatMap((text) =>
      Effect.try({
        try: () => JSON.parse(text) as unknown,
        catch: () => new InvalidRequest({ message: "The body must be JSON" })
      })
    ),
    Effect.flatMap((value) =>
      Effect.mapError(
        decode(value),
        (error) => new InvalidRequest({ message: bounded(messageOf(error), longestMessage) })
      )
    )
  )
}

const messageOf = (error: ParseResult.ParseError): string => {
  try {
    return ParseResult.ArrayFormatter.formatErrorSync(error).map(issueText).join("; ")
  } catch {
    // A message contains the value, and printing one that is nested thousands of levels deep overflows the stack.
    return "The body has a value of the wrong type"
  }
}

const issueText = ({ message, path }: ParseResult.ArrayFormatterIssue): string =>
  path.length === 0 ? message : `${path.join(".")}: ${message}`

const textOf = (
  request: HttpServerRequest.HttpServerRequest,
  scope: Scope.Scope
): Effect.Effect<string, InvalidRequest | RequestTooLarge> => {
  const announced = Number(request.headers["content-length"] ?? 0)
  if (announced > limits.bodyBytes) return Effect.fail(tooLarge)
  return Effect.gen(function* () {
    const body = yield* Deferred.make<Uint8Array, InvalidRequest | RequestTooLarge>()
    // Another fiber reads the body, and may outlive the request, because the connection closes if reading stops early.
    const reading = yield* Effect.forkIn(readInto(body, request), scope)
    const bytes = yield* Effect.onInterrupt(Deferred.await(body), () => Fiber.interrupt(reading))
    return yield* decoded(bytes)
  })
}

/** Refuses a text in another encoding. With its characters replaced, a key would name another circuit. */
const decoded = (bytes: Uint8Array): Effect.Effect<string, InvalidRequest> =>
  Effect.try({
    try: () => new TextDecoder("utf-8", { fatal: true }).decode(bytes),
    catch: () => new InvalidRequest({ message: "The body must be JSON in UTF-8" })
  })

type Body = Deferred.Deferred<Uint8Array, InvalidRequest | RequestTooLarge>

/**
 * Reads the body. If it is too large, the request is answered at once, and the rest of the body is read and discarded
 * for a while. If the connection were closed while the client is still writing, the client might not receive the
 * answer.
 */
const readInto = (body: Body, request: HttpServerRequest.HttpServerRequest): Effect.Effect<unknown> => {
  const reading = request.stream.pipe(
    Stream.mapError(() => new InvalidRequest({ message: "The body could not be read" })),
    Stream.runFoldEffect({ bytes: nothing, length: 0 }, (read, chunk) => {
      const length = read.length + chunk.length
      if (length <= limits.bodyBytes) return Effect.succeed({ bytes: joined(read.bytes, chunk), length })
      return length <= limits.bodyBytes + mostDiscarded.bytes
        ? Effect.as(Deferred.fail(body, tooLarge), { bytes: nothing, length })
        : Effect.fail(tooLarge)
    }),
    Effect.matchEffect({
      onFailure: (error) => Deferred.fail(body, error),
      onSuccess: ({ bytes }) => Deferred.succeed(body, bytes)
    })
  )
  const discarded = Effect.matchEffect(Deferred.await(body), {
    onFailure: () => Effect.sleep(mostDiscarded.millis),
    onSuccess: () => Effect.never
  })
  return Effect.raceFirst(reading, discarded)
}

/** The largest number of bytes that is discarded of a body that is too large, and the longest time. */
const mostDiscarded = { bytes: 1_048_576, millis: 5_000 }

const nothing: Uint8Array = new Uint8Array()

const tooLarge = new RequestTooLarge({ message: `The body must have at most ${limits.bodyBytes} bytes` })

const joined = (left: Uint8Array, right: Uint8Array): Uint8Array => {
  const both = new Uint8Array(left.length + right.length)
  both.set(left)
  both.set(right, left.length)
  return both
}
