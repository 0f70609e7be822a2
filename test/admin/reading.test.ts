/** The answers to operators: lists, pages, and one circuit in full. */
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import type * as CircuitAdmin from "effect-circuit-breaker/CircuitAdmin"
import * as Schemas from "../../src/internal/admin/schemas.ts"
import { fails, make, works } from "../kit/index.ts"
import { type Answer, bodyOf, type Refusal, serve, test } from "./fixtures.ts"

const keysOf = (answer: Answer): ReadonlyArray<string> =>
  bodyOf<typeof Schemas.CircuitPage.Type>(answer).circuits.map(({ key }) => key)

/** A circuit of a breaker in each state, by the key that names it. */
const inEveryState = Effect.gen(function* () {
  const breaker = yield* CircuitBreaker.make({
    name: "payments",
    tripPolicy: TripPolicy.consecutive(2),
    openDuration: "10 seconds",
    recovery: { duration: "100 seconds" }
  })
  const failTwice = (key: string) =>
    Effect.zipRight(
      Effect.exit(breaker.protectWith(fails, { key })),
      Effect.exit(breaker.protectWith(fails, { key }))
    )
  yield* failTwice("half-open")
  yield* failTwice("recovering")
  yield* TestClock.adjust("10 seconds")
  yield* breaker.protectWith(works, { key: "recovering" })
  yield* breaker.protectWith(works, { key: "healthy" })
  yield* breaker.protectWith(works, { key: "another" })
  yield* Effect.exit(breaker.protectWith(fails, { key: "near" }))
  yield* breaker.disable("disabled")
  yield* breaker.isolate("isolated")
  yield* failTwice("open")
  return breaker
})

describe("every answer", () => {
  test("12.1 has the properties of its schema and no others, in every state", function* () {
    yield* inEveryState
    const server = yield* serve()
    const strictly = <A, I>(schema: Schema.Schema<A, I>, { json }: Answer) =>
      Schema.decodeUnknownSync(schema, { errors: "all", onExcessProperty: "error" })(json)

    strictly(Schemas.Breakers, yield* server.get("/circuits/breakers"))
    const { circuits } = strictly(Schemas.CircuitPage, yield* server.get("/circuits/circuits"))
    for (const { breaker, key } of circuits)
      strictly(Schemas.CircuitDetails, yield* server.get(`/circuits/circuit?breaker=${breaker}&key=${key}`))

    assert.strictEqual(circuits.length, 8)
  })
})

describe("the list of breakers", () => {
  test("12.1 a breaker is listed with its circuits by state, its policy, and who may change it", function* () {
    yield* inEveryState
    const server = yield* serve({})

    const answer = yield* server.get("/circuits/breakers")

    const { access, breakers, total } = Schema.decodeUnknownSync(Schemas.Breakers)(answer.json)
    assert.deepStrictEqual(breakers, [
      {
        name: "payments",
        circuits: 8,
        states: { Isolated: 1, Open: 1, HalfOpen: 1, Recovering: 1, Disabled: 1, Closed: 3 },
        tripPolicy: "consecutive(failures in a row: at least 2)",
        mode: "enforce",
        sharing: { shared: false, storeAnswers: null }
      }
    ])
    assert.strictEqual(total, 1)
    assert.deepStrictEqual(access, {
      changes: "Forbidden",
      reads: "Public",
      longestOverrideSeconds: 86_400,
      exposesCauses: false
    })
  })

  test("12.1 of several breakers of one name the latest is listed, as the registry has it", function* () {
    yield* make({ name: "payments", mode: "enforce" })
    yield* make({ name: "payments", mode: "observe" })
    const server = yield* serve()

    const answer = yield* server.get("/circuits/breakers")

    const { breakers } = bodyOf<CircuitAdmin.Breakers>(answer)
    assert.deepStrictEqual(
      breakers.map(({ mode }) => mode),
      ["observe"]
    )
  })
})

describe("the list of circuits", () => {
  test("12.1 what hurts comes first, then the Closed ones nearest to opening, then the keys in order", function* () {
    yield* inEveryState
    const server = yield* serve()

    const answer = yield* server.get("/circuits/circuits")

    assert.deepStrictEqual(keysOf(answer), [
      "isolated",
      "open",
      "half-open",
      "recovering",
      "disabled",
      "near",
      "another",
      "healthy"
    ])
    const { circuits } = Schema.decodeUnknownSync(Schemas.CircuitPage)(answer.json)
    assert.deepStrictEqual(
      circuits.map(({ nearness }) => nearness),
      [null, null, null, 0, null, 0.5, 0, 0]
    )
  })

  test("12.1 the list is filtered by breaker, states and text, and paged", function* () {
    yield* inEveryState
    yield* Effect.exit((yield* make({ name: "rates" })).protectWith(fails, { key: "open" }))
    const server = yield* serve()
    const list = (query: string) => Effect.map(server.get(`/circuits/circuits?${query}`), keysOf)

    assert.deepStrictEqual(yield* list("breaker=rates"), ["open"])
    assert.deepStrictEqual(yield* list("state=Disabled"), ["disabled"])
    assert.deepStrictEqual(yield* list("state=Open&state=Isolated"), ["isolated", "open", "open"])
    assert.deepStrictEqual(yield* list("text=OPEN"), ["open", "open", "half-open"])
    assert.deepStrictEqual(yield* list("text=RATE"), ["open"])
    assert.deepStrictEqual(yield* list("text=nothing"), [])
    assert.deepStrictEqual(yield* list("breaker=payments&limit=2"), ["isolated", "open"])
    assert.deepStrictEqual(yield* list("breaker=payments&limit=2&offset=6"), ["another", "healthy"])
    assert.deepStrictEqual(yield* list("offset=1000"), [])
    const page = bodyOf<{ total: number; offset: number; limit: number }>(
      yield* server.get("/circuits/circuits?limit=3&offset=2")
    )
    assert.deepStrictEqual([page.total, page.offset, page.limit], [9, 2, 3])
  })

  for (const [query, named] of [
    ["limit=0", "limit"],
    ["limit=201", "200"],
    ["limit=many", "limit"],
    ["offset=-1", "offset"],
    ["state=Ajar", "HalfOpen"],
    ["stat=Open", "breaker, state, text, offset, limit"],
    ["breaker=a&breaker=b", "breaker"],
    [`text=${"x".repeat(257)}`, "256"]
  ] as const) {
    test(`12.1 a query that is out of range is a 400 that names what is wrong: ${query.slice(0, 20)}`, function* () {
      const server = yield* serve()

      const answer = yield* server.get(`/circuits/circuits?${query}`)

      assert.strictEqual(answer.status, 400)
      assert.include(bodyOf<Refusal>(answer).message, named)
    })
  }

  test("12.1 a list of an unknown breaker is a 404 that names it", function* () {
    const server = yield* serve()

    const answer = yield* server.get("/circuits/circuits?breaker=nobody")

    assert.strictEqual(answer.status, 404)
    assert.include(bodyOf<Refusal>(answer).message, '"nobody"')
  })
})
