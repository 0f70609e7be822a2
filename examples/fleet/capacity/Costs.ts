/**
 * What one of each costs a Redis: an exchange, a read, a change of state, a connection.
 */
import { CircuitBreaker, CircuitStore, TripPolicy } from "effect-circuit-breaker"
import type { ExchangeRequest, Store } from "effect-circuit-breaker/CircuitStore"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import type { Redis } from "ioredis"
import { once } from "node:events"
import type { Socket } from "node:net"
import { connect } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import type { Work } from "./Work.ts"
import { workOfOne } from "./Work.ts"

/** The window of the usual policy, in ten slices. */
export const windowSeconds = 60
export const rate = TripPolicy.failureRate({ threshold: 0.9, within: windowSeconds * 1_000 })
export const streak = TripPolicy.consecutive(5)

/** What a process contributes to a circuit after a window full of calls, and the state it writes when the circuit opens. */
const recordTexts = (tripPolicy: TripPolicy.TripPolicy) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(Date.now())
    const memory = yield* CircuitStore.makeMemory({ sync: "write-through" })
    let contribution = ""
    let state = ""
    const recording: Store = {
      ...memory,
      exchange: (requests) => {
        contribution = requests.at(-1)?.contribution ?? contribution
        // Times have fractions, as those of a real clock have.
        return Effect.map(memory.exchange(requests), (entries) =>
          entries.map((entry) => ("_tag" in entry ? entry : { ...entry, now: entry.now + 0.125 }))
        )
      },
      compareAndSet: (request) => {
        state = request.state
        return memory.compareAndSet(request)
      }
    }
    const breaker = yield* CircuitBreaker.make({ name: "payments", tripPolicy }).pipe(
      Effect.provideService(CircuitStore.CircuitStore, recording)
    )
    const call = (isFailing: boolean) =>
      Effect.ignore(breaker.protect(isFailing ? Effect.fail("down") : Effect.void))
    for (let second = 1; second <= windowSeconds; second++) {
      for (let i = 0; i < 40; i++) yield* call(i === 0 || (second === windowSeconds && i > 36))
      if (second < windowSeconds) yield* TestClock.adjust("1 second")
    }
    const counted = contribution
    yield* breaker.trip()
    return { contribution: counted, state }
  }).pipe(
    Effect.scoped,
    Effect.provide(TestContext.TestContext),
    Logger.withMinimumLogLevel(LogLevel.None),
    Effect.runPromise
  )

const openStore = async (port: number): Promise<Store> => {
  const scope = await Effect.runPromise(Scope.make())
  const context = await Effect.runPromise(
    Layer.buildWithScope(RedisCircuitStore.layer({ port, deadline: "1 minute" }), scope)
  )
  return Context.get(context, CircuitStore.CircuitStore)
}

const requestFor = (key: string, node: string, contribution: string | undefined): ExchangeRequest => ({
  circuit: { breaker: "payments", key },
  node,
  contribution,
  announce: false,
  keepMillis: 3_600_000
})

const nodeIds = Array.from({ length: 1_000 }, () => globalThis.crypto.randomUUID())

/** One exchange of a circuit to which so many processes contribute, and the memory that the circuit takes. */
export interface Exchange extends Work {
  readonly memory: number
}

/** Measures an exchange by how many processes contribute: what they count under a policy, or nothing while it is open. */
export const measureExchanges = async (
  redis: Redis,
  port: number,
  policy: TripPolicy.TripPolicy | undefined
) => {
  const stores = await Promise.all(Array.from({ length: 20 }, () => openStore(port)))
  const contribution = policy === undefined ? "[]" : (await recordTexts(policy)).contribution
  return async (nodes: number): Promise<Exchange> => {
    const key = `${policy?._tag}-${nodes}`
    const exchange = (store: Store, i: number) =>
      Effect.runPromise(store.exchange([requestFor(key, nodeIds[i % nodes]!, contribution)]))
    for (let i = 0; i < nodes; i++) await exchange(stores[0]!, i)
    const rounds = Math.max(3, Math.round(4_000 / (nodes + 30)))
    const work = await workOfOne(redis, () =>
      Promise.all(
        stores.map(async (store, i) => {
          for (let round = 0; round < rounds; round++) await exchange(store, i)
        })
      )
    )
    const memory = await redis.memory("USAGE", `circuit:v1:{payments:${key}}`, "SAMPLES", 0)
    return { ...work, memory: memory ?? 0 }
  }
}

/** One read of a circuit of which nothing is kept, as before the first call on a circuit. */
export const measureRead = async (redis: Redis, port: number): Promise<Work> => {
  const store = await openStore(port)
  return workOfOne(redis, async () => {
    for (let i = 0; i < 2_000; i++) {
      await Effect.runPromise(store.exchange([requestFor(`unknown-${i}`, "", undefined)]))
    }
  })
}

/** Connections that have subscribed to the breaker's channel, and to so many more. */
const subscribe = async (port: number, connections: number, channels = 0): Promise<Array<Socket>> =>
  Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = connect(port, "127.0.0.1")
      const names = ["payments", ...Array.from({ length: channels }, (_, i) => `breaker-${i}`)]
      socket.write(`SUBSCRIBE ${names.map((name) => `circuit:v1:0:${name}`).join(" ")}\r\n`)
      let answer = ""
      while (answer.split("subscribe").length <= names.length) {
        const [chunk] = await once(socket, "data")
        answer += String(chunk)
      }
      return socket.resume()
    })
  )

const close = (sockets: ReadonlyArray<Socket>) =>
  Promise.all(sockets.map((socket) => once(socket.destroy(), "close")))

/** One compare-and-set of a circuit to which one process contributes, published to so many subscribers. */
export const measureChanges = async (redis: Redis, port: number) => {
  const store = await openStore(port)
  const { state } = await recordTexts(streak)
  return async (subscribers: number): Promise<Work> => {
    const sockets = await subscribe(port, subscribers)
    let made = 0
    const change = () =>
      Effect.runPromise(
        store.compareAndSet({
          circuit: { breaker: "payments", key: `changes-${subscribers}` },
          expected: made === 0 ? "" : `${nodeIds[0]}-${made}`,
          revision: `${nodeIds[0]}-${++made}`,
          state,
          keepMillis: 3_600_000
        })
      )
    const rounds = Math.ceil(3_000 / (subscribers + 30))
    const work = await workOfOne(redis, async () => {
      for (let i = 0; i < rounds; i++) await change()
      await sleep(50)
    })
    await close(sockets)
    return work
  }
}

/** The memory of an idle connection that has subscribed to one breaker's channel, and of each further subscription. */
export const measureConnections = async (redis: Redis, port: number) => {
  const usedMemory = async () => {
    // Redis frees the buffers of a connection after some seconds of silence.
    await sleep(8_000)
    return Number(/used_memory:(\d+)/.exec(await redis.info("memory"))?.[1] ?? 0)
  }
  const none = await usedMemory()
  const sockets = await subscribe(port, 500)
  const one = await usedMemory()
  await close(sockets)
  const more = await subscribe(port, 500, 20)
  const twentyOne = await usedMemory()
  await close(more)
  return { connection: (one - none) / 500, subscription: (twentyOne - one) / 500 / 20 }
}
