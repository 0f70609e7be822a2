/** Attacks on the administration. Each sends what a browser, a stranger or a hostile circuit could. */
import { assert, describe, it } from "@effect/vitest"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/TestClock"
import type * as CircuitAdmin from "effect-circuit-breaker/CircuitAdmin"
import { labelOf } from "../../src/internal/admin/text.ts"
import { isSameSecret } from "../../src/internal/admin/token.ts"
import { type Breaker, fails, make, works } from "../kit/index.ts"
import {
  type Answer,
  authorized,
  bodyOf,
  type Refusal,
  type Server,
  serve,
  test,
  token,
  why,
  withToken
} from "./fixtures.ts"
import { listen } from "./listening.ts"

const circuit = { breaker: "payments", key: "eu" }

/** Every change that there is, each of which would change the circuit if it were allowed. */
const changes: ReadonlyArray<readonly [path: string, body: object]> = [
  ["/circuits/circuit/trip", { ...circuit, ...why }],
  ["/circuits/circuit/reset", { ...circuit, ...why }],
  ["/circuits/circuit/isolate", { ...circuit, ...why, expiresInSeconds: 60 }],
  ["/circuits/circuit/disable", { ...circuit, ...why, expiresInSeconds: 60 }],
  ["/circuits/overrides/release", { id: "any", ...why }]
]

const reads = [
  "/circuits/breakers",
  "/circuits/circuits",
  "/circuits/circuit?breaker=payments&key=eu",
  "/circuits/overrides",
  "/circuits/events"
]

const setUp = (options: CircuitAdmin.Options = withToken) =>
  Effect.gen(function* () {
    const breaker = yield* make({ name: "payments" })
    yield* breaker.protectWith(works, { key: "eu" })
    return { breaker, server: yield* serve(options) }
  })

/** Sends every change, and checks that each is refused and that nothing has changed. */
const allRefused = (
  { breaker, server }: { readonly breaker: Breaker; readonly server: Server },
  status: number,
  headers: Record<string, string | undefined>
) =>
  Effect.gen(function* () {
    const seen = new Set<string>()
    for (const [path, body] of changes) {
      const answer = yield* server.post(path, body, headers)
      assert.strictEqual(answer.status, status, path)
      seen.add(bodyOf<Refusal>(answer).message)
    }
    assert.deepStrictEqual(yield* breaker.state("eu"), { _tag: "Closed" })
    const transitions = yield* server.get("/circuits/circuit?breaker=payments&key=eu", authorized)
    assert.deepStrictEqual(bodyOf<CircuitAdmin.CircuitDetails>(transitions).transitions, [])
    return [...seen]
  })

describe("by default", () => {
  test("12.2 nothing can be changed, with whatever token", function* () {
    const messages = yield* allRefused(yield* setUp({}), 403, {})

    assert.deepStrictEqual(messages, [
      "The administration is read-only: its layer has neither a token nor authorize"
    ])
  })

  test("12.2 GET changes nothing", function* () {
    const { breaker, server } = yield* setUp()

    for (const [path] of changes)
      assert.strictEqual((yield* server.get(path, { ...authorized, "x-circuit-admin": "1" })).status, 404)

    assert.deepStrictEqual(yield* breaker.state("eu"), { _tag: "Closed" })
  })
})

describe("a bearer token", () => {
  for (const [what, authorization] of [
    ["is missing", undefined],
    ["is empty", "Bearer "],
    ["is another", `Bearer ${token.replace("a", "b")}`],
    ["is only the beginning", `Bearer ${token.slice(0, -1)}`],
    ["is longer", `Bearer ${token}x`],
    ["is there twice", `Bearer ${token}${token}`],
    ["has another case", `Bearer ${token.toUpperCase()}`],
    ["comes without its scheme", token],
    ["comes by another scheme", `Basic ${token}`],
    ["has the length of another scheme's prefix", `Basic- ${token}`]
  ] as const) {
    test(`12.2 that ${what} changes nothing`, function* () {
      const messages = yield* allRefused(yield* setUp(), 401, { authorization })

      assert.deepStrictEqual(messages, ["The bearer token is missing or wrong"])
    })
  }

  it("12.2 is compared in a time that depends on its own length alone", () => {
    const expected = new TextEncoder().encode(token)
    const readsFor = (given: string): number => {
      let reads = 0
      const counting = new Proxy(expected, {
        get: (target, property) => {
          if (typeof property === "string" && /^\d+$/.test(property)) reads++
          return Reflect.get(target, property, target) as unknown
        }
      })
      isSameSecret(new TextEncoder().encode(given), counting)
      return reads
    }

    assert.strictEqual(readsFor(token), token.length)
    assert.strictEqual(readsFor("x".repeat(token.length)), token.length)
    assert.strictEqual(readsFor(`${token.slice(0, -1)}x`), token.length)
    assert.strictEqual(readsFor("x"), 1)
    assert.strictEqual(readsFor("x".repeat(100)), 100)
    assert.strictEqual(readsFor(""), 0)
  })

  test("12.2 is also for reading, if reads are authorized", function* () {
    const { server } = yield* setUp({ ...withToken, reads: "authorized" })

    for (const path of reads) {
      assert.strictEqual((yield* server.get(path)).status, 401, path)
      assert.strictEqual((yield* server.get(path, { authorization: "Bearer wrong" })).status, 401, path)
      if (path !== "/circuits/events")
        assert.strictEqual((yield* server.get(path, authorized)).status, 200, path)
    }
    assert.strictEqual((yield* listen(server, authorized)).response.statusCode, 200)
  })

  test("12.2 is also for HEAD, which says how long an answer is, and whether a circuit exists", function* () {
    const { server } = yield* setUp({ ...withToken, reads: "authorized" })

    for (const path of [...reads, "/circuits/circuit?breaker=payments&key=unknown"]) {
      const refused = yield* server.ask(path, { method: "HEAD" })

      assert.strictEqual(refused.status, 401, path)
    }
    const allowed = yield* server.ask("/circuits/breakers", { method: "HEAD", headers: authorized })
    assert.strictEqual(allowed.status, 200)
  })
})

describe("authorize", () => {
  test("12.2 decides with the request, and names the operator whatever the body says", function* () {
    const asked: Array<string> = []
    const authorize = (request: HttpServerRequest.HttpServerRequest, access: CircuitAdmin.Access) => {
      asked.push(`${access} ${request.headers["cookie"] ?? ""}`)
      return request.headers["cookie"] === "session=ada" ? Effect.succeed("Ada L.") : Effect.fail("who?")
    }
    const { server } = yield* setUp({ authorize })
    const isolate = (cookie: string) =>
      server.post(
        "/circuits/circuit/isolate",
        { ...circuit, ...why, owner: "mallory", expiresInSeconds: 60 },
        {
          authorization: undefined,
          cookie
        }
      )

    const refused = yield* isolate("session=mallory")
    const allowed = yield* isolate("session=ada")

    assert.strictEqual(refused.status, 403)
    assert.notInclude(refused.text, "who?")
    assert.strictEqual(bodyOf<CircuitAdmin.Changed>(allowed).override?.owner, "Ada L.")
    assert.deepStrictEqual(asked, ["change session=mallory", "change session=ada"])
  })

  for (const name of ["", " \n"]) {
    test(`12.2 that names nobody allows no change: ${JSON.stringify(name)}`, function* () {
      const setting = yield* setUp({ authorize: () => Effect.succeed(name), reads: "authorized" })

      const messages = yield* allRefused(setting, 403, {})

      assert.deepStrictEqual(messages, ["The program does not say who makes this change"])
    })
  }

  test("12.2 is asked about reads only if they are authorized", function* () {
    const asked: Array<string> = []
    const authorize = (_: HttpServerRequest.HttpServerRequest, access: CircuitAdmin.Access) => {
      asked.push(access)
      return Effect.fail("no")
    }
    const open = yield* serve({ authorize })
    const closed = yield* serve({ authorize, reads: "authorized" })

    const statuses = [yield* open.get("/circuits/breakers"), yield* closed.get("/circuits/breakers")]

    assert.deepStrictEqual(
      statuses.map(({ status }) => status),
      [200, 403]
    )
    assert.deepStrictEqual(asked, ["read"])
  })

  test("12.2 that dies lets nobody in, and says nothing of why", function* () {
    const authorize = () => Effect.die(new Error("secret detail"))
    const { breaker, server } = yield* setUp({ authorize })

    const answer = yield* server.post("/circuits/circuit/trip", { ...circuit, ...why })

    assert.strictEqual(answer.status, 500)
    assert.notInclude(answer.text, "secret")
    assert.deepStrictEqual(yield* breaker.state("eu"), { _tag: "Closed" })
  })
})

describe("a page of another site", () => {
  for (const [what, status, headers] of [
    ["that sends no header of its own", 403, { "x-circuit-admin": undefined }],
    ["that sends another value in the header", 403, { "x-circuit-admin": "0" }],
    ["whose origin is another", 403, { origin: "https://evil.example" }],
    ["whose origin is hidden", 403, { origin: "null" }],
    ["whose origin only begins with the host", 403, { origin: "http://127.0.0.1.evil.example" }],
    ["whose origin has another port", 403, { origin: "http://127.0.0.1:1" }],
    ["whose origin is no page of the web", 403, { host: "ops.example", origin: "ftp://ops.example" }],
    ["whose origin has the default port", 403, { host: "ops.example:8443", origin: "https://ops.example" }],
    [
      "whose host is the default port of another scheme",
      403,
      { host: "a.example:80", origin: "https://a.example" }
    ],
    ["that the browser calls cross-site", 403, { "sec-fetch-site": "cross-site" }],
    ["that the browser calls same-site", 403, { "sec-fetch-site": "same-site" }],
    ["that sends a text", 400, { "content-type": "text/plain" }],
    ["that sends a form", 400, { "content-type": "application/x-www-form-urlencoded" }],
    ["that sends a multipart form", 400, { "content-type": "multipart/form-data; boundary=x" }],
    ["that sends no type", 400, { "content-type": undefined }],
    ["that hides a text behind the type", 400, { "content-type": "text/plain; application/json" }]
  ] as const) {
    test(`12.2 ${what} changes nothing, even with the token`, function* () {
      yield* allRefused(yield* setUp(), status, headers)
    })
  }

  test("12.2 reads nothing: no answer allows another origin", function* () {
    const { server } = yield* setUp()

    const answer = yield* server.get("/circuits/breakers", { origin: "https://evil.example" })

    assert.isUndefined(answer.headers["access-control-allow-origin"])
    assert.strictEqual(answer.headers["cross-origin-resource-policy"], "same-origin")
  })

  test("12.2 is not one of the same origin, nor one that is allowed", function* () {
    const { server } = yield* setUp({ ...withToken, allowedOrigins: ["https://ops.example"] })
    const trip = (headers: Record<string, string>) =>
      Effect.map(
        server.post("/circuits/circuit/trip", { ...circuit, ...why }, headers),
        ({ status }) => status
      )

    assert.strictEqual(yield* trip({ origin: server.origin, "sec-fetch-site": "same-origin" }), 200)
    assert.strictEqual(yield* trip({ "content-type": "application/json; charset=utf-8" }), 200)
    assert.strictEqual(yield* trip({ origin: "https://ops.example", "sec-fetch-site": "cross-site" }), 200)
    assert.strictEqual(yield* trip({ origin: "https://ops.example.evil.example" }), 403)
  })

  for (const [host, origin] of [
    ["ops.example:443", "https://ops.example"],
    ["ops.example:80", "http://ops.example"],
    ["OPS.example", "http://ops.example"],
    ["[::1]:3000", "http://[::1]:3000"]
  ] as const) {
    test(`12.2 is not ${origin}, if the host is ${host}`, function* () {
      const { server } = yield* setUp()

      const answer = yield* server.post("/circuits/circuit/trip", { ...circuit, ...why }, { host, origin })

      assert.strictEqual(answer.status, 200)
    })
  }
})

describe("the headers of answers", () => {
  const isStrict = (answer: Pick<Answer, "headers">, what: string) => {
    const { headers } = answer
    assert.match(
      String(headers["content-security-policy"]),
      /default-src 'none'; frame-ancestors 'none'/,
      what
    )
    assert.strictEqual(headers["x-content-type-options"], "nosniff", what)
    assert.strictEqual(headers["x-frame-options"], "DENY", what)
    assert.strictEqual(headers["cache-control"], "no-store", what)
    assert.strictEqual(headers["referrer-policy"], "no-referrer", what)
  }

  test("12.2 are strict for data, for streams and for every kind of error", function* () {
    const { server } = yield* setUp({ ...withToken, maxStreams: 1 })
    const big = { ...circuit, ...why, reason: "x".repeat(20_000) }

    for (const [status, answer] of [
      [200, yield* server.get("/circuits/breakers")],
      [200, yield* server.post("/circuits/circuit/trip", { ...circuit, ...why })],
      [400, yield* server.get("/circuits/circuits?limit=0")],
      [400, yield* server.post("/circuits/circuit/trip", {})],
      [401, yield* server.post("/circuits/circuit/trip", {}, { authorization: undefined })],
      [403, yield* server.post("/circuits/circuit/trip", {}, { "x-circuit-admin": undefined })],
      [404, yield* server.get("/circuits/circuit?breaker=nobody")],
      [413, yield* server.post("/circuits/circuit/trip", big)]
    ] as const) {
      assert.strictEqual(answer.status, status)
      isStrict(answer, String(status))
    }
    isStrict((yield* listen(server)).response, "a stream")
    isStrict(yield* server.get("/circuits/events"), "429")
  })

  test("12.2 are strict where the program's authorize dies", function* () {
    const { server } = yield* setUp({ authorize: () => Effect.die("no") })

    isStrict(yield* server.post("/circuits/circuit/trip", {}), "500")
  })
})

describe("a request that is too large or malformed", () => {
  test("12.2 a body of more than 16 KiB is refused by its announced size", function* () {
    const { server } = yield* setUp()

    const answer = yield* server.post("/circuits/circuit/trip", {
      ...circuit,
      ...why,
      reason: "x".repeat(16_384)
    })

    assert.strictEqual(answer.status, 413)
    assert.include(bodyOf<Refusal>(answer).message, "16384")
  })

  for (const [what, body, named] of [
    ["no JSON", "{", "must be JSON"],
    ["nothing", "", "must be JSON"],
    ["a list", "[]", "Expected"],
    ["null", "null", "Expected"],
    ["no breaker", JSON.stringify(why), "breaker: is missing"],
    ["no reason", JSON.stringify({ ...circuit, owner: "ada" }), "reason: is missing"],
    ["an empty reason", JSON.stringify({ ...circuit, ...why, reason: "" }), "reason: "],
    [
      "a blank reason",
      JSON.stringify({ ...circuit, ...why, reason: " \n\u00a0" }),
      "reason: must not be blank"
    ],
    ["a blank owner", JSON.stringify({ ...circuit, ...why, owner: " \t" }), "owner: must not be blank"],
    [
      "a key in Latin-1",
      Buffer.from(JSON.stringify({ ...circuit, ...why, key: "Z\u00fcrich" }), "latin1"),
      "UTF-8"
    ],
    ["thousands of nested lists", `${"[".repeat(8_000)}${"]".repeat(8_000)}`, "wrong type"],
    [
      "a key of thousands of nested lists",
      `{"breaker": "payments", "key": ${"[".repeat(8_000)}${"]".repeat(8_000)}, "reason": "why", "owner": "ada"}`,
      "wrong type"
    ],
    ["a long reason", JSON.stringify({ ...circuit, ...why, reason: "x".repeat(501) }), "500"],
    ["a long owner", JSON.stringify({ ...circuit, ...why, owner: "x".repeat(257) }), "256"],
    ["no owner", JSON.stringify({ ...circuit, reason: "why" }), "owner is missing"],
    ["a key that is a number", JSON.stringify({ ...circuit, ...why, key: 1 }), "key: "],
    ["another property", JSON.stringify({ ...circuit, ...why, expires: 1 }), "expires: "],
    [
      "a prototype",
      `{"__proto__": {"breaker": "payments"}, "reason": "why", "owner": "ada"}`,
      "breaker: is missing"
    ]
  ] as const) {
    test(`12.2 a body with ${what} is a 400 that names what is wrong`, function* () {
      const { breaker, server } = yield* setUp()

      const answer = yield* server.ask("/circuits/circuit/trip", {
        method: "POST",
        headers: { "content-type": "application/json", "x-circuit-admin": "1", ...authorized },
        body
      })

      assert.strictEqual(answer.status, 400)
      assert.include(bodyOf<Refusal>(answer).message, named)
      assert.isAtMost(answer.text.length, 1_500)
      assert.deepStrictEqual(yield* breaker.state("eu"), { _tag: "Closed" })
    })
  }

  for (const [expiresInSeconds, named] of [
    [0, "expiresInSeconds"],
    [-1, "expiresInSeconds"],
    [0.5, "expiresInSeconds"],
    [3_601, "at most 3600"],
    ["60", "expiresInSeconds"],
    [undefined, "expiresInSeconds: is missing"]
  ] as const) {
    test(`12.2 an override that would last ${expiresInSeconds} seconds is a 400`, function* () {
      const { breaker, server } = yield* setUp({ ...withToken, longestOverride: "1 hour" })

      const answer = yield* server.post("/circuits/circuit/isolate", { ...circuit, ...why, expiresInSeconds })

      assert.strictEqual(answer.status, 400)
      assert.include(bodyOf<Refusal>(answer).message, named)
      assert.deepStrictEqual(yield* breaker.state("eu"), { _tag: "Closed" })
    })
  }

  test("12.2 a URL of more than 4,096 characters is a 400", function* () {
    const { server } = yield* setUp()

    const answer = yield* server.get(`/circuits/circuit?breaker=${"x".repeat(4_096)}`)

    assert.strictEqual(answer.status, 400)
    assert.include(bodyOf<Refusal>(answer).message, "4096")
  })

  test("12.2 there are no more overrides than allowed, however they are asked for", function* () {
    const { breaker, server } = yield* setUp({ ...withToken, maxOverrides: 2 })
    const isolate = server.post("/circuits/circuit/isolate", { ...circuit, ...why, expiresInSeconds: 60 })

    const answers = yield* Effect.all([isolate, isolate, isolate, isolate], { concurrency: "unbounded" })

    assert.deepStrictEqual(answers.map(({ status }) => status).sort(), [200, 200, 429, 429])
    yield* breaker.reset("eu")
    assert.strictEqual((yield* isolate).status, 200)
  })
})

describe("a breaker or an override that is not there", () => {
  for (const [path, body] of changes) {
    test(`12.2 is a 404, and nothing is made: ${path}`, function* () {
      const { breaker, server } = yield* setUp()

      const answer = yield* server.post(path, {
        ...body,
        ...(path.includes("release") ? {} : { breaker: "no" })
      })

      assert.strictEqual(answer.status, 404)
      assert.deepStrictEqual(
        (yield* breaker.circuits).map(({ key }) => key),
        ["eu"]
      )
    })
  }
})

describe("hostile names and keys", () => {
  const hostile = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a\r\nset-cookie: x=1",
    "data: x\n\nevent: summary",
    "../../etc/passwd",
    "__proto__",
    "",
    "?&=#%00",
    "\u202egnp.exe",
    "\ud800 alone"
  ]

  test("12.2 are data: JSON that no browser takes for a page, addressed by what is shown of them", function* () {
    const server = yield* serve()
    for (const name of hostile.filter((it) => it !== "")) {
      const breaker = yield* make({ name })
      for (const key of hostile) yield* Effect.exit(breaker.protectWith(fails, { key }))
    }

    const list = yield* server.get("/circuits/circuits?limit=200")

    assert.strictEqual(list.headers["content-type"], "application/json")
    const { circuits } = bodyOf<{ circuits: ReadonlyArray<CircuitAdmin.CircuitSummary> }>(list)
    assert.strictEqual(circuits.length, (hostile.length - 1) * hostile.length)
    for (const { breaker, key } of circuits) {
      const query = new URLSearchParams({ breaker, key })
      const read = yield* server.get(`/circuits/circuit?${query}`)
      assert.strictEqual(read.status, 200, JSON.stringify([breaker, key]))
      const found = bodyOf<CircuitAdmin.CircuitDetails>(read)
      assert.deepStrictEqual([found.breaker, found.key], [breaker, key])
    }
    for (const key of hostile.slice(0, -1)) assert.isTrue(circuits.some((it) => it.key === key))
  })

  test("12.2 in an event stay in its one line of data", function* () {
    const server = yield* serve()
    const breaker = yield* make({ name: "payments" })
    const listener = yield* listen(server)

    for (const key of hostile) yield* breaker.trip(key)

    for (const key of hostile.slice(0, -1))
      assert.strictEqual((yield* listener.nextOf<{ key: string }>("transition")).key, key)
  })

  test("12.2 that are very long are shortened in answers, and are controlled by what is shown of them", function* () {
    const server = yield* serve()
    const [name, key, other] = ["n".repeat(100_000), "k".repeat(100_000), `${"k".repeat(99_999)}x`]
    const breaker = yield* make({ name })
    yield* Effect.exit(breaker.protectWith(fails, { key }))
    yield* Effect.exit(breaker.protectWith(fails, { key: other }))

    const list = yield* server.get("/circuits/circuits")
    const { circuits } = bodyOf<{ circuits: ReadonlyArray<CircuitAdmin.CircuitSummary> }>(list)
    const reset = yield* server.post("/circuits/circuit/reset", {
      breaker: circuits[0]?.breaker,
      key: circuits[0]?.key,
      ...why
    })

    assert.isAtMost(list.text.length, 5_000)
    assert.match(String(circuits[0]?.key), /^k{200}…#[\da-f]{16}$/)
    assert.strictEqual(reset.status, 200)
    assert.deepStrictEqual(
      [yield* breaker.state(key), yield* breaker.state(other)].map(({ _tag }) => _tag).sort(),
      ["Closed", "Open"]
    )
  })
})

describe("a key that is the label of another", () => {
  test("12.2 has a label of its own, and is not controlled in place of the other", function* () {
    const server = yield* serve()
    const breaker = yield* make({ name: "payments" })
    const long = "k".repeat(1_000)
    const label = labelOf(long)
    for (const key of [long, label]) yield* Effect.exit(breaker.protectWith(fails, { key }))
    const reset = (key: string) =>
      server.post("/circuits/circuit/reset", { breaker: "payments", key, ...why })
    const states = Effect.all([breaker.state(long), breaker.state(label)])
    const tags = Effect.map(states, (all) => all.map(({ _tag }) => _tag))

    const list = yield* server.get("/circuits/circuits")
    yield* reset(label)
    const first = yield* tags
    const { circuit } = bodyOf<CircuitAdmin.Changed>(yield* reset(labelOf(label)))

    const { circuits } = bodyOf<{ circuits: ReadonlyArray<CircuitAdmin.CircuitSummary> }>(list)
    assert.sameMembers(
      circuits.map(({ key }) => key),
      [label, labelOf(label)]
    )
    assert.deepStrictEqual(first, ["Closed", "Open"])
    assert.strictEqual(circuit?.key, labelOf(label))
    assert.deepStrictEqual(yield* tags, ["Closed", "Closed"])
  })

  test("12.2 of a breaker is not controlled in place of the other either", function* () {
    const server = yield* serve()
    const long = "n".repeat(1_000)
    const breakers = [yield* make({ name: long }), yield* make({ name: labelOf(long) })]

    const answer = yield* server.post("/circuits/circuit/trip", { breaker: labelOf(long), ...why })

    assert.strictEqual(answer.status, 200)
    const states = yield* Effect.all(breakers.map((breaker) => breaker.state()))
    assert.deepStrictEqual(
      states.map(({ _tag }) => _tag),
      ["Open", "Closed"]
    )
  })
})

describe("the log", () => {
  const logging = (lines: Array<string>) =>
    Logger.replace(
      Logger.defaultLogger,
      Logger.map(Logger.stringLogger, (line) => {
        lines.push(line)
      })
    )

  test("12.2 has a line for each change: what, by whom and why", function* () {
    const lines: Array<string> = []
    const { server } = yield* Effect.provide(setUp(), logging(lines))

    const { override } = bodyOf<CircuitAdmin.Changed>(
      yield* server.post("/circuits/circuit/isolate", { ...circuit, ...why, expiresInSeconds: 60 })
    )
    yield* server.post("/circuits/overrides/release", { id: override?.id, owner: "bob", reason: "repaired" })
    yield* server.post("/circuits/circuit/trip", { ...circuit, ...why })
    yield* server.post("/circuits/circuit/trip", { ...circuit, ...why }, { authorization: undefined })

    const changes = lines.filter((line) => line.includes("Circuit changed by hand"))
    assert.strictEqual(changes.length, 3)
    for (const [line, texts] of [
      [
        changes[0],
        [
          "level=WARN",
          "action=isolate",
          "breaker=payments",
          "key=eu",
          "owner=ada",
          `override=${override?.id}`
        ]
      ],
      [changes[0], ['reason="the dependency is being repaired"', "expiresAt=60000"]],
      [changes[1], ["action=release", "owner=bob", "reason=repaired", `override=${override?.id}`]],
      [changes[2], ["action=trip", "owner=ada"]]
    ] as const)
      for (const text of texts) assert.include(line, text)
  })

  test("12.2 says when an override has expired, and whose it was", function* () {
    const lines: Array<string> = []
    const { server } = yield* Effect.provide(setUp(), logging(lines))
    yield* server.post("/circuits/circuit/disable", { ...circuit, ...why, expiresInSeconds: 60 })

    yield* TestClock.adjust("60 seconds")

    const expired = lines.filter((line) => line.includes("action=expire"))
    assert.strictEqual(expired.length, 1)
    assert.include(expired[0], "owner=ada")
  })

  test("12.2 tells long keys with the same beginning apart", function* () {
    const lines: Array<string> = []
    const { server } = yield* Effect.provide(setUp(), logging(lines))
    const keys = ["a", "b"].map((end) => `${"k".repeat(1_000)}${end}`)

    for (const key of keys) yield* server.post("/circuits/circuit/trip", { breaker: "payments", key, ...why })

    const changes = lines.filter((line) => line.includes("Circuit changed by hand"))
    for (const [i, key] of keys.entries()) assert.include(changes[i], `key=${labelOf(key)}`)
  })

  test("12.2 has one line for a change, whatever line breaks the request has, and never the token", function* () {
    const lines: Array<string> = []
    const { server } = yield* Effect.provide(setUp(), logging(lines))
    const forged = '\ntimestamp=2026 level=INFO message="all is well"\r\u2028\u001b[2K'

    yield* server.post("/circuits/circuit/trip", {
      ...circuit,
      owner: `ada${forged}`,
      reason: `why${forged}`
    })

    const changes = lines.filter((line) => line.includes("Circuit changed by hand"))
    assert.strictEqual(changes.length, 1)
    // eslint-disable-next-line no-control-regex
    assert.notMatch(String(changes[0]), /[\u0000-\u001f\u2028]/)
    assert.isFalse(lines.some((line) => line.includes(token)))
  })
})

describe("layers", () => {
  test("12.2 of an administration share nothing: the token of one is no token of another", function* () {
    yield* (yield* make({ name: "payments" })).protectWith(works, { key: "eu" })
    const readOnly = yield* serve({})
    const changing = yield* serve()

    const refused = yield* readOnly.post("/circuits/circuit/trip", { ...circuit, ...why })
    const allowed = yield* changing.post("/circuits/circuit/trip", { ...circuit, ...why })

    assert.deepStrictEqual([refused.status, allowed.status], [403, 200])
  })
})
