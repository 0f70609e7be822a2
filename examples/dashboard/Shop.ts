/**
 * A shop with several dependencies, of which some are in trouble. Its calls end after some time, as those of a network
 * do, but leave this process for nowhere.
 */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"

class ConnectionRefused extends Data.TaggedError("ConnectionRefused")<{ readonly message: string }> {}

interface Dependency {
  readonly key: string
  /** The calls a second, on average. */
  readonly calls: number
  readonly takes: Duration.DurationInput
  /** The share of calls that fail, by the seconds since the beginning. */
  readonly failing: (seconds: number) => number
  readonly error: string
}

/** Fails for the second half of each period, with the given share. */
const nowAndThen = (period: number, share: number) => (seconds: number) =>
  seconds % period > period / 2 ? share : 0.01

const healthy = () => 0.01

const payments: ReadonlyArray<Dependency> = [
  {
    key: "eu",
    calls: 14,
    takes: "40 millis",
    failing: (seconds) => (seconds > 8 ? 1 : 0.02),
    error: "connect ECONNREFUSED payments-eu:443"
  },
  { key: "us", calls: 18, takes: "60 millis", failing: () => 0.33, error: "payments-us answered 502" },
  { key: "asia", calls: 6, takes: "90 millis", failing: healthy, error: "payments-asia answered 500" }
]

const search: ReadonlyArray<Dependency> = Array.from({ length: 8 }, (_, shard) => ({
  key: `shard-${shard}`,
  calls: 3 + (shard % 3) * 2,
  takes: "15 millis",
  failing: shard === 5 ? nowAndThen(50, 0.9) : healthy,
  error: "search: no healthy upstream"
}))

const mail: ReadonlyArray<Dependency> = ["transactional", "newsletter"].map((key) => ({
  key,
  calls: 2,
  takes: "120 millis",
  failing: healthy,
  error: "450 mailbox busy"
}))

/** One call each `1 / calls` seconds, whatever has become of those before. */
const callsOf = (
  breaker: CircuitBreaker.CircuitBreaker,
  { calls, error, failing, key, takes }: Dependency,
  startedAt: number
): Effect.Effect<never> => {
  let n = 0
  const call = Effect.gen(function* () {
    const seconds = ((yield* Clock.currentTimeMillis) - startedAt) / 1_000
    // Spread evenly rather than drawn, so that the shop looks the same in each run.
    const isFailure = (n++ * 0.618) % 1 < failing(seconds)
    yield* Effect.sleep(takes)
    if (isFailure) yield* new ConnectionRefused({ message: error })
  })
  return breaker
    .protectWith(call, { key })
    .pipe(
      Effect.ignore,
      Effect.forkScoped,
      Effect.schedule(Schedule.spaced(1_000 / calls)),
      Effect.scoped,
      Effect.zipRight(Effect.never)
    )
}

/** Makes the breakers, and calls through them until it is interrupted. */
export const traffic: Effect.Effect<never, never, Scope.Scope> = Effect.gen(function* () {
  const openDuration = Schedule.exponential("8 seconds").pipe(Schedule.union(Schedule.spaced("30 seconds")))
  const tripPolicy = TripPolicy.failureRate({ threshold: 0.5, within: "20 seconds", minimumCalls: 20 })
  const [Payments, Search, Mail] = yield* Effect.all([
    CircuitBreaker.make({ name: "Payments", tripPolicy, openDuration }),
    CircuitBreaker.make({
      name: "Search",
      tripPolicy: TripPolicy.failureRate({ threshold: 0.4, calls: 20 }),
      openDuration: "5 seconds",
      recovery: { duration: "10 seconds" }
    }),
    CircuitBreaker.make({ name: "Mail", tripPolicy: TripPolicy.consecutive(5) })
  ])
  const startedAt = yield* Clock.currentTimeMillis
  const all = [
    ...payments.map((it) => callsOf(Payments, it, startedAt)),
    ...search.map((it) => callsOf(Search, it, startedAt)),
    ...mail.map((it) => callsOf(Mail, it, startedAt))
  ]
  return yield* Effect.zipRight(Effect.all(all, { concurrency: "unbounded", discard: true }), Effect.never)
})
