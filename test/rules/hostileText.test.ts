/** Text of others, such as a key, in the lines of text that a breaker writes. */
import { assert, describe, it } from "@effect/vitest"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, CircuitOpenError, CircuitStore, TripPolicy } from "effect-circuit-breaker"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import { fails, make, recordLogs, recordSpans, rejectionOf, works } from "../kit/index.ts"

/** A key with characters that end a line, clear a screen, or turn the direction of text. */
const hostile = "eu\r\nlevel=INFO\u001b[2J\u009b1A\u2028\u2029\u202efdp\u0000\u007f\ud800"
const escaped = "eu\\u000d\\u000alevel=INFO\\u001b[2J\\u009b1A\\u2028\\u2029\\u202efdp\\u0000\\u007f\ufffd"

/** The characters that a line must not contain. */
const controls = /[\p{Cc}\p{Surrogate}\u2028-\u202e]/u

describe("R3.4 text of others", () => {
  for (const state of ["Open", "HalfOpen", "Recovering", "Isolated"] as const) {
    it(`R3.4 stays within the one line of a rejection's message, and whole in its fields, ${state}`, () => {
      const error = new CircuitOpenError({
        breaker: hostile,
        key: hostile,
        state,
        retryAfter: Duration.seconds(20)
      })

      assert.notMatch(error.message, controls)
      assert.include(error.message, `Circuit "${escaped}" of breaker "${escaped}" is `)
      assert.deepStrictEqual([error.breaker, error.key], [hostile, hostile])
    })
  }

  it.scoped("R3.4 is not in the message of a transition's log line; its annotations hold it as it is", () =>
    Effect.gen(function* () {
      const lines = yield* recordLogs
      const breaker = yield* make({ name: hostile, recovery: { duration: "10 seconds" } })
      const protect = breaker.protectWith({ key: hostile })

      yield* Effect.flip(protect(fails))
      yield* TestClock.adjust("10 seconds")
      yield* protect(works)
      yield* TestClock.adjust("10 seconds")
      yield* protect(works)
      yield* breaker.trip(hostile)
      yield* Effect.scoped(breaker.isolate(hostile))
      yield* Effect.scoped(breaker.disable(hostile))
      yield* breaker.reset(hostile)

      assert.isAtLeast(lines.length, 9)
      for (const { annotations, message } of lines) {
        assert.notMatch(message, controls)
        assert.deepStrictEqual(annotations, { breaker: hostile, key: hostile })
      }
    })
  )

  it.scoped("R3.4 is escaped in the line of a request that an HTTP client fails with", () =>
    Effect.gen(function* () {
      const lines = yield* recordLogs
      const down = HttpClient.make((request) =>
        Effect.succeed(HttpClientResponse.fromWeb(request, new Response(null, { status: 503 })))
      )
      const breaker = yield* make()
      const client = CircuitHttpClient.protect(down, { breaker })
      const request = HttpClientRequest.make("GET")(`https://api.example/${hostile}`)
      // A method that no server would be sent, as a program that takes it from elsewhere might hold it.
      const forged = Object.assign(Object.create(Object.getPrototypeOf(request)), request, {
        method: hostile
      })

      yield* Effect.exit(client.execute(forged))

      const [opened] = lines
      assert.include(opened!.message, `${escaped} https://api.example/`)
      assert.notMatch(opened!.message, controls)
    })
  )

  it.scoped("R3.4 is escaped where the store has a fault with a circuit, or does not answer", () =>
    Effect.gen(function* () {
      const lines = yield* recordLogs
      const memory = yield* CircuitStore.makeMemory()
      const on = (store: CircuitStore.Store) =>
        Effect.provideService(
          CircuitBreaker.make({ name: "payments", tripPolicy: TripPolicy.consecutive(1) }),
          CircuitStore.CircuitStore,
          store
        )
      const fault = new CircuitStore.CircuitStoreError({ message: hostile })

      const faulty = yield* on({
        ...memory,
        exchange: (requests) => Effect.succeed(requests.map(() => fault))
      })
      yield* faulty.protectWith(works, { key: hostile })
      const silent = yield* on({ ...memory, exchange: () => Effect.fail(fault) })
      yield* silent.protectWith(works, { key: hostile })

      assert.deepStrictEqual(
        lines.flatMap(({ level, message }) => (level === "Warning" ? [message] : [])),
        [
          `Circuit "${escaped}" is not shared, because the store has a fault with it: ${escaped}`,
          `The circuit store does not answer: each process uses its own circuits (${escaped})`
        ]
      )
    })
  )

  it.scoped("R3.4 is data in a span: no event is named by it", () =>
    Effect.gen(function* () {
      const spans = yield* recordSpans
      const breaker = yield* make({ name: hostile })

      yield* Effect.withSpan(breaker.trip(hostile), "trip")
      yield* Effect.withSpan(rejectionOf(breaker.protectWith(works, { key: hostile })), "call")

      const events = spans.flatMap((span) => span.events)
      assert.deepStrictEqual(
        events.map(({ name }) => name),
        ["circuit_breaker.transition", "circuit_breaker.rejected"]
      )
      for (const { attributes } of events) assert.strictEqual(attributes?.["key"], hostile)
    })
  )

  const wrong: ReadonlyArray<readonly [what: string, options: object]> = [
    ["the name of a breaker with a wrong option", { name: hostile, capacity: 0 }],
    ["an option that is unknown", { [hostile]: 1 }],
    ["a value", { mode: hostile }]
  ]
  for (const [what, options] of wrong) {
    it.scoped(`R3.5 stays within the one line of a RangeError: ${what}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Effect.sandbox(CircuitBreaker.make(options)))

        const defect = error._tag === "Die" ? error.defect : undefined
        assert.instanceOf(defect, RangeError)
        assert.notMatch((defect as RangeError).message, controls)
      })
    )
  }
})
