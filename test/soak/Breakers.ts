/** The breakers of a process, on two stores: one with connections of its own, and one on clients of the program's own. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { CircuitBreaker, CircuitMetrics, CircuitStore, TripPolicy } from "effect-circuit-breaker"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import { Redis } from "ioredis"
import type { Address } from "../redis/RedisServer.ts"
import type { Totals } from "./account.ts"
import type { BreakerName } from "./workload.ts"

export const prefix = "soak:"

export const syncMillis = 300
export const deadlineMillis = 250

/** The most circuits that the breaker with passing keys holds: far fewer than it is asked for. */
export const passingCapacity = 100

const store: RedisCircuitStore.Options = { prefix, syncInterval: syncMillis, deadline: deadlineMillis }

// Data in Redis is kept for the idle time, three openings and the time of a probe, so all of these are short.
const idleTimeToLive = "10 seconds"
const halfOpen = { probes: 2, probeTimeout: 2_000 }
const openDuration = Schedule.exponential("200 millis").pipe(Schedule.union(Schedule.spaced("1 second")))

const options: Readonly<Record<BreakerName, CircuitBreaker.Options>> = {
  steady: {
    tripPolicy: TripPolicy.anyOf(
      TripPolicy.failureRate({ threshold: 0.5, within: "2 seconds", minimumCalls: 10 }),
      TripPolicy.consecutive(8)
    ),
    openDuration,
    halfOpen,
    idleTimeToLive
  },
  passing: {
    tripPolicy: TripPolicy.failureCount({ failures: 3, within: "5 seconds" }),
    openDuration: "500 millis",
    halfOpen,
    capacity: passingCapacity,
    idleTimeToLive: "1 second"
  },
  visiting: {
    tripPolicy: TripPolicy.failureRate({ threshold: 0.5, calls: 20 }),
    openDuration: "300 millis",
    halfOpen,
    recovery: { duration: "1 second" },
    idleTimeToLive
  }
}

const breakersOn = (
  store: CircuitStore.CircuitStore["Type"],
  name: BreakerName
): Effect.Effect<CircuitBreaker.CircuitBreaker, never, Scope.Scope> =>
  Effect.provideService(CircuitBreaker.make({ name, ...options[name] }), CircuitStore.CircuitStore, store)

/** The breakers that live as long as the process. */
export const make = (address: Address) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(RedisCircuitStore.layer({ ...address, ...store }))
    const shared = Context.get(context, CircuitStore.CircuitStore)
    return { steady: yield* breakersOn(shared, "steady"), passing: yield* breakersOn(shared, "passing") }
  })

/** Clients of the program's own, as a program would make them. */
export const connect = (
  address: Address
): Effect.Effect<{ readonly client: Redis; readonly subscriber: Redis }, never, Scope.Scope> => {
  const open = (options: object) =>
    Effect.acquireRelease(
      Effect.sync(() =>
        new Redis({ ...address, retryStrategy: () => 100, ...options }).on("error", () => undefined)
      ),
      (client) => Effect.sync(() => client.disconnect())
    )
  return Effect.all({
    client: open({ enableOfflineQueue: false, maxRetriesPerRequest: 0 }),
    subscriber: open({ maxRetriesPerRequest: null })
  })
}

/** A breaker on clients of the program's own, which is closed with its scope. The clients stay open. */
export const visit = (clients: {
  readonly client: Redis
  readonly subscriber: Redis
}): Effect.Effect<CircuitBreaker.CircuitBreaker, never, Scope.Scope> =>
  Effect.flatMap(Layer.build(RedisCircuitStore.layerFromClient(clients, store)), (context) =>
    breakersOn(Context.get(context, CircuitStore.CircuitStore), "visiting")
  )

/** The calls of a breaker that the metrics count: those of circuits that were dropped are among them. */
export const meteredTotals = (breaker: BreakerName): Effect.Effect<Totals> => {
  const count = (outcome: CircuitMetrics.CallOutcome) =>
    Effect.map(Metric.value(CircuitMetrics.calls({ breaker, outcome })), ({ count }) => count)
  return Effect.all({
    succeeded: count("success"),
    failed: count("failure"),
    ignored: count("ignored"),
    rejected: count("rejected")
  })
}

/** The number of Closed circuits that a breaker holds: if it is small, one is dropped while its calls still run. */
export const closedCircuits = (breaker: BreakerName): number =>
  Effect.runSync(Metric.value(CircuitMetrics.state({ breaker, state: "Closed" }))).value
