import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import { compressed } from "./compressed.ts"
import { headers } from "./headers.ts"
import type { Settings } from "./options.ts"
import { page } from "./page.ts"

const segmentsOf = (path: string): ReadonlyArray<string> => path.split("/").filter((it) => it !== "")

/**
 * The path of the admin API relative to the page at `path`, so that a proxy may serve both below another path.
 *
 * @internal
 */
export const relativeTo = (path: string, admin: string): string => {
  const folder = segmentsOf(path).slice(0, -1)
  const target = segmentsOf(admin)
  let shared = 0
  while (shared < folder.length && shared < target.length && folder[shared] === target[shared]) shared++
  return [...folder.slice(shared).map(() => ".."), ...target.slice(shared)].join("/") || "."
}

const contentType = "text/html; charset=utf-8"

/** Whether a client accepts gzip, by its `Accept-Encoding` header. A weight of 0 refuses an encoding. */
const acceptsGzip = (accepted: string | undefined): boolean =>
  /(?:^|,)\s*gzip\s*(?:,|$|;(?!\s*q=0(?:\.0*)?\s*(?:,|$)))/i.test(accepted ?? "")

/**
 * Makes the page once, and returns an effect that answers each request with it.
 *
 * @internal
 */
export const handler = ({
  adminPath,
  path
}: Settings): Effect.Effect<
  Effect.Effect<HttpServerResponse.HttpServerResponse, never, HttpServerRequest.HttpServerRequest>
> =>
  Effect.gen(function* () {
    const html = new TextEncoder().encode(page(relativeTo(path, adminPath)))
    const common = { ...(yield* headers), vary: "accept-encoding" }
    const plain = HttpServerResponse.uint8Array(html, { contentType, headers: common })
    const small = yield* compressed(html)
    if (small === undefined) return Effect.succeed(plain)
    const gzip = HttpServerResponse.uint8Array(small, {
      contentType,
      headers: { ...common, "content-encoding": "gzip" }
    })
    return Effect.map(HttpServerRequest.HttpServerRequest, (request) =>
      acceptsGzip(request.headers["accept-encoding"]) ? gzip : plain
    )
  })
