import { TripPolicy } from "effect-circuit-breaker"
import { CircuitStore, type ExchangeRequest, type Store } from "effect-circuit-breaker/CircuitStore"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Redis } from "ioredis"
import { once } from "node:events"
import { connect, type Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import * as Machine from "../../../src/internal/core/circuit.ts"
import type { Call } from "../../../src/internal/core/policies/policy.ts"
import * as SharedCircuit from "../../../src/internal/fleet/sharedCircuit.ts"
import { decode } from "../../../src/internal/circuitBreaker/options.ts"
import { decodePolicy } from "../../../src/internal/options/tripPolicy.ts"
import { acquire } from "../effect3.ts"
import { portOf } from "../fleet/redis.ts"
import { medianOf, times, type Work, workOf } from "./meter.ts"

/** The usual window: ten slices of a second. */
export const windowSeconds = 60
export const rate = TripPolicy.failureRate({ threshold: 0.9, within: windowSeconds * 1_000 })
export const streak = TripPolicy.consecutive(5)

const openStore = (port: number) =>
  acquire(
    Effect.map(
      Layer.build(RedisCircuitStore.layer({ port, deadline: "1 minute" })),
      Context.get(CircuitStore)
    )
  )

/** What a node under load contributes: forty calls a second, one in forty fails. */
export const contributionTo = (policy: TripPolicy.TripPolicy): string => {
  const shared = decodePolicy("scale", policy).share()
  if (shared === undefined) throw new Error("not a policy that can be shared")
  let window = shared.initial
  for (let i = 0; i < 400; i++) {
    const outcome: Call["outcome"] = { _tag: i % 40 === 0 || i > 396 ? "Failure" : "Success" }
    window = shared.record(window, { outcome, interrupted: false, at: i * 25, elapsedMillis: 1 })
  }
  return JSON.stringify([-1234567890, 3, "Closed", shared.contribution(window, 9_999, Date.now() + 0.123)])
}

/** An open circuit, as the store keeps it. */
const openState = (): string => {
  const { rules } = decode({ tripPolicy: streak })
  const initial = SharedCircuit.initial(rules)
  const circuit = Machine.open(initial.circuit, 0, { openings: 1, openMillis: 30_000, openedAt: Date.now() })
  const { failuresToReopen, policy, probes, recovery } = rules
  const name = JSON.stringify([policy.data, probes, failuresToReopen, recovery])
  return SharedCircuit.encode({ ...initial, circuit }, name)
}

const requestFor = (key: string, node: string, contribution: string | undefined): ExchangeRequest => ({
  circuit: { breaker: "payments", key },
  node,
  contribution,
  announce: false,
  keepMillis: 3_600_000
})

const nodeIds = Array.from({ length: 1_000 }, () => globalThis.crypto.randomUUID())

/** What each of the commands costs that are sent meanwhile. */
const workOfOne = async (redis: Redis, action: () => Promise<unknown>): Promise<Work> => {
  const works: Array<Work> = []
  for (let i = 0; i < 3; i++) {
    const work = await workOf(redis, action)
    works.push(times(work, 1 / work.commands))
  }
  return medianOf(works)
}

/** One exchange of a circuit to which `nodes` contribute, made by one of them, and the memory that the circuit takes. */
export const measureExchanges = async (redis: Redis, policy: TripPolicy.TripPolicy | undefined) => {
  const stores = await Promise.all(Array.from({ length: 20 }, () => openStore(portOf(redis))))
  const contribution = policy === undefined ? "[]" : contributionTo(policy)
  return async (nodes: number): Promise<Work & { readonly memory: number }> => {
    const exchange = (store: Store, i: number) =>
      Effect.runPromise(
        store.exchange([requestFor(`${policy?._tag}-${nodes}`, nodeIds[i % nodes]!, contribution)])
      )
    for (let i = 0; i < nodes; i++) await exchange(stores[0]!, i)
    const rounds = Math.max(3, Math.round(4_000 / (nodes + 30)))
    const work = await workOfOne(redis, () =>
      Promise.all(
        stores.map(async (store, i) => {
          for (let round = 0; round < rounds; round++) await exchange(store, i)
        })
      )
    )
    const memory = await redis.memory("USAGE", `circuit:{payments:${policy?._tag}-${nodes}}`, "SAMPLES", 0)
    return { ...work, memory: memory ?? 0 }
  }
}

/** One read of a circuit of which nothing is kept, as before the first call on a circuit. */
export const measureReads = async (redis: Redis): Promise<Work> => {
  const store = await openStore(portOf(redis))
  return workOfOne(redis, async () => {
    for (let i = 0; i < 2_000; i++) {
      await Effect.runPromise(store.exchange([requestFor(`unknown-${i}`, "", undefined)]))
    }
  })
}

/** Connections that have subscribed to the breaker's channel, and `channels` more. */
export const subscribe = async (port: number, connections: number, channels = 0): Promise<Array<Socket>> =>
  Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = connect(port, "127.0.0.1")
      const names = ["payments", ...Array.from({ length: channels }, (_, i) => `breaker-${i}`)]
      socket.write(`SUBSCRIBE ${names.map((it) => `circuit:0:${it}`).join(" ")}\r\n`)
      let lines = ""
      while (lines.split("subscribe").length <= names.length) {
        const [chunk] = await once(socket, "data")
        lines += String(chunk)
      }
      return socket.resume()
    })
  )

export const close = (sockets: ReadonlyArray<Socket>) =>
  Promise.all(sockets.map((socket) => once(socket.destroy(), "close")))

/** One compare-and-set of a circuit to which one node contributes, told to that many. */
export const measureChanges = async (redis: Redis, subscribers: number): Promise<Work> => {
  const store = await openStore(portOf(redis))
  const sockets = await subscribe(portOf(redis), subscribers)
  const state = openState()
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

const usedMemory = async (redis: Redis) =>
  Number(/used_memory:(\d+)/.exec(await redis.info("memory"))?.[1] ?? 0)

/** The memory of a connection that listens to one breaker and is idle, and of each further breaker. */
export const measureConnections = async (redis: Redis) => {
  const settled = async () => {
    // Redis frees the buffers of a connection after some seconds of silence.
    await sleep(8_000)
    return usedMemory(redis)
  }
  const nothing = await settled()
  const sockets = await subscribe(portOf(redis), 500)
  const one = await settled()
  await close(sockets)
  const more = await subscribe(portOf(redis), 500, 20)
  const twentyOne = await settled()
  await close(more)
  return { connection: (one - nothing) / 500, subscription: (twentyOne - one) / 500 / 20 }
}
