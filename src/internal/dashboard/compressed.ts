import * as Effect from "effect/Effect"

/**
 * The bytes in gzip, or `undefined` in a runtime that has no `CompressionStream`.
 *
 * @internal
 */
export const compressed = (bytes: Uint8Array): Effect.Effect<Uint8Array | undefined> =>
  typeof CompressionStream === "undefined"
    ? Effect.succeed(undefined)
    : Effect.promise(async () => {
        const stream = new Blob([bytes.slice()]).stream().pipeThrough(new CompressionStream("gzip"))
        return new Uint8Array(await new Response(stream).arrayBuffer())
      })
