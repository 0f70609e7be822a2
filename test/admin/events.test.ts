/** The stream of events, on real sockets. The clock is that of the test. */
import { assert, describe } from "@effect/vitest"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { type CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import * as CircuitAdmin from "effect-circuit-breaker/CircuitAdmin"
import * as Schemas from "../../src/internal/admin/schemas.ts"
import { makeAdministration } from "../../src/internal/admin/administration.ts"
import { decode } from "../../src/internal/admin/options.ts"
import { Streams } from "../../src/internal/admin/streams.ts"
import { fails, make, works } from "../kit/index.ts"
import { bodyOf, type Refusal, type Server, serve, test, why, withToken } from "./fixtures.ts"
import { connectSilently, listen } from "./listening.ts"

type Summary = typeof Schemas.SummaryEvent.Type
type Transition = typeof Schemas.Transition.Type

describe("the stream of events", () => {
  test("12.1 begins with a summary, and has the header of a stream", function* () {
    yield* Effect.exit((yield* make({ name: "payments" })).protectWith(fails, { key: "eu" }))
    const server = yield* serve()

    const listener = yield* listen(server)
    const first = yield* listener.next

    assert.strictEqual(listener.response.headers["content-type"], "text/event-stream")
    assert.strictEqual(first.event, "summary")
    const { breakers, circuits, omitted, overrides } = Schema.decodeUnknownSync(Schemas.SummaryEvent)(
      first.data
    )
    assert.deepStrictEqual(
      breakers.map(({ name, states }) => [name, states.Open]),
      [["payments", 1]]
    )
    assert.deepStrictEqual(
      circuits.map(({ key, state }) => [key, state._tag]),
      [["eu", "Open"]]
    )
    assert.deepStrictEqual([omitted, overrides], [0, 0])
    assert.match(listener.text(), /^retry: 2000\n\n/)
  })

  test("12.1 each transition is an event, when it happens", function* () {
    const breaker = yield* make({ name: "payments" })
    const server = yield* serve()
    const listener = yield* listen(server)

    yield* Effect.exit(breaker.protectWith(fails, { key: "eu" }))
    const opened = yield* listener.nextOf<Transition>("transition")
    yield* TestClock.adjust("250 millis")
    yield* breaker.reset("eu")
    const closed = yield* listener.nextOf<Transition>("transition")

    assert.deepStrictEqual(opened, {
      breaker: "payments",
      key: "eu",
      from: "Closed",
      to: "Open",
      at: 0,
      generation: 1,
      origin: "Local",
      retryAfterMillis: 10_000,
      openings: 1,
      reason: "Tripped"
    })
    assert.deepStrictEqual([closed.from, closed.to, closed.retryAfterMillis], ["Open", "Closed", null])
  })

  test("12.1 transitions of the quarter of a second after another are sent together, in their order", function* () {
    const breaker = yield* make({ name: "payments" })
    const server = yield* serve()
    const listener = yield* listen(server)
    yield* breaker.trip("eu")
    yield* listener.nextOf("transition")
    for (let again = 0; again < 2; again++) {
      yield* breaker.reset("eu")
      yield* breaker.trip("eu")
      // The answer shows that the server has had the time to send an event.
      yield* server.get("/circuits/circuits")
    }
    yield* TestClock.adjust("249 millis")
    yield* server.get("/circuits/circuits")
    const before = listener.text().split("event: transition").length - 1

    yield* TestClock.adjust("1 millis")
    const generations = yield* Effect.replicateEffect(listener.nextOf<Transition>("transition"), 4)

    assert.strictEqual(before, 1)
    assert.deepStrictEqual(
      generations.map(({ generation }) => generation),
      [2, 3, 4, 5]
    )
  })

  test("12.1 transitions that wait come no later than the next summary, and before it", function* () {
    const breaker = yield* make({ name: "payments" })
    const server = yield* serve()
    const listener = yield* listen(server)
    yield* listener.nextOf("summary")
    yield* TestClock.adjust("900 millis")
    yield* breaker.trip("eu")
    yield* listener.nextOf("transition")
    yield* breaker.reset("eu")
    yield* server.get("/circuits/circuits")
    yield* TestClock.adjust("100 millis")

    const [first, second] = [yield* listener.next, yield* listener.next]

    assert.deepStrictEqual([first.event, second.event], ["transition", "summary"])
  })

  test("12.1 a summary comes once a second, with the rates of that second", function* () {
    const breaker = yield* make({ name: "payments" })
    yield* breaker.protectWith(works, { key: "busy" })
    const server = yield* serve()
    const listener = yield* listen(server)
    yield* listener.nextOf("summary")

    yield* Effect.repeatN(breaker.protectWith(works, { key: "busy" }), 3)
    yield* Effect.exit(breaker.protectWith(fails, { key: "new" }))
    yield* Effect.exit(breaker.protectWith(works, { key: "new" }))
    yield* TestClock.adjust("1 second")
    const summary = yield* listener.nextOf<Summary>("summary")
    yield* TestClock.adjust("1 second")
    const next = yield* listener.nextOf<Summary>("summary")

    const rates = (calls: number, failures: number, rejected: number) => ({
      callsPerSecond: calls,
      failuresPerSecond: failures,
      rejectedPerSecond: rejected
    })
    assert.deepStrictEqual(
      summary.circuits.map(({ key, rates }) => [key, rates]),
      [
        ["new", rates(1, 1, 1)],
        ["busy", rates(4, 0, 0)]
      ]
    )
    assert.deepStrictEqual(summary.breakers[0]?.rates, rates(5, 1, 1))
    assert.deepStrictEqual(
      next.circuits.map(({ key, rates }) => [key, rates]),
      [["new", rates(0, 0, 0)]]
    )
  })

  test("12.1 the calls of a circuit that is dropped during a call, and then held again, are counted once", function* () {
    const breaker = yield* make({ name: "payments", capacity: 1, tripPolicy: TripPolicy.consecutive(5) })
    yield* Effect.repeatN(breaker.protectWith(works, { key: "slow" }), 2)
    const server = yield* serve()
    const listener = yield* listen(server)
    yield* listener.nextOf("summary")
    const slow = yield* Effect.fork(
      breaker.protectWith(Effect.zipRight(Effect.sleep("1500 millis"), fails), { key: "slow" })
    )
    yield* Effect.yieldNow()
    yield* breaker.protectWith(works, { key: "other" })
    yield* TestClock.adjust("1 second")
    const during = yield* listener.nextOf<Summary>("summary")

    yield* TestClock.adjust("1 second")
    yield* Effect.exit(Fiber.join(slow))
    const after = yield* listener.nextOf<Summary>("summary")

    const ratesIn = ({ breakers, circuits }: Summary) => [
      breakers[0]?.circuits,
      circuits.map(({ key, rates }) => [key, rates.callsPerSecond])
    ]
    assert.deepStrictEqual(ratesIn(during), [1, [["other", 1]]])
    assert.deepStrictEqual(ratesIn(after), [1, [["slow", 1]]])
  })

  test("12.1 a circuit that has been idle for too long is in no summary, and one used again is", function* () {
    const breaker = yield* make({ name: "payments", idleTimeToLive: "10 seconds" })
    yield* breaker.protectWith(works, { key: "eu" })
    yield* breaker.protect(works)
    const server = yield* serve()
    const listener = yield* listen(server)
    const circuitsNow = Effect.map(
      listener.nextOf<Summary>("summary"),
      ({ breakers }) => breakers[0]?.circuits
    )
    const first = yield* circuitsNow
    const counts: Array<number | undefined> = []
    for (let second = 1; second <= 11; second++) {
      if (second === 11) yield* breaker.protectWith(works, { key: "eu" })
      yield* TestClock.adjust("1 second")
      counts.push(yield* circuitsNow)
    }

    assert.strictEqual(first, 2)
    assert.deepStrictEqual(counts.slice(-3), [2, 1, 2])
  })

  test("12.1 the list has the rates of the latest second while somebody listens, and none otherwise", function* () {
    const breaker = yield* make({ name: "payments" })
    yield* breaker.protectWith(works, { key: "eu" })
    const server = yield* serve()
    const ratesOf = Effect.map(
      server.get("/circuits/circuits"),
      (answer) => bodyOf<typeof Schemas.CircuitPage.Type>(answer).circuits[0]?.rates
    )
    const before = yield* ratesOf
    const listener = yield* listen(server)
    yield* breaker.protectWith(works, { key: "eu" })
    yield* TestClock.adjust("1 second")
    yield* listener.nextOf("summary")
    yield* listener.nextOf("summary")

    const during = yield* ratesOf
    yield* listener.leave
    const after = yield* Effect.repeat(ratesOf, { until: (rates) => rates === null })

    assert.isNull(before)
    assert.deepStrictEqual(during, { callsPerSecond: 1, failuresPerSecond: 0, rejectedPerSecond: 0 })
    assert.isNull(after)
  })

  test("12.1 a summary names at most 100 circuits, the worst first, and says how many it leaves out", function* () {
    const breaker = yield* make({ name: "payments", openDuration: "1 hour" })
    yield* Effect.forEach(Array.from({ length: 150 }).keys(), (i) =>
      Effect.exit(breaker.protectWith(fails, { key: `${i}` }))
    )
    yield* breaker.isolate("isolated")
    const server = yield* serve()

    const listener = yield* listen(server)
    const { circuits, omitted } = yield* listener.nextOf<Summary>("summary")

    assert.strictEqual(circuits.length, 100)
    assert.strictEqual(circuits[0]?.key, "isolated")
    assert.strictEqual(omitted, 51)
  })

  test("12.1 a heartbeat comes every 15 seconds", function* () {
    const server = yield* serve()
    const listener = yield* listen(server)
    yield* listener.nextOf("summary")

    for (let second = 1; second <= 14; second++) {
      yield* TestClock.adjust("1 second")
      yield* listener.nextOf("summary")
    }
    assert.notInclude(listener.text(), ": heartbeat")
    yield* TestClock.adjust("1 second")
    yield* listener.nextOf("summary")

    assert.include(listener.text(), ": heartbeat\n\n")
  })

  test("12.1 an override that begins or ends is an event", function* () {
    yield* Effect.exit((yield* make({ name: "payments" })).protectWith(works, { key: "eu" }))
    const server = yield* serve()
    const listener = yield* listen(server)

    yield* server.post("/circuits/circuit/isolate", {
      breaker: "payments",
      key: "eu",
      expiresInSeconds: 60,
      ...why
    })
    const begun = yield* listener.nextOf("change")
    yield* TestClock.adjust("60 seconds")
    const ended = yield* listener.nextOf("change")

    assert.deepStrictEqual(begun, { at: 0, overrides: 1 })
    assert.deepStrictEqual(ended, { at: 60_000, overrides: 0 })
  })
})

/** Transitions of about 600 bytes each: fewer than the registry keeps for an observer that has not run yet. */
const burst = (breaker: CircuitBreaker.CircuitBreaker) =>
  Effect.zipRight(
    Effect.repeatN(breaker.trip("x".repeat(250)), 499),
    Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))
  )

const isFull = (server: Server) =>
  Effect.scoped(Effect.map(listen(server), ({ response }) => response.statusCode === 429))

describe("consumers", () => {
  test("12.2 a consumer that does not read is disconnected, and its place is free again", function* () {
    const breaker = yield* make({ name: "payments" })
    const server = yield* serve({ ...withToken, maxStreams: 1 })
    yield* connectSilently(server)
    yield* Effect.repeat(isFull(server), { until: (full) => full })

    let bursts = 0
    while (yield* isFull(server)) {
      yield* burst(breaker)
      // The two sockets buffer some megabytes; a burst is a third of one.
      if (++bursts > 400) assert.fail("the consumer that does not read is still connected")
    }

    assert.isAbove(bursts, 2)
  })

  test("12.2 a consumer for whom something has waited for 30 seconds is disconnected, and no other", function* () {
    const streams = new Streams(2)
    let destroyed = false
    const onDestroy = () => {
      destroyed = true
    }
    yield* Effect.asVoid(streams.connect(onDestroy))
    const { events: read } = yield* streams.connect(undefined)
    const reading = yield* Effect.fork(Stream.runDrain(read))
    yield* streams.send("first")
    yield* TestClock.adjust("29999 millis")
    yield* streams.send("second")
    const before = [streams.size, destroyed]

    yield* TestClock.adjust("1 millis")
    yield* streams.send("third")

    assert.deepStrictEqual(before, [2, false])
    assert.deepStrictEqual([streams.size, destroyed], [1, true])
    assert.isNull(yield* Fiber.poll(reading).pipe(Effect.map(Option.getOrNull)))
  })

  test("12.2 a consumer that reads loses nothing, however much there is", function* () {
    const breaker = yield* make({ name: "payments" })
    const server = yield* serve()
    const listener = yield* listen(server)
    yield* breaker.trip("x".repeat(250))

    let last = yield* listener.nextOf<Transition>("transition")
    for (let bursts = 0; bursts < 6; bursts++) {
      yield* burst(breaker)
      yield* TestClock.adjust("250 millis")
      for (let i = 0; i < 500; i++) {
        const next = yield* listener.nextOf<Transition>("transition")
        assert.strictEqual(next.generation, last.generation + 1)
        last = next
      }
    }

    assert.strictEqual(last.generation, 3_001)
  })

  test("12.2 one stream more than allowed is refused, until one has ended", function* () {
    const server = yield* serve({ ...withToken, maxStreams: 2 })
    const first = yield* listen(server)
    yield* listen(server)

    const refused = yield* server.get("/circuits/events")
    yield* first.leave
    yield* Effect.repeat(isFull(server), { until: (full) => !full })

    assert.strictEqual(refused.status, 429)
    assert.include(bodyOf<Refusal>(refused).message, "2 streams")
  })

  test("12.2 HEAD takes no place of a stream, because nobody would read it", function* () {
    const { dispose, handler } = HttpLayerRouter.toWebHandler(
      CircuitAdmin.layer({ maxStreams: 1 }).pipe(Layer.provide(HttpServer.layerContext)),
      { disableLogger: true }
    )
    const ask = (method: string) =>
      Effect.promise(() => handler(new Request("http://localhost/circuits/events", { method })))
    yield* Effect.addFinalizer(() => Effect.promise(dispose))

    const heads = [yield* ask("HEAD"), yield* ask("HEAD")]
    const stream = yield* ask("GET")

    assert.deepStrictEqual(
      [...heads, stream].map(({ status }) => status),
      [200, 200, 200]
    )
    assert.strictEqual(heads[0]?.headers.get("content-type"), "text/event-stream")
  })

  test("12.2 that connect at the same time share their summaries", function* () {
    const { events } = yield* makeAdministration(decode({}))
    const received: Array<string> = []

    // The few operations between yields let the consumers overtake each other in the middle of connecting.
    const streams = yield* Effect.all(
      Array.from({ length: 3 }, () => events.connect(undefined)),
      { concurrency: "unbounded" }
    ).pipe(Effect.withMaxOpsBeforeYield(10))
    yield* Effect.forEach(streams, (stream, i) =>
      Effect.fork(
        Stream.runForEach(stream, (bytes) =>
          Effect.sync(() => i === 0 && received.push(new TextDecoder().decode(bytes)))
        )
      )
    )
    yield* TestClock.adjust("3 seconds")

    assert.strictEqual(received.join("").split("event: summary").length - 1, 4)
  })

  test("12.2 consumers are disconnected when the administration ends", function* () {
    const scope = yield* Effect.scope
    const listener = yield* Effect.scoped(
      Effect.gen(function* () {
        const server = yield* serve()
        return yield* Effect.tap(Scope.extend(listen(server), scope), (it) => it.next)
      })
    )

    yield* listener.ended
  })
})
