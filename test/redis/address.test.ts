/** The options for the address of the server: their forms, their combinations, and their sources. */
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import * as fc from "fast-check"
import * as Address from "../../src/internal/stores/redis/address.ts"
import { check } from "../core/check.ts"
import { anyText } from "../kit/text.ts"
import { describeWith } from "./describe.ts"
import * as RedisServer from "./RedisServer.ts"
import { storeOf } from "./stores.ts"
import { reportOf, request } from "../kit/entries.ts"
import * as TlsServer from "./TlsServer.ts"
import { answering } from "./waiting.ts"

type Options = Parameters<typeof RedisCircuitStore.layer>[0] & {}
type Clients = Parameters<typeof RedisCircuitStore.layerFromClient>[0]

describe("a URL", () => {
  const read: ReadonlyArray<readonly [url: string, options: object]> = [
    [
      "rediss://user:secret@host:6380/2",
      { host: "host", port: 6380, username: "user", password: "secret", db: 2, tls: {} }
    ],
    ["redis://host", { host: "host" }],
    ["redis://host/", { host: "host" }],
    ["redis://:secret@host", { host: "host", password: "secret" }],
    ["redis://user@host", { host: "host", username: "user" }],
    ["redis://u%40:s%25%2F%3A@[::1]:1/0", { host: "::1", port: 1, username: "u@", password: "s%/:", db: 0 }],
    ["redis://10.0.0.1:6379?family=0", { host: "10.0.0.1", port: 6379, family: 0 }],
    ["REDISS://host", { host: "host", tls: {} }]
  ]
  for (const [url, options] of read) {
    it(`F17 ${url} is read, redacted or not`, () => {
      assert.deepStrictEqual<object>(Address.decode({ url }), options)
      assert.deepStrictEqual<object>(Address.decode({ url: Redacted.make(url) }), options)
    })
  }

  it("F17 of arbitrary parts is decoded into the same parts", () => {
    const text = anyText({ minLength: 1, maxLength: 8 })
    const parts = fc.record(
      { username: text, password: text, port: fc.integer({ min: 1, max: 65_535 }), db: fc.nat(1_000) },
      { requiredKeys: [] }
    )
    check(
      fc.property(parts, fc.boolean(), (it, isSecure) => {
        const { db, password, port, username } = it
        const user =
          username === undefined && password === undefined
            ? ""
            : `${encodeURIComponent(username ?? "")}${password === undefined ? "" : `:${encodeURIComponent(password)}`}@`
        const url = `redis${isSecure ? "s" : ""}://${user}host${port === undefined ? "" : `:${port}`}${db === undefined ? "" : `/${db}`}`
        assert.deepStrictEqual<object>(Address.decode({ url }), {
          host: "host",
          ...it,
          ...(isSecure ? { tls: {} } : {})
        })
      }),
      1_000
    )
  })

  it("F17 may be combined with options that it does not contain, and with the other options of ioredis", () => {
    const others = { connectTimeout: 10, keyPrefix: "app:" }
    assert.deepStrictEqual<object>(
      Address.decode({ url: "redis://host", username: "u", password: Redacted.make("s"), db: 1, ...others }),
      { host: "host", username: "u", password: "s", db: 1, ...others }
    )
    const ca = "a certificate"
    assert.deepStrictEqual<object>(Address.decode({ url: "rediss://host", tls: { ca } }), {
      host: "host",
      tls: { ca }
    })
    assert.deepStrictEqual<object>(Address.decode({ url: "redis://host", tls: false }), { host: "host" })
  })
})

describe("separate options", () => {
  it("F17 are passed on, redacted or not, and TLS as a boolean", () => {
    const given = { host: "host", port: 6380, username: "u", db: 0, connectTimeout: 10 }
    for (const password of ["s", Redacted.make("s")]) {
      assert.deepStrictEqual<object>(Address.decode({ ...given, password, tls: true }), {
        ...given,
        password: "s",
        tls: {}
      })
    }
    assert.deepStrictEqual<object>(Address.decode({ ...given, tls: false }), given)
    assert.deepStrictEqual<object>(Address.decode({}), {})
    for (const host of ["::1", "fe80::1%eth0", "10.0.0.1", "my_host.internal", "hôte"]) {
      assert.deepStrictEqual<object>(Address.decode({ host }), { host })
    }
    assert.deepStrictEqual<object>(Address.decode({ path: "/tmp/redis.sock" }), { path: "/tmp/redis.sock" })
  })
})

const secret = "s3cret"

const form = "redis://[user:password@]host[:port][/database], or rediss:// for TLS"

const refused: ReadonlyArray<readonly [name: string, options: object, message: string]> = [
  ["a port of 70,000", { port: 70_000 }, "port must be an integer from 1 to 65535, received 70000"],
  ["a port of 0", { port: 0 }, "port must be an integer from 1 to 65535, received 0"],
  ["a port with a fraction", { port: 1.5 }, "port must be an integer from 1 to 65535, received 1.5"],
  ["a port that is null", { port: null }, "port must be an integer from 1 to 65535, received null"],
  ["an empty host", { host: "" }, 'host must be a string that is not empty, received ""'],
  ...[
    `redis://u:${secret}@host`,
    `redis://u:${secret} and more@host`,
    `u:${secret}`,
    `${secret}/`,
    `[::1]`,
    "host "
  ].map(
    (host) =>
      [
        `the host ${host}`,
        { host },
        "host must be the name or the address of a host, received another text"
      ] as const
  ),
  ["a database below 0", { db: -1 }, "db must be an integer from 0 to 9007199254740991, received -1"],
  [
    "a password that is a number",
    { password: 42 },
    "password must be a string, redacted or not, received number"
  ],
  [
    "a password that is null",
    { password: null },
    "password must be a string, redacted or not, received null"
  ],
  [
    "a redacted number",
    { password: Redacted.make(42) },
    "password must be a string, redacted or not, received number"
  ],
  ["a user that is null", { username: null }, "username must be a string, redacted or not, received null"],
  ["TLS that is null", { tls: null }, "tls must be true, false or options of TLS, received null"],
  ["a text that is no URL", { url: secret }, `url must be ${form}, received another text`],
  ["an empty URL", { url: "" }, `url must be ${form}, received another text`],
  ["a URL that is null", { url: null }, "url must be a string, redacted or not, received null"],
  ["another protocol", { url: `https://u:${secret}@host` }, `url must be ${form}, received another protocol`],
  ["a URL without a host", { url: "redis:///2" }, `url must be ${form}, received no host`],
  [
    "a port of 70,000 in a URL",
    { url: `redis://u:${secret}@host:70000` },
    `url must be ${form}, received another text`
  ],
  [
    "a database with a name",
    { url: `redis://u:${secret}@host/two` },
    `url must be ${form}, received a database that is no number`
  ],
  [
    "a password that is not encoded",
    { url: `redis://u:${secret}%@host` },
    `url must be ${form}, received a password that is not percent-encoded`
  ],
  [
    "parameters of a URL",
    { url: `redis://host?password=${secret}` },
    `url must be ${form}, received other parameters than family`
  ],
  ["a fragment of a URL", { url: `redis://host#${secret}` }, `url must be ${form}, received a fragment`],
  ...["host", "port", "username", "password", "db"].map(
    (option) =>
      [
        `a URL and the option ${option}, which it contains too`,
        { url: `redis://u:${secret}@host/2`, [option]: ["port", "db"].includes(option) ? 1 : "other" },
        `url and ${option} must not be given together`
      ] as const
  ),
  [
    "a URL and sentinels",
    { url: "redis://host", sentinels: [] },
    "url and sentinels must not be given together"
  ],
  [
    "a URL without TLS, and tls: true",
    { url: "redis://host", tls: true },
    "tls must be false with a URL redis://, received true"
  ],
  [
    "a URL with TLS, and tls: false",
    { url: "rediss://host", tls: false },
    "tls must be true with a URL rediss://, received false"
  ]
]

describe("F17 refused by name, and without the secret", () => {
  for (const [name, options, message] of refused) {
    it.scoped(`F17 ${name}`, () =>
      Effect.gen(function* () {
        const made = Layer.build(RedisCircuitStore.layer(options as Options))
        const defect = yield* Effect.flip(Effect.sandbox(made))
        assert.include(String(defect), `RangeError: RedisCircuitStore: ${message}`)
        assert.notInclude(String(defect), secret)
        const configured = Object.fromEntries(
          Object.entries(options).map(([option, value]) => [option, Config.succeed(value)])
        )
        const exit = yield* Effect.exit(Layer.build(RedisCircuitStore.layerConfig(configured)))
        assert.deepStrictEqual(exit, Exit.fail(ConfigError.InvalidData([], `RedisCircuitStore: ${message}`)))
      })
    )
  }
})

describe("R3.5 options that are none", () => {
  const message = "RedisCircuitStore must be given options, such as { url }, received"
  for (const [value, type] of [
    [null, "null"],
    [`redis://u:${secret}@host`, "string"],
    [6379, "number"],
    [[], "array"]
  ] as const) {
    it.scoped(`R3.5 ${type} in place of the options of a store is refused, and not shown`, () =>
      Effect.gen(function* () {
        // An invalid value on purpose, which `ioredis` itself may take for a URL or a port.
        const options = value as unknown as Options
        const defect = yield* Effect.flip(Effect.sandbox(Layer.build(RedisCircuitStore.layer(options))))
        assert.include(String(defect), `RangeError: ${message} ${type}`)

        const config = Config.succeed(options)
        const exit = yield* Effect.exit(Layer.build(RedisCircuitStore.layerConfig(config)))
        assert.deepStrictEqual(exit, Exit.fail(ConfigError.InvalidData([], `${message} ${type}`)))
      })
    )
  }

  for (const clients of [null, {}, { client: null, subscriber: null }, { client: {}, subscriber: {} }]) {
    it.scoped(`R3.5 layerFromClient refuses ${JSON.stringify(clients)} for its clients`, () =>
      Effect.gen(function* () {
        // Invalid values on purpose.
        const layer = RedisCircuitStore.layerFromClient(clients as unknown as Clients)
        const defect = yield* Effect.flip(Effect.sandbox(Layer.build(layer)))
        assert.match(String(defect), /RangeError: RedisCircuitStore.* must be .*client.*, received/)
      })
    )
  }
})

describeWith("own", "a store whose address is read from configuration", () => {
  const circuit = { breaker: "payments", key: "default" }

  const withConfig = (values: Readonly<Record<string, string>>) =>
    Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(values))))

  /** The keys of the circuit that a store reports to. */
  const reports = (
    server: RedisServer.OwnRedisServer,
    store: Effect.Effect.Success<ReturnType<typeof storeOf>>
  ) =>
    Effect.gen(function* () {
      yield* answering(store)
      yield* store.exchange([{ ...request, circuit, window: reportOf(1) }])
      return yield* server.command("INFO", "keyspace")
    })

  const setUp = Effect.gen(function* () {
    const server = yield* RedisServer.make()
    yield* server.command("ACL", "SETUSER", "app", "on", "allkeys", "allchannels", "allcommands", ">s3cret/%")
    return { server, ...server.address }
  })

  const kinds = { "a text": Config.string("REDIS_URL"), "a secret": Config.redacted("REDIS_URL") }
  for (const [kind, url] of Object.entries(kinds)) {
    it.scopedLive(`F17 a URL, read as ${kind}`, () =>
      Effect.gen(function* () {
        const { host, port, server } = yield* setUp
        const layer = RedisCircuitStore.layerConfig({ url })
        const config = { REDIS_URL: `redis://app:s3cret%2F%25@${host}:${port}/2` }
        const store = yield* storeOf(Layer.provide(layer, withConfig(config)))
        assert.match(String(yield* reports(server, store)), /db2:keys=1/)
      })
    )
  }

  it.scopedLive("F17 a redacted password beside the host", () =>
    Effect.gen(function* () {
      const { host, port, server } = yield* setUp
      const layer = RedisCircuitStore.layerConfig({
        host: Config.string("HOST"),
        port: Config.port("PORT"),
        username: Config.string("USER"),
        password: Config.redacted("PASSWORD"),
        db: Config.integer("DB"),
        tls: Config.boolean("TLS")
      })
      const config = { HOST: host, PORT: `${port}`, USER: "app", PASSWORD: "s3cret/%", DB: "3", TLS: "no" }
      const store = yield* storeOf(Layer.provide(layer, withConfig(config)))
      assert.match(String(yield* reports(server, store)), /db3:keys=1/)
    })
  )

  it.scopedLive("F17 a URL with TLS, with the certificate of the server", () =>
    Effect.gen(function* () {
      const { server } = yield* setUp
      const { host, port } = yield* TlsServer.make(server.address)
      const store = yield* storeOf(
        RedisCircuitStore.layer({
          url: Redacted.make(`rediss://app:s3cret%2F%25@${host}:${port}/4`),
          tls: { ca: TlsServer.certificate },
          connectTimeout: 30_000,
          socketTimeout: 30_000,
          deadline: "10 seconds"
        })
      )
      assert.match(String(yield* reports(server, store)), /db4:keys=1/)
    })
  )
})
