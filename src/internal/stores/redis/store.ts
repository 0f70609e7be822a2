import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Cluster, Redis } from "ioredis"
import type { Change, CircuitId, Coordination, Entry, Store } from "../../../CircuitStore.ts"
import { CircuitStoreError } from "../error.ts"
import type { Listener } from "./listener.ts"
import { createHash } from "node:crypto"
import * as Scripts from "./scripts.ts"

/** @internal */
export type Client = Redis | Cluster

/**
 * @internal
 */
export interface Parts {
  /** Answers or fails at once: it must not queue what it cannot send. */
  readonly client: Client
  readonly listener: Listener
  readonly prefix: string
  readonly coordination: Coordination
  /** Begins a new connection, where the client is the store's own. */
  readonly reconnect: () => void
}

/** @internal */
export const make = ({ client, coordination, listener, prefix, reconnect }: Parts): Store => {
  const attempt = attempts(client, reconnect)
  const exchange = script(client, Scripts.exchange)
  const compareAndSet = script(client, Scripts.compareAndSet)
  // Keys belong to a database, channels to the server.
  const db = ("db" in client.options ? client.options.db : undefined) ?? 0
  const channelOf = (breaker: string) => `${prefix}${db}:${breaker}`
  // No two circuits have the same key: the first colon ends the breaker's name, and the first brace the hash tag.
  const keyOf = ({ breaker, key }: CircuitId) =>
    `${prefix}{${escaped(breaker).replaceAll(":", "%3A")}:${escaped(key)}}`
  return {
    coordination,
    exchange: (requests) =>
      attempt(() =>
        requests.length === 0
          ? client.ping().then(() => [])
          : // Sent together, in one go.
            Promise.all(
              requests.map(({ announce, circuit, contribution = "", keepMillis, node }) =>
                exchange(keyOf(circuit), [
                  node,
                  contribution,
                  String(Math.ceil(keepMillis)),
                  announce ? channelOf(circuit.breaker) : "",
                  circuit.key
                ])
              )
            )
      ),
    compareAndSet: ({ circuit, expected, keepMillis, revision, state }) =>
      attempt(() =>
        compareAndSet(keyOf(circuit), [
          expected,
          revision,
          state,
          String(Math.ceil(keepMillis)),
          channelOf(circuit.breaker),
          circuit.key
        ])
      ),
    changes: (breaker) => Stream.filterMap(listener.messages(channelOf(breaker)), decodeChange)
  }
}

const escaped = (text: string): string => text.replaceAll("%", "%25").replaceAll("}", "%7D")

/**
 * Asks a server, but nothing more while it owes an answer that nobody waits for any longer: what is sent to a server
 * that is silent only piles up. Asked in vain often enough, it is given up for a new connection, because this one may
 * have died without a word.
 */
const attempts = (client: Client, reconnect: () => void) => {
  let owed = 0
  let inVain = 0
  return <A>(question: () => Promise<A>): Effect.Effect<A, CircuitStoreError> =>
    Effect.suspend(() => {
      if (owed > 0) {
        inVain++
        if (inVain % mostInVain === 0) reconnect()
        return Effect.fail(silent)
      }
      inVain = 0
      return Effect.tryPromise({
        try: (signal) => {
          const answer = question()
          signal.addEventListener("abort", () => {
            owed++
            void Promise.allSettled([answer]).then(() => owed--)
          })
          return answer
        },
        catch: (cause) => new CircuitStoreError({ message: messageOf(client, cause), cause })
      })
    })
}

const mostInVain = 10

const messageOf = ({ status }: Client, cause: unknown): string =>
  status === "ready"
    ? cause instanceof Error
      ? cause.message
      : String(cause)
    : `not connected to Redis (${status})`

const silent = new CircuitStoreError({ message: "an earlier question has not been answered yet" })

// Sent by its digest, and as a whole where the server does not know it: it forgets when it is restarted or flushed.
const script = (client: Client, lua: string) => {
  const digest = createHash("sha1").update(lua).digest("hex")
  return (key: string, args: ReadonlyArray<string>): Promise<Entry> => {
    const run = client.evalsha(digest, 1, key, ...args).catch((error: unknown) => {
      if (error instanceof Error && error.message.startsWith("NOSCRIPT")) {
        return client.eval(lua, 1, key, ...args)
      }
      throw error
    })
    return run.then(decodeEntry)
  }
}

const decodeEntry = (answer: unknown): Entry => {
  const [now, revision = "", state = "", ...rest] = (answer as ReadonlyArray<string>).map(String)
  const contributions: Array<Entry["contributions"][number]> = []
  for (let i = 0; i + 2 < rest.length; i += 3) {
    contributions.push({ node: rest[i]!, at: Number(rest[i + 1]), value: rest[i + 2]! })
  }
  return { now: Number(now), revision, state, contributions }
}

// What others say on the channel may be anything.
const decodeChange = (message: string | undefined): Option.Option<Change> => {
  if (message === undefined) return Option.some({ _tag: "Listening" })
  try {
    const change: Change = JSON.parse(message)
    return change._tag === "Failing" || change._tag === "Changed" ? Option.some(change) : Option.none()
  } catch {
    return Option.none()
  }
}
