import { assert, it } from "@effect/vitest"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import * as Effect from "effect/Effect"
import { test } from "../../kit/test.ts"
import { make, rejectionOf } from "../../kit/index.ts"
import { counted, keysOf, statuses } from "./fixtures.ts"

const origins: ReadonlyArray<readonly [url: string, key: string]> = [
  ["https://api.example", "https://api.example"],
  ["https://api.example/rates?of=today#now", "https://api.example"],
  ["https://api.example:443/", "https://api.example"],
  ["http://api.example:80/", "http://api.example"],
  ["http://api.example/", "http://api.example"],
  ["http://api.example:443/", "http://api.example:443"],
  ["https://api.example:8443/rates", "https://api.example:8443"],
  ["HTTPS://API.Example/Rates", "https://api.example"],
  ["https://me:secret@api.example/", "https://api.example"],
  ["https://api.example@evil.test/", "https://evil.test"],
  ["http://[::1]:3000/", "http://[::1]:3000"]
]

for (const [url, key] of origins) {
  test(`C5 a request to ${url} has the circuit ${key}`, function* () {
    const breaker = yield* make()
    yield* CircuitHttpClient.protect(statuses(200).client, { breaker }).get(url)
    assert.deepStrictEqual(yield* keysOf(breaker), [key])
  })
}

test("C5 a request to a relative URL is not guarded, and the client refuses it", function* () {
  const breaker = yield* make()
  const client = CircuitHttpClient.protect(statuses(200).client, { breaker })
  const error = yield* Effect.flip(client.get("/rates"))
  assert.deepStrictEqual([error._tag, "reason" in error && error.reason], ["RequestError", "InvalidUrl"])
  assert.deepStrictEqual(yield* keysOf(breaker), [])
})

test("C5 each origin has a circuit of its own", function* () {
  const breaker = yield* make()
  const { client, sent } = statuses(500, 200)
  const guarded = CircuitHttpClient.protect(client, { breaker })
  yield* guarded.get("https://a.example/rates")
  yield* rejectionOf(guarded.get("https://a.example/charges"))
  assert.strictEqual((yield* guarded.get("https://b.example/rates")).status, 200)
  assert.strictEqual(sent.length, 2)
})

test("key names the circuit of a request, and undefined leaves it unguarded", function* () {
  const breaker = yield* make()
  const { client, sent } = statuses(500)
  const guarded = CircuitHttpClient.protect(client, {
    breaker,
    key: ({ method }) => (method === "POST" ? "writes" : undefined)
  })
  yield* guarded.post("https://a.example/charges")
  const rejection = yield* rejectionOf(guarded.post("https://b.example/charges"))
  assert.strictEqual(rejection.key, "writes")
  yield* guarded.get("https://a.example/charges")
  yield* guarded.get("https://a.example/charges")
  assert.strictEqual(sent.length, 3)
  assert.deepStrictEqual(yield* keysOf(breaker), ["writes"])
  yield* counted(breaker, { failed: 1, rejected: 1 }, "writes")
})

test("key undefined lets a request through while its breaker is isolated", function* () {
  const breaker = yield* make()
  yield* breaker.isolate()
  const guarded = CircuitHttpClient.protect(statuses(200).client, { breaker, key: () => undefined })
  assert.strictEqual((yield* guarded.get("https://a.example")).status, 200)
})

const whole = "https://example.com"
const v1 = "https://a.example/v1"
const payments = "https://a.example/v1/payments"
const folder = "https://b.example/v1/"
const shout = "HTTPS://C.Example:443/API"
const plain = "http://d.example:8080"

const under: Readonly<Record<string, string | undefined>> = {
  "https://example.com": whole,
  "https://example.com/": whole,
  "https://example.com?q=1": whole,
  "https://example.com/any/path#part": whole,
  "https://example.com:443/": whole,
  "HTTPS://EXAMPLE.COM/": whole,
  "https://me:secret@example.com/": whole,
  "https://example.com\\@evil.test/": whole,
  "https://example.com.evil/": undefined,
  "https://example.com.evil.test/": undefined,
  "https://example.comevil/": undefined,
  "https://sub.example.com/": undefined,
  "https://example.com@evil.test/": undefined,
  "https://example.com%40evil.test/": undefined,
  "https://evil.test\\@example.com/": undefined,
  "https://evil.test/https://example.com/": undefined,
  "https://evil.test?https://example.com/": undefined,
  "http://example.com/": undefined,
  "https://example.com:8443/": undefined,

  "https://a.example/v1": v1,
  "https://a.example/v1/": v1,
  "https://a.example/v1/rates": v1,
  "https://a.example/v1?q=1": v1,
  "https://a.example/v2/../v1/rates": v1,
  "https://a.example/v1//rates": v1,
  "https://a.example/v10": undefined,
  "https://a.example/v1.1": undefined,
  "https://a.example/V1": undefined,
  "https://a.example/": undefined,
  "https://a.example/v1/../v2": undefined,
  "https://a.example/v1/%2e%2e/v2": undefined,
  "https://a.example/?/v1": undefined,
  "https://a.example/v1/payments": payments,
  "https://a.example/v1/payments/7": payments,
  "https://a.example/v1/paymentsX": v1,
  "https://a.example/v1/payments/../rates": v1,

  "https://b.example/v1/rates": folder,
  "https://b.example/v1/": folder,
  "https://b.example/v1": undefined,

  "https://c.example/API/rates": shout,
  "https://c.example/api/rates": undefined,

  "http://d.example:8080/any": plain,
  "http://d.example:80800/": undefined,
  "http://d.example/": undefined,

  "/v1/rates": undefined,
  "": undefined
}

for (const prefixes of [
  [whole, v1, payments, folder, shout, plain],
  [plain, shout, folder, payments, v1, whole]
]) {
  const key = CircuitHttpClient.byPrefix(prefixes)
  for (const [url, prefix] of Object.entries(under)) {
    it(`C5 byPrefix puts ${JSON.stringify(url)} under ${prefix ?? "none"} of ${prefixes.length}, ${prefixes[0]} first`, () => {
      assert.strictEqual(key(HttpClientRequest.get(url)), prefix)
    })
  }
}

it("C5 byPrefix ignores the parameters and the hash that a request adds", () => {
  const key = CircuitHttpClient.byPrefix([whole])
  const request = HttpClientRequest.get(whole).pipe(
    HttpClientRequest.setUrlParam("next", "https://evil.test"),
    HttpClientRequest.setHash("part")
  )
  assert.strictEqual(key(request), whole)
})

test("C5 byPrefix leaves a request under no prefix unguarded", function* () {
  const breaker = yield* make()
  const { client, sent } = statuses(500)
  const guarded = CircuitHttpClient.protect(client, { breaker, key: CircuitHttpClient.byPrefix([v1]) })
  yield* guarded.get("https://a.example/v1/rates")
  yield* rejectionOf(guarded.get("https://a.example/v1/charges"))
  yield* guarded.get("https://a.example/v10")
  yield* guarded.get("https://a.example/v10")
  assert.strictEqual(sent.length, 3)
  assert.deepStrictEqual(yield* keysOf(breaker), [v1])
})

const url = (prefix: string) =>
  `CircuitHttpClient.byPrefix: a prefix must be an absolute URL without query, fragment and user, received ${JSON.stringify(prefix)}`
const twice = (first: string, second: string) =>
  `CircuitHttpClient.byPrefix: a prefix must be given once, received "${first}" and "${second}"`

const refusals: ReadonlyArray<readonly [prefixes: ReadonlyArray<string>, message: string]> = [
  [[], "CircuitHttpClient.byPrefix must be given at least one prefix, received none"],
  [["https://me:secret@a.example"], url("https://me:secret@a.example")],
  [["example.com"], url("example.com")],
  [["/v1"], url("/v1")],
  [[""], url("")],
  [["mailto:me@example.com"], url("mailto:me@example.com")],
  [["https://"], url("https://")],
  [[`${whole}?q=1`], url(`${whole}?q=1`)],
  [[`${whole}#part`], url(`${whole}#part`)],
  [[v1, "/v1"], url("/v1")],
  [[v1, v1], twice(v1, v1)],
  [[whole, payments, `${whole}/`], twice(whole, `${whole}/`)],
  [[whole, "HTTPS://EXAMPLE.com:443"], twice(whole, "HTTPS://EXAMPLE.com:443")]
]

for (const [prefixes, message] of refusals) {
  it(`R3.5 byPrefix refuses ${JSON.stringify(prefixes)}`, () => {
    assert.throws(() => CircuitHttpClient.byPrefix(prefixes), RangeError, message)
  })
}
