/** Keys and channels, as functions of a program's options and names: no server is needed. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { Cluster, Redis } from "ioredis"
import * as Names from "../../src/internal/stores/redis/names.ts"
import * as Text from "../../src/internal/stores/redis/text.ts"
import { wireVersion } from "../../src/internal/stores/wireVersion.ts"
import { check } from "../core/check.ts"
import { anyText } from "../kit/text.ts"

/** Everything that distinguishes one circuit on a server from another. */
interface Place extends Names.Space {
  readonly breaker: string
  readonly key: string
}

/** As it is sent, the client's own prefix included. Keys belong to a database. */
const keyOf = ({ breaker, key, ...space }: Place): string =>
  `${space.database} ${Buffer.from(space.keyPrefix + Names.make(space).key({ breaker, key })).toString("hex")}`

const channelOf = ({ breaker, ...space }: Place): string =>
  Buffer.from(Names.make(space).channel(breaker)).toString("hex")

// The pieces include the separators of names, so that one part can look like the end of another.
const pieces = [
  "",
  ":",
  "{",
  "}",
  "%",
  "%3A",
  "%uD800",
  "v2",
  "v2:",
  "+",
  "+1",
  "0",
  "1",
  ":0:",
  "{a:b}",
  "a",
  "ä",
  "\u0000"
]

const piece = fc.constantFrom(...pieces, "\ud800", "\udc00", "\ud83d\udd0c")

const text = fc.oneof(
  fc.array(piece, { maxLength: 4 }).map((it) => it.join("")),
  anyText({ maxLength: 5 })
)

const prefix = fc.array(fc.constantFrom(...pieces), { maxLength: 4 }).map((it) => it.join(""))

const place: fc.Arbitrary<Place> = fc.record({
  keyPrefix: prefix,
  prefix,
  database: fc.nat(2),
  breaker: text,
  key: text
})

/** The same text, cut into the same number of parts at other places: the most similar names. */
const neighbours: fc.Arbitrary<readonly [Place, Place]> = fc
  .tuple(
    fc.array(fc.constantFrom(...pieces), { maxLength: 10 }),
    fc.nat(2),
    fc.array(fc.nat(10), { minLength: 6, maxLength: 6 })
  )
  .map(([all, database, cuts]) => {
    const cut = (at: ReadonlyArray<number>): Place => {
      const [first = 0, second = 0, third = 0] = at.toSorted((a, b) => a - b)
      const part = (from: number, to?: number) => all.slice(from, to).join("")
      return {
        keyPrefix: part(0, first),
        prefix: part(first, second),
        database,
        breaker: part(second, third),
        key: part(third)
      }
    }
    return [cut(cuts.slice(0, 3)), cut(cuts.slice(3))]
  })

const pairs = fc.oneof(fc.tuple(place, place), neighbours)

const isSameSpace = (a: Place, b: Place): boolean =>
  a.keyPrefix === b.keyPrefix && a.prefix === b.prefix && a.database === b.database

describe("F3 versions do not meet", () => {
  it("F3 the wire's version is in every key and in every channel", () => {
    check(
      fc.property(place, ({ breaker, key, ...space }) => {
        const names = Names.make(space)
        const ends = (name: string, start: string) => {
          assert.isTrue(name.startsWith(start), name)
          assert.match(name.slice(start.length), new RegExp(`^v${wireVersion}[+:]`))
        }
        ends(names.key({ breaker, key }), space.prefix)
        ends(names.channel(breaker), space.keyPrefix + space.prefix)
      }),
      1_000
    )
  })
})

describe("F9 keys and channels are equally distinct", () => {
  it("F9 no two circuits share a key, and no two breakers a channel", () => {
    check(
      fc.property(pairs, ([a, b]) => {
        const isSameBreaker = isSameSpace(a, b) && a.breaker === b.breaker
        assert.strictEqual(channelOf(a) === channelOf(b), isSameBreaker)
        assert.strictEqual(keyOf(a) === keyOf(b), isSameBreaker && a.key === b.key)
      }),
      5_000
    )
  })

  it("F9 the prefix p: with the name 0:x does not meet the prefix p:0: with the name x", () => {
    const rest = { keyPrefix: "", database: 0, key: "default" }
    const [a, b] = [
      { ...rest, prefix: "p:", breaker: "0:x" },
      { ...rest, prefix: "p:0:", breaker: "x" }
    ]
    assert.notStrictEqual(channelOf(a), channelOf(b))
    assert.notStrictEqual(keyOf(a), keyOf(b))
  })

  it("F9 the client's prefix comes first in a channel, as in a key", () => {
    const names = Names.make({ keyPrefix: "app:", prefix: "circuit:", database: 2 })
    assert.strictEqual(names.channel("payments"), "app:circuit:v2+4:2:payments")
    assert.strictEqual(names.key({ breaker: "payments", key: "eu" }), "circuit:v2+4:{payments:eu}")
    const plain = Names.make({ keyPrefix: "", prefix: "circuit:", database: 0 })
    assert.strictEqual(plain.key({ breaker: "payments", key: "eu" }), "circuit:v2:{payments:eu}")
  })

  it("F9 the namespace is that of the client: its prefix and its database, also of a cluster", () => {
    const redis = new Redis({ lazyConnect: true, keyPrefix: "app:", db: 2 })
    assert.deepStrictEqual(Names.spaceOf(redis, "p:"), { keyPrefix: "app:", prefix: "p:", database: 2 })
    const plain = new Redis({ lazyConnect: true })
    assert.deepStrictEqual(Names.spaceOf(plain, ""), { keyPrefix: "", prefix: "", database: 0 })
    for (const options of [{ keyPrefix: "app:" }, { redisOptions: { keyPrefix: "app:" } }]) {
      const cluster = new Cluster([], { lazyConnect: true, ...options })
      assert.deepStrictEqual(Names.spaceOf(cluster, "p:"), { keyPrefix: "app:", prefix: "p:", database: 0 })
    }
  })

  it("F9 refuses a prefix that would be sent as something else", () => {
    const space = (prefix: string, keyPrefix?: string) => () =>
      Names.spaceOf(
        new Redis({ lazyConnect: true, ...(keyPrefix === undefined ? {} : { keyPrefix }) }),
        prefix
      )
    assert.throws(space("app\ud800"), RangeError, "RedisCircuitStore: prefix")
    assert.throws(space("", "app\udc00"), RangeError, "RedisCircuitStore: keyPrefix")
    assert.doesNotThrow(space("app\ud83d\udd0c", "\ud83d\udd0c"))
  })
})

describe("F14 texts are sent as they are", () => {
  it("F14 every text is well-formed when it is sent, and read back as it was", () => {
    check(
      fc.property(text, (it) => {
        for (const encoded of [Text.encode(it), Text.encodePart(it)]) {
          assert.strictEqual(Buffer.from(encoded).toString(), encoded)
          assert.strictEqual(Text.decode(encoded), it)
        }
      }),
      2_000
    )
  })

  it("F14 text that another program wrote is read without an error", () => {
    check(
      fc.property(text, (it) => {
        assert.isString(Text.decode(it))
      }),
      1_000
    )
    for (const it of ["%", "%2", "%u", "%uD8", "%u0041", "%41", "100 %", "%zz"]) {
      assert.strictEqual(Text.decode(it), it)
    }
  })

  it("F5 a revision is given back to the server as it was, whoever wrote it", () => {
    const sent = (revision: string) => Buffer.from(Text.encodeRevision(revision))
    check(
      fc.property(fc.uint8Array(), (bytes) => {
        const revision = Text.decodeRevision(Buffer.from(bytes))
        assert.deepStrictEqual([...sent(revision)], [...bytes])
      }),
      2_000
    )
    for (const it of ["%", "%41", "%3A", "100 %", "%ud800", "\ufeffa", "\u0000bytes:a", "%u%25"]) {
      assert.strictEqual(sent(Text.decodeRevision(Buffer.from(it))).toString(), it)
    }
    check(
      fc.property(text, (it) => {
        assert.strictEqual(Text.decodeRevision(sent(it)), it)
      }),
      1_000
    )
  })

  it("F14 two texts that differ in half of a surrogate pair have two keys and two channels", () => {
    const rest = { keyPrefix: "", prefix: "circuit:", database: 0 }
    const [a, b] = [
      { ...rest, breaker: "\ud800", key: "a\udc00" },
      { ...rest, breaker: "\ud801", key: "a\udc01" }
    ]
    assert.notStrictEqual(channelOf(a), channelOf(b))
    assert.notStrictEqual(keyOf({ ...a, breaker: "x" }), keyOf({ ...b, breaker: "x" }))
  })
})
