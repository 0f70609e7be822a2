/**
 * The cost for Redis of an exchange, a read, a change of state and a connection.
 */
import { CircuitBreaker, CircuitStore, TripPolicy } from "effect-circuit-breaker"
import type { ExchangeRequest, Report, Store, WindowRequest } from "effect-circuit-breaker/CircuitStore"
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
const streak = TripPolicy.consecutive(5)

/** The state that a process writes when a circuit opens. */
const recordState = (tripPolicy: TripPolicy.TripPolicy) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(Date.now())
    const memory = yield* CircuitStore.makeMemory({ sync: "write-through" })
    let state = ""
    const recording: Store = {
      ...memory,
      // Times have fractions, as those of a real clock have.
      exchange: (requests) =>
        Effect.map(memory.exchange(requests), (entries) =>
          entries.map((entry) => ("_tag" in entry ? entry : { ...entry, now: entry.now + 0.125 }))
        ),
      compareAndSet: (request) => {
        state = request.state
        return memory.compareAndSet(request)
      }
    }
    const breaker = yield* CircuitBreaker.make({ name: "payments", tripPolicy }).pipe(
      Effect.provideService(CircuitStore.CircuitStore, recording)
    )
    yield* breaker.protect(Effect.void)
    yield* breaker.trip()
    return state
  }).pipe(
    Effect.scoped,
    Effect.provide(TestContext.TestContext),
    Logger.withMinimumLogLevel(LogLevel.None),
    Effect.runPromise
  )

/** Reports of a node, by the policy of its rules. They come so fast that the windows are as full as they can be. */
const sections = {
  /** The counts of one of ten slices. */
  rate: (now: number): Section => {
    const unitMillis = (windowSeconds * 1_000) / 10
    const index = Math.floor(now / unitMillis) - Math.floor(Math.random() * 10)
    return { ...all, unitMillis, span: 10, rows: [[index, 40, 3, 1]] }
  },
  /** One failure, of which the latest five count. */
  streak: (now: number): Section => ({ ...all, enough: 5, rows: [[now - Math.random() * 100, 1, 1, 0]] }),
  /** Some of the last hundred calls. */
  calls: (now: number): Section => ({
    ...all,
    enough: 100,
    freshMillis: 1_000,
    parts: 10,
    rows: [[now - Math.random() * 1_000, 5, 1, 0]]
  })
}

type Section = Report["sections"][number]

const all = { unitMillis: 1, span: Infinity, enough: Infinity, freshMillis: 0, parts: Infinity, floor: 0 }

const openStore = async (port: number): Promise<Store> => {
  const scope = await Effect.runPromise(Scope.make())
  const context = await Effect.runPromise(
    Layer.buildWithScope(RedisCircuitStore.layer({ port, deadline: "1 minute" }), scope)
  )
  return Context.get(context, CircuitStore.CircuitStore)
}

const requestFor = (key: string, node: string, window?: WindowRequest): ExchangeRequest => ({
  circuit: { breaker: "payments", key },
  node,
  revision: "",
  window,
  announce: false,
  renew: false,
  keepMillis: 3_600_000
})

const nodeIds = Array.from({ length: 1_000 }, () => globalThis.crypto.randomUUID())

/** One exchange of a circuit to which so many processes report, and the memory that the circuit takes. */
export interface Exchange extends Work {
  readonly memory: number
}

/** Measures an exchange by how many processes report: what they count under a policy, or nothing while it is open. */
export const measureExchanges = async (
  redis: Redis,
  port: number,
  policy: keyof typeof sections | undefined
) => {
  const stores = await Promise.all(Array.from({ length: 20 }, () => openStore(port)))
  return async (nodes: number): Promise<Exchange> => {
    const key = `${policy}-${nodes}`
    const reported = new Map<string, number>()
    const windowFor = (node: string): WindowRequest => {
      if (policy === undefined) return { name: "rules", epoch: 1, report: undefined }
      const base = reported.get(node) ?? 0
      reported.set(node, base + 1)
      const report = {
        number: base + 1,
        base,
        sections: [sections[policy](Date.now())],
        failing: true,
        listed: 0
      }
      return { name: "rules", epoch: 1, report }
    }
    const exchange = (i: number) => {
      // A node has one connection, on which its reports stay in their order.
      const node = i % nodes
      const request = requestFor(key, nodeIds[node]!, windowFor(nodeIds[node]!))
      return Effect.runPromise(stores[node % stores.length]!.exchange([request]))
    }
    for (let i = 0; i < 2 * nodes; i++) await exchange(i)
    const connections = Math.min(nodes, stores.length)
    const work = await workOfOne(redis, () =>
      Promise.all(
        Array.from({ length: connections }, async (_, first) => {
          for (let i = first; i < 4_000; i += connections) await exchange(i)
        })
      )
    )
    const memory = await redis.memory("USAGE", `circuit:v2:{payments:${key}}`, "SAMPLES", 0)
    return { ...work, memory: memory ?? 0 }
  }
}

/** A command that reads so many circuits of which nothing is kept, as before their first calls. */
export const measureRead = async (redis: Redis, port: number, together: number): Promise<Work> => {
  const store = await openStore(port)
  const requests = Array.from({ length: together }, (_, i) => requestFor(`unknown-${i}`, ""))
  return workOfOne(redis, async () => {
    for (let i = 0; i < 2_000; i++) await Effect.runPromise(store.exchange(requests))
  })
}

/** Connections that have subscribed to the breaker's channel, and to so many more. */
const subscribe = async (port: number, connections: number, channels = 0): Promise<Array<Socket>> =>
  Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = connect(port, "127.0.0.1")
      const names = ["payments", ...Array.from({ length: channels }, (_, i) => `breaker-${i}`)]
      socket.write(`SUBSCRIBE ${names.map((name) => `circuit:v2:0:${name}`).join(" ")}\r\n`)
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

/** One compare-and-set of a circuit without a window, published to so many subscribers. */
export const measureChanges = async (redis: Redis, port: number) => {
  const store = await openStore(port)
  const state = await recordState(streak)
  return async (subscribers: number): Promise<Work> => {
    const sockets = await subscribe(port, subscribers)
    let made = 0
    const change = () =>
      Effect.runPromise(
        store.compareAndSet({
          circuit: { breaker: "payments", key: `changes-${subscribers}` },
          node: nodeIds[0]!,
          renew: false,
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
