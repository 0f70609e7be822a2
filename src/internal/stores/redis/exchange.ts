import * as Arr from "effect/Array"
import type { Cluster, Redis } from "ioredis"
import type { Entry, ExchangeRequest } from "../../../CircuitStore.ts"
import type { CircuitStoreError } from "../error.ts"
import { decodeEntries, decodeEntry, exchangeArguments, readArguments } from "./entry.ts"
import { isCluster } from "./listener.ts"
import type { Names } from "./names.ts"
import { storeError, textOf } from "./reason.ts"
import { script } from "./script.ts"
import * as Scripts from "./scripts.ts"

type Answer = Entry | CircuitStoreError

/**
 * Sends requests to exchange circuits. All commands are sent before the first reply arrives, so they take one round
 * trip. Requests that change nothing share a command, because a command costs several times what a circuit in it does.
 *
 * @internal
 */
export const exchange = (client: Redis | Cluster, names: Names) => {
  const exchangeOne = script(client, Scripts.exchange)
  const readAll = script(client, Scripts.read)
  // The keys are in different slots of a cluster, which runs a script only on the keys of one slot.
  let isSharded = isCluster(client)

  const send = (requests: Arr.NonEmptyReadonlyArray<ExchangeRequest>): Promise<ReadonlyArray<Reply>> => {
    const [request] = requests
    const keys = requests.map(({ circuit }) => names.key(circuit))
    const replies = isRead(request)
      ? readAll(keys, readArguments(requests)).then((reply) => decodeEntries(reply, requests).map(replyOf))
      : exchangeOne(keys, exchangeArguments(request, names)).then((reply) => [decodeEntry(reply, request)])
    return replies.catch((error: unknown) => {
      if (requests.length === 1 || !isOfSlots(error)) return requests.map(() => new Failure(error))
      // The server is part of a cluster, although the client is not a cluster client.
      isSharded = true
      return sendAll(requests)
    })
  }

  const sendAll = async (requests: ReadonlyArray<ExchangeRequest>): Promise<ReadonlyArray<Reply>> => {
    const groups = Arr.isNonEmptyReadonlyArray(requests)
      ? Arr.groupWith(requests, (one, other) => !isSharded && areReadTogether(one, other))
      : []
    return (await Promise.all(groups.map(send))).flat()
  }

  return async (requests: ReadonlyArray<ExchangeRequest>): Promise<ReadonlyArray<Answer>> =>
    answersOf(client, await sendAll(requests))
}

/** An error in place of an entry. */
class Failure {
  readonly error: unknown

  constructor(error: unknown) {
    this.error = error
  }
}

type Reply = Entry | Failure

const replyOf = (entry: Entry | Error): Reply => (entry instanceof Error ? new Failure(entry) : entry)

const isRead = ({ announce, renew, window }: ExchangeRequest): boolean =>
  !announce && !renew && window?.report === undefined

const areReadTogether = (one: ExchangeRequest, other: ExchangeRequest): boolean =>
  isRead(one) && isRead(other) && one.node === other.node && one.window?.name === other.window?.name

/**
 * The answers about several circuits. An error for one circuit takes the place of its entry. If there are only errors,
 * and one of them concerns the server, the whole operation fails with that one.
 */
const answersOf = (client: Redis | Cluster, replies: ReadonlyArray<Reply>): ReadonlyArray<Answer> => {
  const errors = replies.filter(isFailure)
  const fault = errors.find(({ error }) => !isOfKey(error))
  if (fault !== undefined && errors.length === replies.length) throw fault.error
  return replies.map((it) => (isFailure(it) ? storeError(client, it.error) : it))
}

const isFailure = (reply: Reply): reply is Failure => reply instanceof Failure

/**
 * Whether an error concerns the content of one key. In Redis 6 and before, the error of a script ends with this code.
 *
 * @internal
 */
export const isOfKey = (error: unknown): boolean => /\bWRONGTYPE\b/.test(textOf(error))

const isOfSlots = (error: unknown): boolean => textOf(error).startsWith("CROSSSLOT")
