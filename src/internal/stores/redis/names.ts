import type { Cluster, Redis } from "ioredis"
import type { CircuitId } from "../../../CircuitStore.ts"
import { refuseValue } from "../../options/checks.ts"
import { wireVersion } from "../wireVersion.ts"
import { encode, encodePart } from "./text.ts"

/**
 * The location of a store's circuits. Stores that differ in any of its properties share no key and no channel.
 *
 * @internal
 */
export interface Space {
  /** The `keyPrefix` of the client, which ioredis adds to keys but not to channels. */
  readonly keyPrefix: string
  readonly prefix: string
  readonly database: number
}

/**
 * The space of a client. Throws a `RangeError` if UTF-8 cannot encode one of the prefixes.
 *
 * @internal
 */
export const spaceOf = (client: Redis | Cluster, prefix: string): Space => ({
  // A cluster client has `keyPrefix` here as well, even if it was given in its `redisOptions`.
  keyPrefix: checkPrefix("keyPrefix", client.options.keyPrefix ?? ""),
  prefix: checkPrefix("prefix", prefix),
  database: databaseOf(client)
})

/**
 * The database of a client: 0 for a cluster, which has no other. The program may have selected another one than that of
 * its options. ioredis keeps the selected one in private fields, of which one is for the next connection while there is
 * none.
 */
const databaseOf = (client: Redis | Cluster): number => {
  for (const field of ["prevCondition", "condition"]) {
    const selected: unknown = Reflect.get(client, field)?.select
    if (typeof selected === "number") return selected
  }
  return ("db" in client.options ? client.options.db : undefined) ?? 0
}

/**
 * Refuses lone surrogates, because prefixes are not escaped, and would become the same bytes if they differ in these.
 */
const checkPrefix = (option: string, value: unknown): string =>
  typeof value === "string" && !/\p{Surrogate}/u.test(value)
    ? value
    : refuseValue(`RedisCircuitStore: ${option}`, "a string without lone surrogates", value)

/** @internal */
export interface Names {
  /** The key of a circuit without the `keyPrefix`, which the client adds. */
  readonly key: (circuit: CircuitId) => string
  /** The complete name of a breaker's channel. */
  readonly channel: (breaker: string) => string
}

/**
 * The field of a circuit's key that holds a window.
 *
 * @internal
 */
export const windowField = (window: string): string => `w:${encode(window)}`

/**
 * The field of a circuit's key that holds the number of a node's latest report to a window.
 *
 * @internal
 */
export const numberField = (window: string, node: string): string => `n:${encodePart(window)}:${encode(node)}`

/**
 * The names of keys and channels. No two circuits have the same key, and no two breakers the same channel, because each
 * name can be parsed unambiguously from its end: the escaped circuit key and breaker name contain no colon and no
 * brace. Before them come the database (of a channel; a key belongs to one database already), the version with the
 * length of the `keyPrefix`, and the two prefixes.
 *
 * In a cluster, the braces are the hash tag, unless a prefix has one.
 *
 * @internal
 */
export const make = ({ database, keyPrefix, prefix }: Space): Names => {
  const version = keyPrefix === "" ? `v${wireVersion}` : `v${wireVersion}+${keyPrefix.length}`
  return {
    key: ({ breaker, key }) => `${prefix}${version}:{${encodePart(breaker)}:${encodePart(key)}}`,
    // The client adds `keyPrefix` to keys only, and channels are shared by all databases of a server.
    channel: (breaker) => `${keyPrefix}${prefix}${version}:${database}:${encodePart(breaker)}`
  }
}
