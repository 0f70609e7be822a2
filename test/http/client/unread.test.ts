/** Ten thousand responses, bodies and requests that are open at once. Costs are counted, not timed. */
import { assert, it } from "@effect/vitest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { Outcome, TripPolicy } from "effect-circuit-breaker"
import { test } from "../../kit/test.ts"
import { inLongRun } from "../../kit/runLength.ts"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as HashSet from "effect/HashSet"
import * as Logger from "effect/Logger"
import { UnsettledCalls } from "../../../src/internal/breaker/unsettledCalls.ts"
import { make, ManualClock, settled, tagOf } from "../../kit/index.ts"
import {
  backend,
  breakingOff,
  counted,
  makeBody,
  nextTurn,
  notRead,
  origin,
  respond,
  streaming,
  url
} from "./fixtures.ts"

/** The number of responses in one turn of the event loop. */
const several = inLongRun(10_000, 2_000)
/** The number in tests that do not depend on it. */
const some = 1_000

/** Runs an effect this number of times at once, in one turn of the event loop. */
const atOnce = <A, E, R>(count: number, f: (index: number) => Effect.Effect<A, E, R>) =>
  Effect.forEach(Array.from({ length: count }), (_, index) => f(index), { concurrency: "unbounded" })

/** A policy that never trips, and counts how often an outcome is recorded in a window. */
const counting = () => {
  const work = { records: 0 }
  const tripPolicy = TripPolicy.make<number>({
    initial: 0,
    record: (calls) => {
      work.records++
      return calls + 1
    },
    trips: () => false
  })
  return { work, tripPolicy }
}

test(`E1 ${several} responses whose bodies nobody reads, in one turn, are all counted`, function* () {
  const { tripPolicy, work } = counting()
  const breaker = yield* make({ tripPolicy })
  let verdicts = 0
  const client = CircuitHttpClient.protect(streaming("rates").client, {
    breaker,
    statusOutcome: () => {
      verdicts++
      return Outcome.success
    }
  })

  yield* atOnce(several, () => client.get(url))
  yield* counted(breaker, { succeeded: several })
  yield* nextTurn

  yield* counted(breaker, { succeeded: several })
  assert.strictEqual(verdicts, several)
  // Once for the reader, before they were settled, and once when they were settled.
  assert.strictEqual(work.records, 2 * several)
})

test("E1 a good call in the same turn ends as usual", function* () {
  const breaker = yield* make()
  const client = CircuitHttpClient.protect(streaming("rates").client, { breaker })
  const good = Effect.flatMap(client.get(url), ({ text }) => text)

  const [text] = yield* Effect.all([good, atOnce(some, () => client.get(url))], {
    concurrency: "unbounded"
  })
  yield* nextTurn

  assert.strictEqual(text, "rates")
  yield* counted(breaker, { succeeded: some + 1 })
})

test("E1 unread responses are settled before the next outcome of their circuit", function* () {
  const { tripPolicy, work } = counting()
  const breaker = yield* make({ tripPolicy })
  const { client } = backend((to, nth) =>
    Effect.succeed(respond(nth > some ? 503 : 200, { body: "rates", to }))
  )
  const guarded = CircuitHttpClient.protect(client, { breaker })
  yield* atOnce(some, () => guarded.get(url))
  assert.strictEqual(work.records, 0)

  yield* guarded.get(url)

  assert.strictEqual(work.records, some + 1)
  yield* counted(breaker, { succeeded: some, failed: 1 })
})

test("E1 a read of the circuit after each of them counts those so far", function* () {
  const { tripPolicy, work } = counting()
  const breaker = yield* make({ tripPolicy })
  const client = CircuitHttpClient.protect(streaming("rates").client, { breaker })

  const seen = yield* atOnce(some, () =>
    Effect.zipRight(
      client.get(url),
      Effect.all([breaker.snapshot(origin), breaker.state(origin), breaker.circuits])
    )
  )
  yield* nextTurn

  assert.deepStrictEqual(
    seen.map(([{ totals }]) => totals.succeeded),
    Array.from({ length: some }, (_, index) => index + 1)
  )
  yield* counted(breaker, { succeeded: some })
  assert.strictEqual(work.records, 2 * some)
})

test("E1 a read of a disabled circuit after each of them counts those so far", function* () {
  const breaker = yield* make()
  yield* breaker.disable(origin)
  const client = CircuitHttpClient.protect(streaming("rates").client, { breaker })
  let visits = 0
  const { prototype } = UnsettledCalls
  const { add } = prototype
  // Counts how often a read visits one of the calls.
  prototype.add = function (unsettled) {
    add.call(this, {
      get call() {
        visits++
        return unsettled.call
      },
      settle: () => unsettled.settle()
    })
  }
  yield* Effect.addFinalizer(() => Effect.sync(() => (prototype.add = add)))

  const seen = yield* atOnce(some, () => Effect.zipRight(client.get(url), breaker.snapshot(origin)))

  assert.deepStrictEqual(
    seen.map(({ totals }) => totals.succeeded),
    Array.from({ length: some }, (_, index) => index + 1)
  )
  // Twice when it was added, and not by the reads.
  assert.strictEqual(visits, 2 * some)
})

test("E1 a read counts unread responses into a window of calls", function* () {
  const breaker = yield* make({ tripPolicy: TripPolicy.failureRate({ threshold: 1, calls: 3 }) })
  const { client } = backend((to, nth) =>
    Effect.succeed(respond(nth === 1 ? 503 : 200, { body: "rates", to }))
  )
  const guarded = CircuitHttpClient.protect(client, { breaker })
  const windows = yield* Effect.replicateEffect(
    Effect.zipRight(
      guarded.get(url),
      Effect.map(breaker.snapshot(origin), ({ window }) => window)
    ),
    4
  )
  assert.deepStrictEqual(
    windows.map(({ calls, failures }) => [calls, failures]),
    [
      [1, 1],
      [2, 1],
      [3, 1],
      [3, 0]
    ]
  )
})

test("E1 unread responses, each on a circuit of its own, are all counted", function* () {
  const { tripPolicy, work } = counting()
  const breaker = yield* make({ tripPolicy })
  const client = CircuitHttpClient.protect(streaming("rates").client, { breaker })

  yield* atOnce(some, (index) => client.get(`https://tenant-${index}.example/`))
  yield* nextTurn

  assert.strictEqual(work.records, some)
  yield* counted(breaker, { succeeded: 1 }, "https://tenant-0.example")
  yield* counted(breaker, { succeeded: 1 }, `https://tenant-${some - 1}.example`)
})

test("E1 a policy and a logger that throw while unread responses are settled do no harm, and are reported once", function* () {
  let records = 0
  const breaker = yield* make({
    tripPolicy: TripPolicy.make<number>({
      initial: 0,
      record: (calls) => {
        if (++records % 2 === 0) throw new Error("a policy that throws")
        return calls + 1
      },
      trips: () => false
    })
  })
  const client = CircuitHttpClient.protect(streaming("rates").client, { breaker })
  let lines = 0
  const throwing = Logger.make(() => {
    lines++
    throw new Error("a logger that throws")
  })

  yield* Effect.zipRight(
    atOnce(some, () => client.get(url)),
    nextTurn
  ).pipe(Effect.locally(FiberRef.currentLoggers, HashSet.make(throwing)))

  yield* counted(breaker, { succeeded: some })
  assert.deepStrictEqual([records, lines], [some, 1])
})

/** A clock that throws once it is broken. */
class BreakingClock extends ManualClock {
  isBroken = false

  override unsafeCurrentTimeNanos(): bigint {
    if (this.isBroken) throw new Error("a clock that throws")
    return super.unsafeCurrentTimeNanos()
  }
}

it.scoped("E1 the timer continues with the other responses if settling one of them throws", () =>
  Effect.gen(function* () {
    const clock = new BreakingClock()
    const breaker = yield* make({
      tripPolicy: TripPolicy.failureRate({ threshold: 1, within: "1 minute" })
    })
    const client = CircuitHttpClient.protect(streaming("rates").client, { breaker })
    const otherBreaker = yield* make()
    const other = CircuitHttpClient.protect(streaming("rates").client, { breaker: otherBreaker })
    const breaking = client
      .get(url)
      .pipe(
        Effect.zipRight(Effect.sync(() => (clock.isBroken = true))),
        Effect.zipRight(nextTurn),
        Effect.withClock(clock)
      )

    yield* Effect.all([breaking, Effect.replicateEffect(client.get(url), 3), other.get(url)], {
      concurrency: "unbounded"
    })
    yield* Effect.zipRight(client.get(url), nextTurn)

    yield* counted(breaker, { succeeded: 4 })
    yield* counted(otherBreaker, { succeeded: 1 })
  }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger)))
)

test(`E1 ${several} bodies that are read at once are all counted, each at its end`, function* () {
  const { tripPolicy, work } = counting()
  const breaker = yield* make({ tripPolicy })
  const gate = yield* Deferred.make<void>()
  const { client } = backend((to, nth) => {
    const end = nth % 2 === 0 ? Effect.succeed("rates") : Effect.fail(notRead("Decode", 200))
    const text = { value: Effect.zipRight(Deferred.await(gate), end) }
    const response: HttpClientResponse.HttpClientResponse = Object.create(respond(200, { to }), { text })
    return Effect.succeed(response)
  })
  const guarded = CircuitHttpClient.protect(client, { breaker })
  const fiber = yield* Effect.fork(
    atOnce(several, () => Effect.exit(Effect.flatMap(guarded.get(url), ({ text }) => text)))
  )
  yield* nextTurn
  yield* counted(breaker, {})

  yield* Deferred.succeed(gate, undefined)
  yield* Fiber.join(fiber)

  yield* counted(breaker, { succeeded: several / 2, failed: several / 2 })
  assert.strictEqual(work.records, several)
})

test("E1 reading one of many unread responses leaves the others to be counted", function* () {
  const { tripPolicy, work } = counting()
  const breaker = yield* make({ tripPolicy })
  const body = yield* makeBody
  const { client } = backend((to, nth) =>
    Effect.succeed(respond(200, { body: nth === some ? body.stream : "rates", to }))
  )
  const guarded = CircuitHttpClient.protect(client, { breaker })
  const responses = yield* atOnce(some, () => guarded.get(url))
  const last = responses.at(-1)!

  yield* breakingOff(body, last.text)

  yield* counted(breaker, { succeeded: some - 1, failed: 1 })
  assert.strictEqual(work.records, some)
})

test(`E1 ${several} requests in flight are all counted, and the same number of failures makes one transition`, function* () {
  const breaker = yield* make({ tripPolicy: TripPolicy.consecutive(several) })
  const gate = yield* Deferred.make<void>()
  const { client, sent } = backend((to) => Effect.as(Deferred.await(gate), respond(503, { to })))
  const guarded = CircuitHttpClient.protect(client, { breaker })
  const fiber = yield* Effect.fork(atOnce(several, () => guarded.get(url)))
  yield* settled
  assert.strictEqual(sent.length, several)

  yield* Deferred.succeed(gate, undefined)
  yield* Fiber.join(fiber)

  yield* counted(breaker, { failed: several })
  assert.strictEqual(yield* tagOf(breaker, origin), "Open")
})
