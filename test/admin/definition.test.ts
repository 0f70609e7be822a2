/** The same definition everywhere: an API of the program, a typed client, a router, and a document. */
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import type * as HttpApiError from "@effect/platform/HttpApiError"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as OpenApi from "@effect/platform/OpenApi"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { ParseError } from "effect/ParseResult"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as CircuitAdmin from "effect-circuit-breaker/CircuitAdmin"
import { createServer } from "node:http"
import { fails, make, works } from "../kit/index.ts"
import { serve, serverOf, serveRoutes, test, token, why, withToken } from "./fixtures.ts"

const circuit = { breaker: "payments", key: "eu" }

describe("the typed client", () => {
  test("12.1 reads and changes on a real server, with types of the same definition", function* () {
    const breaker = yield* make({ name: "payments" })
    yield* breaker.protectWith(works, { key: "eu" })
    const { origin: baseUrl } = yield* serve()

    const { circuitAdmin } = yield* Effect.provide(
      CircuitAdmin.client({ baseUrl, token: Redacted.make(token) }),
      NodeHttpClient.layer
    )
    const { breakers } = yield* circuitAdmin.breakers()
    const { override } = yield* circuitAdmin.isolate({
      payload: { ...circuit, ...why, expiresInSeconds: 60 }
    })
    const page = yield* circuitAdmin.circuits({ urlParams: { state: ["Isolated", "Open"], limit: 10 } })
    const read = yield* circuitAdmin.circuit({ urlParams: circuit })
    const released = yield* circuitAdmin.release({ payload: { id: override?.id ?? "", ...why } })

    expectTypeOf(read).toEqualTypeOf<CircuitAdmin.CircuitDetails>()
    assert.deepStrictEqual(
      breakers.map(({ name }) => name),
      ["payments"]
    )
    assert.deepStrictEqual(
      page.circuits.map(({ key }) => key),
      ["eu"]
    )
    assert.deepStrictEqual([read.state._tag, released.circuit?.state._tag], ["Isolated", "Closed"])
  })

  test("12.1 fails with the errors of the definition", function* () {
    const { origin: baseUrl } = yield* serve()
    const { circuitAdmin } = yield* Effect.provide(CircuitAdmin.client({ baseUrl }), NodeHttpClient.layer)

    const notFound = yield* Effect.flip(circuitAdmin.circuit({ urlParams: circuit }))
    const unauthorized = yield* Effect.flip(circuitAdmin.trip({ payload: { ...circuit, ...why } }))

    assert.instanceOf(notFound, CircuitAdmin.NotFound)
    assert.instanceOf(unauthorized, CircuitAdmin.Unauthorized)
  })

  test("12.1 listens to events", function* () {
    const breaker = yield* make({ name: "payments" })
    const { origin: baseUrl } = yield* serve()
    const began = yield* Effect.makeLatch()
    const listening = yield* CircuitAdmin.events({ baseUrl }).pipe(
      Stream.tap(() => began.open),
      Stream.take(2),
      Stream.runCollect,
      Effect.provide(NodeHttpClient.layer),
      Effect.fork
    )
    yield* began.await

    yield* Effect.exit(breaker.protectWith(fails, { key: "eu" }))
    const [first, second] = [...(yield* Fiber.join(listening))]

    assert.strictEqual(first?.event, "summary")
    assert.deepStrictEqual(second?.event === "transition" ? [second.data.key, second.data.to] : second, [
      "eu",
      "Open"
    ])
  })

  for (const base of ["/ops", "/ops/"]) {
    test(`12.1 reads and listens behind a proxy that mounts the server at ${base}`, function* () {
      yield* make({ name: "payments" })
      const { origin } = yield* serveRoutes(CircuitAdmin.layer({ path: "/ops/circuits" }))
      const options = { baseUrl: `${origin}${base}` }

      const reading = Effect.flatMap(CircuitAdmin.client(options), ({ circuitAdmin }) =>
        circuitAdmin.breakers()
      )
      const { breakers } = yield* Effect.provide(reading, NodeHttpClient.layer)
      const first = yield* Effect.provide(Stream.runHead(CircuitAdmin.events(options)), NodeHttpClient.layer)

      assert.strictEqual(breakers.length, 1)
      assert.strictEqual(Option.getOrThrow(first).event, "summary")
    })
  }

  test("12.1 fails with exactly the errors that its endpoint can answer", function* () {
    const { origin: baseUrl } = yield* serve()
    const { circuitAdmin } = yield* Effect.provide(CircuitAdmin.client({ baseUrl }), NodeHttpClient.layer)

    type Always =
      | HttpApiError.HttpApiDecodeError
      | HttpClientError.HttpClientError
      | ParseError
      | CircuitAdmin.InvalidRequest
      | CircuitAdmin.Unauthorized
      | CircuitAdmin.Forbidden
    type Changing = Always | CircuitAdmin.NotFound | CircuitAdmin.RequestTooLarge
    expectTypeOf(circuitAdmin.breakers).returns.toExtend<Effect.Effect<unknown, Always>>()
    expectTypeOf(circuitAdmin.overrides).returns.toExtend<Effect.Effect<unknown, Always>>()
    expectTypeOf(circuitAdmin.trip<false>).returns.toExtend<Effect.Effect<unknown, Changing>>()
    expectTypeOf(circuitAdmin.reset<false>).returns.toExtend<Effect.Effect<unknown, Changing>>()
    expectTypeOf(circuitAdmin.release<false>).returns.toExtend<Effect.Effect<unknown, Changing>>()
    expectTypeOf(circuitAdmin.isolate<false>).returns.toExtend<
      Effect.Effect<unknown, Changing | CircuitAdmin.TooMany>
    >()
    expectTypeOf(circuitAdmin.isolate<false>).returns.not.toExtend<Effect.Effect<unknown, Changing>>()
  })

  test("12.1 that is refused the events fails", function* () {
    const { origin: baseUrl } = yield* serve({ ...withToken, reads: "authorized" })

    const error = yield* CircuitAdmin.events({ baseUrl }).pipe(
      Stream.runDrain,
      Effect.provide(NodeHttpClient.layer),
      Effect.flip
    )

    assert.strictEqual(error._tag, "ResponseError")
  })
})

describe("an API of the program", () => {
  class Api extends HttpApi.make("program")
    .add(HttpApiGroup.make("own").add(HttpApiEndpoint.get("hello", "/hello").addSuccess(Schema.String)))
    .add(CircuitAdmin.group.prefix("/admin/circuits")) {}

  const ownLive = HttpApiBuilder.group(Api, "own", (handlers) =>
    handlers.handle("hello", () => Effect.succeed("hello"))
  )

  test("12.1 has the administration beside its own groups, with the same guards", function* () {
    const breaker = yield* make({ name: "payments" })
    yield* breaker.protectWith(works, { key: "eu" })
    const ApiLive = HttpApiBuilder.api(Api).pipe(
      Layer.provide([ownLive, CircuitAdmin.layerApi(Api, { ...withToken, exposeCauses: true })])
    )
    const server = serverOf(
      yield* Layer.build(
        HttpApiBuilder.serve().pipe(
          Layer.provide(ApiLive),
          Layer.provideMerge(NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" }))
        )
      )
    )

    const own = yield* server.get("/hello")
    const read = yield* server.get("/admin/circuits/breakers")
    const refused = yield* server.post(
      "/admin/circuits/circuit/trip",
      { ...circuit, ...why },
      {
        authorization: undefined
      }
    )
    const allowed = yield* server.post("/admin/circuits/circuit/trip", { ...circuit, ...why })

    assert.deepStrictEqual(
      [own, read, refused, allowed].map(({ status }) => status),
      [200, 200, 401, 200]
    )
    assert.isUndefined(own.headers["x-frame-options"])
    for (const { headers } of [read, refused, allowed]) assert.strictEqual(headers["x-frame-options"], "DENY")
  })

  test("12.1 without the group is refused", function* () {
    const Bare = HttpApi.make("bare")

    const defect = yield* Effect.flip(Effect.sandbox(Layer.build(CircuitAdmin.layerApi(Bare))))

    assert.include(String(defect), "an HttpApi to which CircuitAdmin.group was added")
  })
})

describe("what the layers promise in types", () => {
  it("12.1 CircuitAdmin: authorize adds what it needs, and nothing else does", () => {
    class Sessions extends Context.Tag("Sessions")<Sessions, { readonly user: string }>() {}
    const authorize = () => Effect.map(Sessions, ({ user }) => user)

    expectTypeOf(CircuitAdmin.layer()).toEqualTypeOf<Layer.Layer<never, never, CircuitAdmin.ServerServices>>()
    expectTypeOf(CircuitAdmin.layer({ authorize })).toEqualTypeOf<
      Layer.Layer<never, never, CircuitAdmin.ServerServices | Sessions>
    >()
  })

  test("12.1 authorize has the services of its layer", function* () {
    class Sessions extends Context.Tag("Sessions")<Sessions, { readonly user: string }>() {}
    const breaker = yield* make({ name: "payments" })
    yield* breaker.protectWith(works, { key: "eu" })
    const server = yield* serveRoutes(
      CircuitAdmin.layer({ authorize: () => Effect.map(Sessions, ({ user }) => user) }).pipe(
        Layer.provide(Layer.succeed(Sessions, { user: "ada" }))
      )
    )

    const answer = yield* server.post("/circuits/circuit/isolate", {
      ...circuit,
      reason: "why",
      expiresInSeconds: 1
    })

    assert.strictEqual(answer.status, 200)
    assert.include(answer.text, '"owner":"ada"')
  })
})

describe("the layer from configuration", () => {
  const reading = (entries: ReadonlyArray<readonly [string, string]>) =>
    serveRoutes(
      CircuitAdmin.layerConfig({
        token: Config.redacted("ADMIN_TOKEN"),
        path: Config.succeed("/ops" as const)
      })
    ).pipe(Effect.withConfigProvider(ConfigProvider.fromMap(new Map(entries))))

  test("12.1 reads the token as a secret", function* () {
    const breaker = yield* make({ name: "payments" })
    yield* breaker.protectWith(works, { key: "eu" })
    const server = yield* reading([["ADMIN_TOKEN", token]])

    const answer = yield* server.post("/ops/circuit/trip", { ...circuit, ...why })

    assert.strictEqual(answer.status, 200)
  })

  test("12.1 fails with a ConfigError without it, and where it is too short, without naming it", function* () {
    const missing = yield* Effect.flip(reading([]))
    const short = yield* Effect.flip(reading([["ADMIN_TOKEN", "short-secret"]]))

    assert.include(String(missing), "ADMIN_TOKEN")
    assert.include(String(short), "CircuitAdmin: token")
    assert.notInclude(String(short), "short-secret")
  })
})

describe("the document", () => {
  it("12.1 has every endpoint with a summary, and a bearer token for those that change something", () => {
    const { components, paths } = OpenApi.fromApi(CircuitAdmin.api({ path: "/ops" }))

    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods as Record<string, OpenApi.OpenAPISpecOperation>).map(
        ([method, { security, summary }]) => [method, path, summary !== undefined, security?.length] as const
      )
    )
    assert.deepStrictEqual(described, [
      ["get", "/ops/breakers", true, 0],
      ["get", "/ops/circuits", true, 0],
      ["get", "/ops/circuit", true, 0],
      ["get", "/ops/overrides", true, 0],
      ["get", "/ops/events", true, 0],
      ["post", "/ops/circuit/trip", true, 1],
      ["post", "/ops/circuit/reset", true, 1],
      ["post", "/ops/circuit/isolate", true, 1],
      ["post", "/ops/circuit/disable", true, 1],
      ["post", "/ops/overrides/release", true, 1]
    ])
    assert.deepStrictEqual(components.securitySchemes, { bearer: { type: "http", scheme: "bearer" } })
  })
})
