import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Cluster, Redis } from "ioredis"
import type { Change, Coordination, Entry, Store } from "../../../CircuitStore.ts"
import { CircuitStoreError } from "../error.ts"
import type { Listener } from "./listener.ts"
import type { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import { compareAndSetArguments, decodeEntry, exchangeArguments } from "./entry.ts"
import { decodeMessage } from "./message.ts"
import * as Names from "./names.ts"
import { type Reason, storeError, textOf } from "./reason.ts"
import * as Scripts from "./scripts.ts"

/**
 * The part of a client that sends commands.
 *
 * @internal
 */
export type Client = Redis | Cluster

/**
 * The parts of a store in Redis.
 *
 * @internal
 */
export interface Parts {
  /** Sends commands or fails at once: it must not queue them while it is disconnected. */
  readonly client: Client
  /** The reason why the client is not connected. */
  readonly reason: Reason
  readonly listener: Listener
  readonly prefix: string
  readonly coordination: Coordination
  /** Replaces the connection, if the client is the store's own. */
  readonly reconnect: () => void
}

/**
 * Makes a store in Redis from its parts.
 *
 * @internal
 */
export const make = ({ client, coordination, listener, prefix, reason, reconnect }: Parts): Store => {
  const attempt = attempts({ client, reason, reconnect })
  const exchange = script(client, Scripts.exchange)
  const compareAndSet = script(client, Scripts.compareAndSet)
  const names = Names.make(Names.spaceOf(client, prefix))
  return {
    coordination,
    exchange: (requests) =>
      attempt(() =>
        requests.length === 0
          ? client.ping().then(() => [])
          : // All commands are sent before the first reply arrives, so they take one round trip.
            answersOf(
              client,
              requests.map((request) =>
                exchange(names.key(request.circuit), exchangeArguments(request, names)).then(decodeEntry)
              )
            )
      ),
    compareAndSet: (request) =>
      attempt(() =>
        compareAndSet(names.key(request.circuit), compareAndSetArguments(request, names)).then(
          decodeEntry,
          (error: unknown) => {
            if (isOfKey(error)) return storeError(client, error)
            throw error
          }
        )
      ),
    changes: (breaker) =>
      Stream.filterMap(listener.messages(names.channel(breaker)), (message) =>
        message === undefined ? Option.some<Change>({ _tag: "Listening" }) : decodeMessage(message)
      )
  }
}

/**
 * The answers for several circuits. An error for one circuit takes the place of its entry. If there are only errors,
 * and one of them concerns the server, the whole operation fails with that one.
 */
const answersOf = async (
  client: Client,
  asked: ReadonlyArray<Promise<Entry>>
): Promise<ReadonlyArray<Entry | CircuitStoreError>> => {
  const replies = await Promise.allSettled(asked)
  const fault = replies.find((it) => it.status === "rejected" && !isOfKey(it.reason))
  if (fault?.status === "rejected" && replies.every(({ status }) => status === "rejected")) throw fault.reason
  return replies.map((it) => (it.status === "fulfilled" ? it.value : storeError(client, it.reason)))
}

/**
 * Whether an error concerns the content of one key. In Redis 6 and before, the error of a script ends with this code.
 */
const isOfKey = (error: unknown): boolean => /\bWRONGTYPE\b/.test(textOf(error))

/**
 * Sends commands to a server. While an earlier command is unanswered after its deadline, it refuses further commands,
 * because they would accumulate. After several refusals in a row it replaces the connection, which may be dead.
 */
const attempts = ({ client, reason, reconnect }: Pick<Parts, "client" | "reason" | "reconnect">) => {
  let overdue = 0
  let refused = 0
  return <A>(command: () => Promise<A>): Effect.Effect<A, CircuitStoreError> =>
    Effect.suspend(() => {
      if (overdue > 0) {
        refused++
        if (refused % refusalsToReconnect === 0) reconnect()
        return Effect.fail(serverIsSilent)
      }
      refused = 0
      return Effect.tryPromise({
        try: (signal) => {
          const reply = command()
          signal.addEventListener("abort", () => {
            overdue++
            void Promise.allSettled([reply]).then(() => overdue--)
          })
          return reply
        },
        catch: (cause) => errorOf(client, cause, reason)
      })
    })
}

const refusalsToReconnect = 10

const errorOf = (client: Client, cause: unknown, reason: Reason): CircuitStoreError =>
  storeError(client, cause, (text) => {
    if (client.status === "ready") return text
    const why = reason.text()
    return `not connected to Redis (${client.status})${why === undefined ? "" : `: ${why}`}`
  })

const serverIsSilent = new CircuitStoreError({ message: "an earlier command has not been answered yet" })

// A script is sent by its digest, and in full if the server does not know it, as after a restart or `SCRIPT FLUSH`.
const script = (client: Client, lua: string) => {
  const digest = createHash("sha1").update(lua).digest("hex")
  // Each command of ioredis has a variant that returns bytes, but the types have only some of these variants.
  const scripts = client as Client & Scripting
  return (key: string, args: ReadonlyArray<string | Buffer>): Promise<unknown> =>
    scripts.evalshaBuffer(digest, 1, key, ...args).catch((error: unknown) => {
      if (error instanceof Error && error.message.startsWith("NOSCRIPT")) {
        return scripts.evalBuffer(lua, 1, key, ...args)
      }
      throw error
    })
}

type Evaluate = (
  script: string,
  keys: 1,
  key: string,
  ...args: ReadonlyArray<string | Buffer>
) => Promise<unknown>

interface Scripting {
  readonly evalshaBuffer: Evaluate
  readonly evalBuffer: Evaluate
}
