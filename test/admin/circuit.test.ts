/** One circuit in full. */
import { assert, describe } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, Outcome, TripPolicy } from "effect-circuit-breaker"
import type * as CircuitAdmin from "effect-circuit-breaker/CircuitAdmin"
import * as Schemas from "../../src/internal/admin/schemas.ts"
import { fails, make, makeHalfOpen, makeRecovering, startCall, works } from "../kit/index.ts"
import { bodyOf, type Refusal, type Server, serve, test, withToken } from "./fixtures.ts"

const read = (server: Server, key = "eu") =>
  Effect.map(server.get(`/circuits/circuit?breaker=payments&key=${encodeURIComponent(key)}`), (answer) =>
    Schema.decodeUnknownSync(Schemas.CircuitDetails)(answer.json)
  )

describe("a circuit", () => {
  test("12.1 is read with its settings, as text and as data", function* () {
    const breaker = yield* CircuitBreaker.make({
      name: "payments",
      tripPolicy: TripPolicy.anyOf(
        TripPolicy.failureRate({ threshold: 0.5, within: "30 seconds", minimumFailures: 3 }),
        TripPolicy.failureCount({ failures: 4, within: Infinity })
      ),
      openDuration: Schedule.exponential("1 second"),
      halfOpen: { probes: 2, probeTimeout: "5 seconds" },
      recovery: { duration: "1 minute" },
      idleTimeToLive: Infinity,
      mode: "observe"
    })
    yield* breaker.protectWith(works, { key: "eu" })

    const { settings } = yield* read(yield* serve())

    assert.deepStrictEqual(settings, {
      tripPolicy: {
        text: [
          "anyOf(failureRate(share of failures in 30 s: at least 50 %, calls in 30 s: at least 1,",
          "failures in 30 s: at least 3), failureCount(failures since the circuit last closed: at least 4))"
        ].join(" "),
        data: {
          _tag: "AnyOf",
          policies: [
            {
              _tag: "FailureRate",
              threshold: 0.5,
              slowerThanMillis: null,
              minimumFailures: 3,
              window: { _tag: "Time", withinMillis: 30_000, buckets: 10 },
              minimumCalls: 1
            },
            { _tag: "FailureCount", failures: 4, withinMillis: null }
          ]
        }
      },
      openMillis: null,
      openText: "set by a schedule",
      maxOpenMillis: 3_600_000,
      probes: 2,
      failuresToReopen: 1,
      probeTimeoutMillis: 5_000,
      recovery: { durationMillis: 60_000, from: 0.1 },
      mode: "observe",
      capacity: 10_000,
      idleMillis: null
    })
  })

  test("12.1 Closed says by its policy's figures how near it is to opening", function* () {
    const breaker = yield* CircuitBreaker.make({
      name: "payments",
      tripPolicy: TripPolicy.failureRate({ threshold: 0.5, calls: 10, minimumCalls: 5 })
    })
    yield* Effect.repeatN(breaker.protectWith(works, { key: "eu" }), 2)
    yield* Effect.exit(breaker.protectWith(fails, { key: "eu" }))

    const { figures, nearness, window } = yield* read(yield* serve())

    assert.deepStrictEqual(window, { calls: 4, failures: 1, slow: 0 })
    assert.deepStrictEqual(figures, [
      {
        policy: "failureRate",
        what: "share of failures among the last 10",
        value: 0.25,
        threshold: 0.5,
        unit: "Share"
      },
      { policy: "failureRate", what: "calls among the last 10", value: 4, threshold: 5, unit: "Count" }
    ])
    assert.strictEqual(nearness, 0.5)
  })

  test("12.1 Open says since when, for how long, which opening it is, and what it has spared", function* () {
    const server = yield* serve()
    const breaker = yield* make({ name: "payments" })
    yield* TestClock.adjust("5 seconds")
    yield* Effect.exit(breaker.protectWith(fails, { key: "eu" }))
    yield* Effect.repeatN(Effect.exit(breaker.protectWith(works, { key: "eu" })), 2)
    yield* TestClock.adjust("4 seconds")

    const circuit = yield* read(server)

    assert.deepStrictEqual(circuit.state, {
      _tag: "Open",
      since: 5_000,
      openings: 1,
      retryAfterMillis: 6_000,
      nextProbeAt: 15_000
    })
    assert.strictEqual(circuit.spared, 3)
    assert.deepStrictEqual(circuit.totals, { succeeded: 0, failed: 1, ignored: 0, rejected: 3 })
    assert.deepStrictEqual([circuit.nearness, circuit.figures], [null, []])
    assert.strictEqual(circuit.at, 9_000)
  })

  test("12.1 what it has spared counts through its probes, and begins anew with the next opening", function* () {
    const server = yield* serve()
    const breaker = yield* make({ name: "payments" })
    const fail = Effect.exit(breaker.protectWith(fails, { key: "eu" }))
    yield* fail
    yield* fail
    yield* TestClock.adjust("10 seconds")
    yield* fail
    yield* fail
    const reopened = yield* read(server)
    yield* TestClock.adjust("10 seconds")
    yield* breaker.protectWith(works, { key: "eu" })
    const closed = yield* read(server)
    yield* fail
    yield* fail

    const opened = yield* read(server)

    assert.deepStrictEqual([reopened.spared, closed.spared, opened.spared], [2, null, 1])
  })

  test("12.1 what it has spared is known of a circuit that opened before, and its transitions are not", function* () {
    const breaker = yield* make({ name: "payments" })
    yield* Effect.exit(breaker.protectWith(fails, { key: "eu" }))
    yield* Effect.exit(breaker.protectWith(fails, { key: "eu" }))

    const { spared, transitions } = yield* read(yield* serve())

    assert.deepStrictEqual([spared, transitions], [1, []])
  })

  test("12.1 HalfOpen says how its probes stand, and when a slot is free", function* () {
    const breaker = yield* makeHalfOpen({ name: "payments" })
    const server = yield* serve()
    const idle = yield* read(server, "default")
    yield* startCall(breaker.protect)
    yield* TestClock.adjust("2 seconds")

    const probing = yield* read(server, "default")

    const state = {
      _tag: "HalfOpen",
      since: 10_000,
      openings: 1,
      probing: 0,
      succeeded: 0,
      failed: 0,
      retryAfterMillis: 0,
      nextProbeAt: 10_000
    } as const
    assert.deepStrictEqual(idle.state, state)
    assert.deepStrictEqual(probing.state, {
      ...state,
      probing: 1,
      retryAfterMillis: 58_000,
      nextProbeAt: 70_000
    })
  })

  test("12.1 Recovering says what share it admits, and when it closes", function* () {
    yield* makeRecovering({ name: "payments" })
    yield* TestClock.adjust("40 seconds")

    const { state } = yield* read(yield* serve(), "default")

    assert.deepStrictEqual(state, {
      _tag: "Recovering",
      since: 10_000,
      openings: 1,
      admitting: 0.55,
      closesAt: 110_000
    })
  })

  test("12.1 remembers its latest 20 transitions, newest first", function* () {
    const breaker = yield* make({ name: "payments" })
    const server = yield* serve()
    for (let i = 0; i < 15; i++) {
      yield* TestClock.adjust("1 second")
      yield* breaker.trip("eu")
      yield* breaker.reset("eu")
    }

    const { generation, transitions } = yield* read(server)

    assert.strictEqual(generation, 30)
    assert.deepStrictEqual(
      transitions.map(({ generation }) => generation),
      Array.from({ length: 20 }, (_, i) => 30 - i)
    )
    assert.deepStrictEqual(transitions[1], {
      breaker: "payments",
      key: "eu",
      from: "Closed",
      to: "Open",
      at: 15_000,
      generation: 29,
      origin: "Local",
      retryAfterMillis: 10_000,
      openings: 1,
      reason: "Manual"
    })
  })

  test("12.1 without a key is the default one", function* () {
    const breaker = yield* make({ name: "payments" })
    yield* breaker.protect(works)
    const server = yield* serve()

    const answer = yield* server.get("/circuits/circuit?breaker=payments")

    assert.strictEqual(bodyOf<CircuitAdmin.CircuitDetails>(answer).key, "default")
  })

  for (const [query, named] of [
    ["breaker=nobody&key=eu", '"nobody"'],
    ["breaker=payments&key=nothing", '"nothing"'],
    ["breaker=payments", '"default"']
  ] as const) {
    test(`12.2 that is unknown is a 404 that names it, and is not made: ${query}`, function* () {
      const breaker = yield* make({ name: "payments" })
      yield* breaker.protectWith(works, { key: "eu" })
      const server = yield* serve()

      const answer = yield* server.get(`/circuits/circuit?${query}`)

      assert.strictEqual(answer.status, 404)
      assert.include(bodyOf<Refusal>(answer).message, named)
      assert.strictEqual((yield* breaker.circuits).length, 1)
    })
  }
})

interface Page {
  readonly circuits: ReadonlyArray<CircuitAdmin.CircuitSummary>
}

class Declined extends Error {
  readonly _tag = "Declined"
}

const cycle = new Error("around and around")
cycle.cause = cycle

/** A cause of many errors in order, nested in its left or in its right part. */
const failures = (count: number, nested: "left" | "right" = "left"): Cause.Cause<string> => {
  const errors = Array.from({ length: count }, (_, i) => Cause.fail(`no ${i}`))
  return nested === "left"
    ? errors.reduce(Cause.parallel<string, string>)
    : errors.reduceRight((rest, error) => Cause.parallel(error, rest))
}

describe("a last failure", () => {
  const secret = "card 4242"
  const hostile = {
    get _tag(): string {
      throw new Error("no")
    }
  }

  for (const [what, failing, description] of [
    ["an error with a tag", Effect.fail(new Declined(secret)), "Declined"],
    ["an error", Effect.fail(new TypeError(secret)), "TypeError"],
    ["a text", Effect.fail(secret), "a value of type string"],
    ["null", Effect.fail(null), "null"],
    ["a defect", Effect.die(new TypeError(secret)), "defect: TypeError"],
    ["an error that throws", Effect.fail(hostile), "an error that cannot be read"],
    [
      "the worst of several",
      Effect.failCause(Cause.parallel(Cause.die(secret), Cause.fail(new Declined(secret)))),
      "Declined"
    ]
  ] as const) {
    test(`12.2 is named, and its cause left out: ${what}`, function* () {
      const breaker = yield* make({ name: "payments" })
      yield* Effect.exit(breaker.protectWith(failing as Effect.Effect<never, unknown>, { key: "eu" }))
      const server = yield* serve()

      const answer = yield* server.get("/circuits/circuit?breaker=payments&key=eu")

      const { lastFailure } = bodyOf<CircuitAdmin.CircuitDetails>(answer)
      assert.deepStrictEqual(lastFailure, { at: 0, description, cause: null })
      assert.notInclude(answer.text, secret)
      const list = yield* server.get("/circuits/circuits")
      assert.strictEqual(bodyOf<Page>(list).circuits[0]?.lastFailureText, description)
      assert.notInclude(list.text, secret)
    })
  }

  test("12.2 of an admission that the program has settled says so", function* () {
    const breaker = yield* make({ name: "payments" })
    yield* Effect.scoped(
      Effect.flatMap(breaker.admit("eu"), (admission) => admission.settle(Outcome.failure()))
    )

    const { lastFailure } = yield* read(yield* serve({ ...withToken, exposeCauses: true }))

    assert.deepStrictEqual(lastFailure, {
      at: 0,
      description: "settled as a failure by the program",
      cause: null
    })
  })

  test("12.2 is shown with its cause if causes are exposed: bounded, and with what is invisible escaped", function* () {
    const breaker = yield* make({ name: "payments" })
    const message = `card\u001b[2J \u202edeclined ${"x".repeat(10_000)}`
    yield* Effect.exit(breaker.protectWith(Effect.fail(new Error(message)), { key: "eu" }))

    const { lastFailure } = yield* read(yield* serve({ ...withToken, exposeCauses: true }))

    assert.include(lastFailure?.cause, "card\\u001b[2J \\u202edeclined xxx")
    assert.isAtMost(lastFailure?.cause?.length ?? 0, 4_100)
  })

  test("12.2 is one line of a list: the first of its cause if causes are exposed, bounded and escaped", function* () {
    const breaker = yield* make({ name: "payments" })
    const message = `card\u001b[2J \u202edeclined ${"x".repeat(1_000)}`
    yield* Effect.exit(breaker.protectWith(Effect.fail(new Error(message)), { key: "long" }))
    yield* Effect.exit(breaker.protectWith(Effect.fail(new Error("two\nlines")), { key: "two" }))
    yield* breaker.protectWith(works, { key: "works" })
    const server = yield* serve({ ...withToken, exposeCauses: true })

    const answer = yield* server.get("/circuits/circuits")

    const { circuits } = bodyOf<Page>(answer)
    const textOf = (key: string) => circuits.find((it) => it.key === key)?.lastFailureText
    assert.strictEqual(textOf("two"), "Error: two")
    assert.isNull(textOf("works"))
    assert.include(textOf("long"), "card\\u001b[2J \\u202edeclined xxx")
    assert.strictEqual(textOf("long")?.length, 301)
  })

  for (const [what, cause, shown] of [
    ["is a cycle of errors", Cause.fail(cycle), /^a cause that cannot be read$/],
    ["has thousands of errors", failures(5_000), /^Error: no 0\nError: no 1\n.*\nError: no 19$/s],
    [
      "has thousands of errors in another order",
      failures(5_000, "right"),
      /^Error: no 0\nError: no 1\n.*\nError: no 19$/s
    ],
    [
      "is an error among interruptions",
      Cause.parallel(Cause.interrupt(FiberId.none), Cause.fail("no")),
      /^Error: no$/
    ]
  ] as const) {
    test(`12.2 is shown with its cause, bounded, that ${what}`, function* () {
      // It stays Closed, because the line of an opening would print the whole cause.
      const breaker = yield* make({
        name: "payments",
        classify: () => Outcome.failure(),
        tripPolicy: TripPolicy.consecutive(2)
      })
      yield* Effect.exit(breaker.protectWith(Effect.failCause<unknown>(cause), { key: "eu" }))

      const { lastFailure } = yield* read(yield* serve({ ...withToken, exposeCauses: true }))

      assert.match(lastFailure?.cause ?? "", shown)
    })
  }

  test("12.2 whose cause cannot be read does not break the page", function* () {
    const breaker = yield* make({ name: "payments" })
    const error = new Error("no")
    Object.defineProperty(error, "message", {
      get: () => {
        throw new Error("no")
      }
    })
    yield* Effect.exit(breaker.protectWith(Effect.die(error), { key: "eu" }))

    const { lastFailure } = yield* read(yield* serve({ ...withToken, exposeCauses: true }))

    assert.isString(lastFailure?.cause)
  })

  test("12.2 that was a value is never shown, even if causes are exposed", function* () {
    const breaker = yield* make({ name: "payments", classify: () => Outcome.failure() })
    yield* breaker.protectWith(Effect.succeed({ card: secret }), { key: "eu" })
    const server = yield* serve({ ...withToken, exposeCauses: true })

    const answer = yield* server.get("/circuits/circuit?breaker=payments&key=eu")

    const { lastFailure } = bodyOf<CircuitAdmin.CircuitDetails>(answer)
    assert.deepStrictEqual(lastFailure, {
      at: 0,
      description: "a value that was classified as a failure",
      cause: null
    })
    assert.notInclude(answer.text, secret)
    const list = yield* server.get("/circuits/circuits")
    const { lastFailureText } = bodyOf<Page>(list).circuits[0]!
    assert.strictEqual(lastFailureText, "a value that was classified as a failure")
    assert.notInclude(list.text, secret)
  })
})
