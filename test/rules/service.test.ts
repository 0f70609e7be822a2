import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import {
  CircuitBreaker,
  CircuitBreakerLive,
  CircuitBreakerRegistry,
  TripPolicy
} from "effect-circuit-breaker"
import {
  fails,
  make,
  recordLogs,
  rejectionOf,
  settled,
  totals,
  totalsOf,
  watch,
  withOwnRegistry,
  works
} from "../kit/index.ts"

class Payments extends CircuitBreaker.Service<Payments>()("Payments", {
  tripPolicy: TripPolicy.consecutive(2),
  openDuration: Schedule.exponential("1 second")
}) {}

class Search extends CircuitBreaker.Service<Search>()("Search") {}

class Named extends CircuitBreaker.Service<Named>()("Named", { name: "another name" }) {}

const nameOf = <Self>(tag: Context.Tag<Self, CircuitBreaker.CircuitBreaker>) =>
  Effect.map(tag, ({ name }) => name)

describe("the tag", () => {
  it.effect("CircuitBreakerLive: has every option at its default", () =>
    Effect.gen(function* () {
      yield* Effect.repeatN(Effect.flip(CircuitBreaker.protect(fails)), 3)
      assert.deepStrictEqual(yield* CircuitBreaker.state(), { _tag: "Closed" })

      yield* Effect.flip(fails.pipe(CircuitBreaker.protect))

      assert.strictEqual(yield* nameOf(CircuitBreaker.CircuitBreaker), "default")
      const error = yield* rejectionOf(CircuitBreaker.protect(works))
      assert.deepStrictEqual(error.retryAfter, Duration.seconds(30))
    }).pipe(Effect.provide(CircuitBreakerLive))
  )

  it.scoped("CircuitBreaker: every accessor is the operation of the breaker in the environment", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ name: "provided" })
      yield* Effect.gen(function* () {
        const seen = yield* watch(CircuitBreaker.transitions)
        assert.strictEqual(yield* CircuitBreaker.protect(works), "worked")
        yield* Effect.flip(CircuitBreaker.protectWith(fails, { key: "eu" }))
        yield* Effect.flip(fails.pipe(CircuitBreaker.protectWith({ key: "us" })))
        yield* CircuitBreaker.trip("trip")
        yield* CircuitBreaker.reset("us")
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* CircuitBreaker.isolate("isolate")
            assert.deepStrictEqual(yield* CircuitBreaker.state("isolate"), { _tag: "Isolated" })
          })
        )
        yield* CircuitBreaker.awaitReady("us")
        yield* settled

        assert.deepStrictEqual(yield* CircuitBreaker.snapshot("eu"), yield* breaker.snapshot("eu"))
        assert.deepStrictEqual(yield* CircuitBreaker.circuits, yield* breaker.circuits)
        assert.deepStrictEqual(
          seen.map(({ key, to }) => [key, to]),
          [
            ["eu", "Open"],
            ["us", "Open"],
            ["trip", "Open"],
            ["us", "Closed"],
            ["isolate", "Isolated"],
            ["isolate", "Closed"]
          ]
        )
      }).pipe(Effect.provideService(CircuitBreaker.CircuitBreaker, breaker))
    })
  )

  it.effect("CircuitBreaker: a program built once works with any breaker", () =>
    Effect.gen(function* () {
      const program = Effect.flip(CircuitBreaker.protect(fails))
      const layers = ["one", "other"].map((name) =>
        CircuitBreaker.layer({ name, tripPolicy: TripPolicy.consecutive(1) })
      )

      const states = yield* Effect.forEach(layers, (layer) =>
        Effect.zipRight(program, CircuitBreaker.snapshot()).pipe(Effect.provide(layer))
      )

      assert.deepStrictEqual(
        states.map(({ breaker, state }) => [breaker, state._tag]),
        [
          ["one", "Open"],
          ["other", "Open"]
        ]
      )
    })
  )
})

describe("a Service class", () => {
  it.effect("Service: is a breaker of its own, named like its tag", () =>
    Effect.gen(function* () {
      yield* Effect.repeatN(Effect.flip(Payments.protect(fails)), 1)

      assert.strictEqual(yield* nameOf(Payments), "Payments")
      const error = yield* rejectionOf(Payments.protect(works))
      assert.strictEqual(error.breaker, "Payments")
      assert.deepStrictEqual(error.retryAfter, Duration.seconds(1))
      assert.strictEqual(yield* Search.protect(works), "worked")
    }).pipe(Effect.provide(Layer.merge(Payments.layer, Search.layer)))
  )

  it.effect("Service: may have another name", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* nameOf(Named), "another name")
    }).pipe(Effect.provide(Named.layer))
  )

  it.effect("Service: has every operation", () =>
    Effect.gen(function* () {
      const breaker = yield* Payments
      const seen = yield* watch(Payments.transitions)

      yield* Payments.trip("eu")
      yield* Payments.reset("eu")
      yield* Effect.scoped(Payments.isolate("eu"))
      yield* Payments.awaitReady("eu")
      assert.strictEqual(yield* Payments.protectWith(works, { key: "eu" }), "worked")
      assert.strictEqual(yield* works.pipe(Payments.protectWith({ key: "eu" })), "worked")
      yield* settled

      assert.deepStrictEqual(
        seen.map(({ to }) => to),
        ["Open", "Closed", "Isolated", "Closed"]
      )
      assert.deepStrictEqual(yield* Payments.state("eu"), { _tag: "Closed" })
      assert.deepStrictEqual(yield* Payments.snapshot("eu"), yield* breaker.snapshot("eu"))
      assert.deepStrictEqual(yield* Payments.circuits, yield* breaker.circuits)
    }).pipe(Effect.scoped, Effect.provide(Payments.layer))
  )

  it.effect("Service: layerWith puts options over the class's own and leaves the others", () =>
    Effect.gen(function* () {
      yield* Effect.flip(Payments.protect(fails))

      const error = yield* rejectionOf(Payments.protect(works))

      assert.strictEqual(error.breaker, "Payments")
      assert.deepStrictEqual(error.retryAfter, Duration.seconds(1))
    }).pipe(Effect.provide(Payments.layerWith({ tripPolicy: TripPolicy.consecutive(1) })))
  )
})

describe("R2 a Service among the program's own tags", () => {
  class Own extends Context.Tag("Payments")<Own, { readonly charge: string }>() {}

  it.effect("E21 its key never equals that of a tag of the program", () =>
    Effect.gen(function* () {
      const { charge } = yield* Own
      assert.strictEqual(charge, "the program's own")
      assert.strictEqual(yield* Payments.protect(works), "worked")
      assert.strictEqual(yield* nameOf(Payments), "Payments")
      assert.strictEqual(Payments.key, "effect-circuit-breaker/Payments")
    }).pipe(Effect.provide(Payments.layer), Effect.provideService(Own, { charge: "the program's own" }))
  )

  for (const name of ["CircuitBreaker", "CircuitBreakerRegistry", "CircuitStore"]) {
    it.effect(`E21 its key never equals that of a tag of this library: ${name}`, () =>
      Effect.gen(function* () {
        class Own extends CircuitBreaker.Service<Own>()(name, { name: "its own" }) {}
        const program = Effect.gen(function* () {
          const made = yield* Effect.scoped(CircuitBreaker.make({ name: "made beside it" }))
          return [yield* nameOf(Own), yield* nameOf(CircuitBreaker.CircuitBreaker), made.name]
        })

        const names = yield* Effect.provide(program, Layer.merge(Own.layer, CircuitBreakerLive))

        assert.deepStrictEqual(names, ["its own", "default", "made beside it"])
      })
    )
  }

  it.effect("R3.5 layerConfig reads options from configuration, over the class's own", () =>
    Effect.gen(function* () {
      yield* Effect.flip(Payments.protect(fails))
      assert.strictEqual((yield* Payments.state())._tag, "Closed")
      yield* Effect.flip(Payments.protect(fails))

      const state = yield* Payments.state()

      assert.deepStrictEqual(state, { _tag: "Open", retryAfter: Duration.seconds(7), openings: 1 })
      assert.strictEqual(yield* nameOf(Payments), "Payments")
    }).pipe(
      Effect.provide(Payments.layerConfig({ openDuration: Config.duration("OPEN_FOR") })),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["OPEN_FOR", "7 seconds"]])))
    )
  )

  it.effect("R3.5 layerConfig refuses a value out of range as a ConfigError", () =>
    Effect.gen(function* () {
      const layer = Payments.layerConfig({ capacity: Config.integer("CAPACITY") })
      const read = (capacity: string) =>
        Layer.build(layer).pipe(
          Effect.scoped,
          Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["CAPACITY", capacity]]))),
          Effect.flip
        )

      const error = yield* read("0")

      assert.match(String(error), /CircuitBreaker "Payments": capacity must be an integer of at least 1/)
    })
  )
})

describe("R3.4 E17 a layer that is built for each request", () => {
  const request = (layer: Layer.Layer<CircuitBreaker.CircuitBreaker>) =>
    Effect.exit(Effect.provide(CircuitBreaker.protect(fails), layer))

  for (const [how, layer] of [
    ["the same layer", () => CircuitBreakerLive],
    ["a new layer each time", () => CircuitBreaker.layer()]
  ] as const) {
    it.scoped(`R3.4 E17 works as built, and is logged once with the breaker's name: ${how}`, () =>
      Effect.gen(function* () {
        const logs = yield* recordLogs
        const exits = yield* Effect.replicateEffect(
          Effect.suspend(() => request(layer())),
          100
        )

        assert.isTrue(exits.every((exit) => Exit.isFailure(exit)))
        assert.strictEqual(logs.length, 1)
        assert.deepStrictEqual([logs[0]!.level, logs[0]!.annotations], ["Warning", { breaker: "default" }])
        assert.match(logs[0]!.message, /built 5 times.*never opens.*once/)
      }).pipe(withOwnRegistry)
    )
  }

  it.scoped("R3.4 E17 is not reported of breakers with many calls, with none, or with different names", () =>
    Effect.gen(function* () {
      const logs = yield* recordLogs
      const busy = Effect.provide(
        Effect.replicateEffect(CircuitBreaker.protect(works), 11),
        CircuitBreakerLive
      )
      yield* Effect.replicateEffect(busy, 10)
      yield* Effect.replicateEffect(Effect.provide(Effect.void, CircuitBreakerLive), 10)
      for (let i = 0; i < 10; i++) yield* request(CircuitBreaker.layer({ name: `tenant ${i}` }))
      yield* Effect.replicateEffect(Effect.scoped(Effect.flatMap(make(), (it) => it.protect(works))), 10)

      assert.deepStrictEqual(logs, [])
    }).pipe(withOwnRegistry)
  )
})

describe("layers", () => {
  for (const [name, layer] of Object.entries({
    CircuitBreakerLive,
    layer: CircuitBreaker.layer({ name: "shared" })
  })) {
    it.scoped(`${name}: is built once if a program uses it several times`, () =>
      Effect.gen(function* () {
        const user = () => Layer.effectDiscard(CircuitBreaker.protect(works)).pipe(Layer.provide(layer))

        yield* Layer.build(Layer.mergeAll(user(), user(), user()))

        const breakers = yield* CircuitBreakerRegistry.breakers
        const counted = yield* Effect.forEach(breakers, (breaker) => totalsOf(breaker))
        assert.deepStrictEqual(counted, [totals({ succeeded: 3 })])
      }).pipe(withOwnRegistry)
    )
  }

  it.effect("layer: two programs have separate breakers", () =>
    Effect.gen(function* () {
      yield* Effect.provide(Payments.trip(), Payments.layer)

      const state = yield* Effect.provide(Payments.state(), Payments.layer)

      assert.deepStrictEqual(state, { _tag: "Closed" })
    })
  )

  it.effect("layer: a breaker lives as long as its layer", () =>
    Effect.gen(function* () {
      yield* Payments.trip()
      yield* TestClock.adjust("1 second")

      assert.strictEqual(yield* Payments.protect(works), "worked")
    }).pipe(Effect.provide(Payments.layer))
  )
})
