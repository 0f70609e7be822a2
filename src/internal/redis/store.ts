import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Cluster, Redis } from "ioredis"
import type { Change, CircuitId, Coordination, Entry, Store } from "../../CircuitStore.ts"
import { CircuitStoreError } from "../../CircuitStore.ts"
import type { Listener } from "./listener.ts"
import { createHash } from "node:crypto"
import * as Scripts from "./scripts.ts"

/** @internal */
export type Client = Redis | Cluster

/**
 * A store on a client that answers or fails at once: it must not queue what it cannot send.
 *
 * @internal
 */
export const make = (
  client: Client,
  listener: Listener,
  prefix: string,
  coordination: Coordination
): Store => {
  const exchange = script(client, Scripts.exchange)
  const compareAndSet = script(client, Scripts.compareAndSet)
  const channelOf = (breaker: string) => `${prefix}${breaker}`
  const keyOf = ({ breaker, key }: CircuitId) => `${prefix}{${breaker}:${key}}`
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
    changes: (breaker) => Stream.map(listener.messages(channelOf(breaker)), decodeChange)
  }
}

const attempt = <A>(question: () => Promise<A>): Effect.Effect<A, CircuitStoreError> =>
  Effect.tryPromise({
    try: question,
    catch: (cause) =>
      new CircuitStoreError({ message: cause instanceof Error ? cause.message : String(cause), cause })
  })

// Sent by its digest, and as a whole where the server does not know it: it forgets when it is restarted or flushed.
const script =
  (client: Client, lua: string) =>
  (key: string, args: ReadonlyArray<string>): Promise<Entry> => {
    const digest = createHash("sha1").update(lua).digest("hex")
    const run = client.evalsha(digest, 1, key, ...args).catch((error: unknown) => {
      if (error instanceof Error && error.message.startsWith("NOSCRIPT")) {
        return client.eval(lua, 1, key, ...args)
      }
      throw error
    })
    return run.then(decodeEntry)
  }

const decodeEntry = (answer: unknown): Entry => {
  const [now, revision = "", state = "", ...rest] = (answer as ReadonlyArray<string>).map(String)
  const contributions: Array<Entry["contributions"][number]> = []
  for (let i = 0; i + 2 < rest.length; i += 3) {
    contributions.push({ node: rest[i]!, at: Number(rest[i + 1]), value: rest[i + 2]! })
  }
  return { now: Number(now), revision, state, contributions }
}

const decodeChange = (message: string | undefined): Change =>
  message === undefined ? { _tag: "Listening" } : JSON.parse(message)
