import type { Cluster, Redis } from "ioredis"
import type { CircuitId } from "../../../CircuitStore.ts"
import { refuseValue } from "../../options/checks.ts"
import { wireVersion } from "../wireVersion.ts"
import { encode, encodePart } from "./text.ts"

/**
 * Where the circuits of a store are. Stores that differ in any of the three share no key and no channel.
 *
 * @internal
 */
export interface Space {
  /** The `keyPrefix` of the client, which ioredis puts before keys, and not before channels. */
  readonly keyPrefix: string
  readonly prefix: string
  readonly database: number
}

/**
 * The space of a client. Throws a `RangeError` where a prefix would be sent as something else than it is.
 *
 * @internal
 */
export const spaceOf = ({ options }: Redis | Cluster, prefix: string): Space => ({
  // The client of a cluster has it here, too, where it was given among the options of its connections.
  keyPrefix: checkPrefix("keyPrefix", options.keyPrefix ?? ""),
  prefix: checkPrefix("prefix", prefix),
  // A cluster has only one.
  database: ("db" in options ? options.db : undefined) ?? 0
})

/** A prefix is sent as it is, and those that differ in a lone surrogate would be the same bytes. */
const checkPrefix = (option: string, value: unknown): string =>
  typeof value === "string" && !/\p{Surrogate}/u.test(value)
    ? value
    : refuseValue(`RedisCircuitStore: ${option}`, "a string without lone surrogates", value)

/** @internal */
export interface Names {
  /** The key of a circuit without the `keyPrefix`, which the client adds. */
  readonly key: (circuit: CircuitId) => string
  /** The channel of a breaker, complete. */
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
 * The names of keys and channels, each of which can be read back from its end: the breaker's name and the circuit's key
 * contain no colon and no brace of their own, before them comes the database (of a channel; keys belong to one), then the
 * version with the length of the `keyPrefix`, and the two prefixes are the rest. So no two circuits have the same key,
 * and no two breakers the same channel.
 *
 * The braces are the hash tag of a cluster, unless a prefix has one.
 *
 * @internal
 */
export const make = ({ database, keyPrefix, prefix }: Space): Names => {
  const version = keyPrefix === "" ? `v${wireVersion}` : `v${wireVersion}+${keyPrefix.length}`
  return {
    key: ({ breaker, key }) => `${prefix}${version}:{${encodePart(breaker)}:${encodePart(key)}}`,
    // Keys belong to a database and get the client's prefix, channels belong to the server and do not.
    channel: (breaker) => `${keyPrefix}${prefix}${version}:${database}:${encodePart(breaker)}`
  }
}
