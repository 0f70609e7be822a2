/** Errors and log lines say why a store is not connected, without secrets. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { CircuitStore } from "effect-circuit-breaker"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import type { RedisOptions } from "ioredis"
import { Cluster, Redis } from "ioredis"
import { inspect } from "node:util"
import * as Reason from "../../src/internal/stores/redis/reason.ts"
import { describeWith } from "./describe.ts"
import { nodeWith } from "./Nodes.ts"
import { newPrefix, storeOptions } from "./options.ts"
import { eventually } from "./waiting.ts"
import { freePort } from "./ports.ts"
import * as RedisServer from "./RedisServer.ts"
import { storeOf } from "./stores.ts"
import * as TlsServer from "./TlsServer.ts"

type LayerOptions = Parameters<typeof RedisCircuitStore.layer>[0]

const secret = "s3cret%/:@"

/** Waits until the errors of a store that cannot connect give this reason. */
const says = (store: CircuitStore.Store, reason: RegExp) =>
  Effect.gen(function* () {
    let error: unknown
    const look = Effect.map(Effect.flip(store.exchange([])), (it): unknown => {
      error = it
      return reason.test(it.message) || it.message
    })
    yield* eventually(Effect.orDie(look), true)
    const shown = inspect(error, { depth: 10, showHidden: true }) + JSON.stringify(error)
    assert.notInclude(shown, secret)
    assert.notInclude(shown, "jill")
  })

const failing = (options: LayerOptions, reason: RegExp) =>
  Effect.flatMap(storeOf(RedisCircuitStore.layer({ connectTimeout: 500, ...options })), (store) =>
    says(store, reason)
  )

const urlOf = (scheme: string, { host, port }: RedisServer.Address) =>
  `${scheme}://jill:${encodeURIComponent(secret)}@${host}:${port}/2`

describeWith("own", "a store that cannot connect says why", () => {
  it.scopedLive("F16 a wrong password", () =>
    Effect.gen(function* () {
      const { address } = yield* RedisServer.make()
      yield* failing({ url: urlOf("redis", address) }, /^not connected to Redis \(\w+\): WRONGPASS /)
    })
  )

  it.scopedLive("F16 a password that was not given", () =>
    Effect.gen(function* () {
      const { address, command } = yield* RedisServer.make()
      yield* command("CONFIG", "SET", "requirepass", "something")
      yield* failing(address, /: (Ready check failed: )?NOAUTH /)
    })
  )

  it.scopedLive("F9 F16 a database that the server does not have, and no other one is used", () =>
    Effect.gen(function* () {
      const { address, command } = yield* RedisServer.make()
      yield* failing({ ...address, db: 99 }, /: ERR DB index is out of range$/)
      assert.strictEqual(yield* command("DBSIZE"), 0)
    })
  )

  it.scopedLive("F16 TLS with a server that does not speak it", () =>
    Effect.gen(function* () {
      const { address } = yield* RedisServer.make()
      yield* failing({ url: urlOf("rediss", address) }, /ETIMEDOUT \(as by a server without TLS\)$/)
    })
  )

  it.scopedLive("F16 no TLS with a server that expects it", () =>
    Effect.gen(function* () {
      const address = yield* TlsServer.make((yield* RedisServer.make()).address)
      yield* failing(
        { url: urlOf("redis", address) },
        /closed .*\(as by a server that expects TLS\)$|ECONNRESET/
      )
    })
  )

  it.scopedLive("F16 a certificate of an unknown authority", () =>
    Effect.gen(function* () {
      const address = yield* TlsServer.make((yield* RedisServer.make()).address)
      yield* failing({ url: urlOf("rediss", address) }, /: self-signed certificate$/)
    })
  )

  it.scopedLive("F16 a wrong host, and a wrong port", () =>
    Effect.gen(function* () {
      const port = yield* Effect.promise(freePort)
      yield* failing({ host: "nowhere.invalid" }, /: getaddrinfo (ENOTFOUND|EAI_AGAIN) nowhere\.invalid$/)
      yield* failing({ host: "127.0.0.1", port }, /: connect ECONNREFUSED 127\.0\.0\.1:/)
      yield* failing({ host: "localhost", port }, /: .*ECONNREFUSED/)
    })
  )

  it.scopedLive(
    "F16 the reason is also that of the program's own client, and is gone once that is connected",
    () =>
      Effect.gen(function* () {
        const server = yield* RedisServer.make()
        const connect = (options: RedisOptions) =>
          Effect.acquireRelease(
            Effect.sync(() => new Redis({ ...server.address, enableOfflineQueue: false, ...options })),
            (client) => Effect.sync(() => client.disconnect())
          )
        const client = yield* connect({ username: "jill", password: secret })
        const subscriber = yield* connect({})
        const store = yield* storeOf(RedisCircuitStore.layerFromClient({ client, subscriber }))
        yield* says(store, /: WRONGPASS /)
        yield* server.command("ACL", "SETUSER", "jill", "on", "allkeys", "allcommands", `>${secret}`)
        yield* eventually(
          Effect.map(Effect.either(store.exchange([])), ({ _tag }) => _tag),
          "Right"
        )
        yield* server.command("ACL", "SETUSER", "jill", "-ping")
        const error = yield* Effect.flip(store.exchange([]))
        assert.match(error.message, /^NOPERM /)
      })
  )

  it.scopedLive("F16 the breaker logs it once", () =>
    Effect.gen(function* () {
      const { address } = yield* RedisServer.make()
      const store = { url: urlOf("redis", address), prefix: newPrefix(), ...storeOptions() }
      const { node } = yield* nodeWith(RedisCircuitStore.layer(store), undefined)
      yield* node.protect(Effect.void)
      const [line, ...more] = node.logs.filter(({ message }) => message.startsWith("The circuit store"))
      assert.match(line!.message, /WRONGPASS/)
      assert.notInclude(inspect(node.logs, { depth: 10 }), secret)
      assert.deepStrictEqual(more, [])
    })
  )
})

describe("a client's messages are shown without secrets", () => {
  it("F16 a password of several lines", () => {
    const client = new Redis({ lazyConnect: true, password: "two \n lines" })
    const { message } = Reason.storeError(client, new Error("the password is two \n lines"))
    assert.strictEqual(message, "the password is ***")
  })

  const clients = {
    "a client": new Redis({ lazyConnect: true, username: "jill", password: secret }),
    "a cluster's client": new Cluster([], {
      lazyConnect: true,
      redisOptions: { username: "jill", password: secret }
    })
  }
  const errors: ReadonlyArray<readonly [error: unknown, text: string]> = [
    [new Error("read ECONNRESET"), "read ECONNRESET"],
    [new Error(`two\n  lines\n`), "two lines"],
    [
      new Error(`ERR unknown command 'AUTH', with args beginning with: 'jill' '${secret}' `),
      "ERR unknown command 'AUTH'"
    ],
    [
      new Error(`ERR unknown command \`AUTH\`, with args beginning with: \`jill\`, \`${secret}\`, `),
      "ERR unknown command `AUTH`"
    ],
    [
      new Error("NOPERM User jill has no permissions to run the 'ping' command"),
      "NOPERM The user has no permissions to run the 'ping' command"
    ],
    [new Error(`connect to redis://jill:${secret}@host:6379`), "connect to host:6379"],
    [new Error(`the password is ${secret}`), "the password is ***"],
    [new AggregateError([new Error("connect A"), new Error("connect B")]), "connect A connect B"],
    [
      Object.assign(new Error("Failed."), { lastNodeError: new Error("WRONGPASS no") }),
      "Failed. WRONGPASS no"
    ],
    [Object.assign(new Error(""), { name: "TimeoutError" }), "TimeoutError"],
    ["a text", "a text"]
  ]
  for (const [name, client] of Object.entries(clients)) {
    for (const [cause, expected] of errors) {
      it(`F16 ${name}: ${JSON.stringify(expected)}`, () => {
        const attached =
          cause instanceof Error
            ? Object.assign(cause, { command: { name: "auth", args: ["jill", secret] } })
            : cause
        const error = Reason.storeError(client, attached)
        assert.strictEqual(error.message, expected)
        const shown = inspect(error, { depth: 10, showHidden: true }) + JSON.stringify(error)
        assert.notInclude(shown, secret)
        assert.notInclude(shown, "jill")
      })
    }
  }
})
