import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Cluster, Redis } from "ioredis"
import type { Change, Coordination, Store } from "../../../CircuitStore.ts"
import { CircuitStoreError } from "../error.ts"
import type { Listener } from "./listener.ts"
import { compareAndSetArguments, decodeEntry } from "./entry.ts"
import { exchange, isOfKey } from "./exchange.ts"
import { decodeMessage } from "./message.ts"
import * as Names from "./names.ts"
import { type Reason, storeError } from "./reason.ts"
import { script } from "./script.ts"
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
  const names = Names.make(Names.spaceOf(client, prefix))
  const exchangeAll = exchange(client, names)
  const compareAndSet = script(client, Scripts.compareAndSet)
  return {
    coordination,
    exchange: (requests) =>
      attempt(() => (requests.length === 0 ? client.ping().then(() => []) : exchangeAll(requests))),
    compareAndSet: (request) =>
      attempt(() =>
        compareAndSet([names.key(request.circuit)], compareAndSetArguments(request, names)).then(
          (reply) => decodeEntry(reply, request),
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
