import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import { script } from "./script.ts"
import { style } from "./style.ts"

/**
 * The hash by which a content security policy allows an inline script or style. Every runtime that Effect supports has
 * the Web Crypto API.
 */
const hashOf = (text: string): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))),
    (digest) => `'sha256-${Encoding.encodeBase64(new Uint8Array(digest))}'`
  )

/**
 * The headers of the page. They allow its own script and style, and requests to its own origin. They forbid everything
 * else: the page cannot make markup from text (`trusted-types`), and no other page may frame it.
 *
 * @internal
 */
export const headers: Effect.Effect<Readonly<Record<string, string>>> = Effect.map(
  Effect.all([hashOf(script), hashOf(style)]),
  ([scriptHash, styleHash]) => ({
    "content-security-policy": [
      "default-src 'none'",
      `script-src ${scriptHash}`,
      `style-src ${styleHash}`,
      "connect-src 'self'",
      "img-src data:",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'"
    ].join("; "),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-cache"
  })
)
