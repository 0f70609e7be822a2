/** The origins of requests, which are the keys of their circuits, and the cache of them. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import { originOf } from "../../../src/internal/http/client/keys.ts"

/** Counts how often a URL is parsed, until the scope closes. */
const counting = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => {
      const { URL: original } = globalThis
      const counter = { original, parsed: 0 }
      globalThis.URL = class extends original {
        constructor(...args: ConstructorParameters<typeof original>) {
          super(...args)
          counter.parsed++
        }
      }
      return counter
    }),
    ({ original }) =>
      Effect.sync(() => {
        globalThis.URL = original
      })
  ),
  (counter) =>
    /** The origin of a URL, and whether the URL was parsed for it. */
    (url: string) => {
      const before = counter.parsed
      const origin = originOf(HttpClientRequest.get(url))
      return { origin, isParsed: counter.parsed > before }
    }
)

describe("the origin of a request", () => {
  for (const scheme of ["http", "https"]) {
    it.scoped(`is parsed once for all paths: ${scheme}`, () =>
      Effect.gen(function* () {
        const ask = yield* counting
        const origin = `${scheme}://once.example:8080`
        assert.deepStrictEqual(ask(`${origin}/first`), { origin, isParsed: true })
        for (const path of ["/second?a=b", "/", ""])
          assert.deepStrictEqual(ask(`${origin}${path}`), { origin, isParsed: false })
      })
    )
  }

  for (const [what, url, origin] of [
    ["a user", "https://user:s3cret@secret.example/a", "https://secret.example"],
    ["a query and no path", "https://query.example?s3cret", "https://query.example"],
    ["a fragment and no path", "https://fragment.example#s3cret", "https://fragment.example"]
  ] as const) {
    it.scoped(`is parsed each time if its part of the URL holds ${what}, so that no secret is cached`, () =>
      Effect.gen(function* () {
        const ask = yield* counting
        assert.deepStrictEqual(ask(url), { origin, isParsed: true })
        assert.deepStrictEqual(ask(url), { origin, isParsed: true })
      })
    )
  }

  it.scoped("is cached for up to 64 origins, and the cache is emptied by the next one", () =>
    Effect.gen(function* () {
      const ask = yield* counting
      const first = "https://first.example/"
      let asked = 0
      const another = () => ask(`https://${asked++}.example/`)
      ask(first)
      // The first one empties the cache of the origins of other tests; the last of these is cached beside it.
      do another()
      while (!ask(first).isParsed)
      for (let others = 1; others < 63; others++) another()
      assert.isFalse(ask(first).isParsed)
      another()
      assert.isTrue(ask(first).isParsed)
    })
  )

  it.scoped("is none if the URL has none", () =>
    Effect.gen(function* () {
      const ask = yield* counting
      for (const url of ["data:text/plain,s3cret", "no url", "https://"])
        assert.isUndefined(ask(url).origin, url)
    })
  )
})

describe("R3.5 byPrefix", () => {
  const byPrefix = CircuitHttpClient.byPrefix as (prefixes: unknown) => unknown

  for (const [what, prefixes, allowed] of [
    ["nothing", undefined, /array of prefixes/],
    ["null", null, /array of prefixes/],
    ["a text", "https://api.example", /array of prefixes/],
    ["a URL that is no text", [new URL("https://api.example")], /an absolute URL/]
  ] as const) {
    it(`R3.5 refuses ${what}, and says what is allowed`, () => {
      assert.throws(() => byPrefix(prefixes), allowed)
    })
  }
})
