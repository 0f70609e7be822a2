import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { type CircuitBreaker, Outcome, Transition, TripPolicy } from "effect-circuit-breaker"
import {
  type Breaker,
  emptyWindow,
  fails,
  make,
  makeHalfOpen,
  settled,
  tagOf,
  watch,
  windowOf,
  works
} from "../kit/index.ts"

const openState = (breaker: Breaker) =>
  Effect.map(breaker.state(), (state) =>
    state._tag === "Open" ? [Duration.toSeconds(state.retryAfter), state.openings] : state._tag
  )

/** Fails at once whenever the open time is over, and gives the lengths of the openings in seconds. */
const openingsOf = (openDuration: CircuitBreaker.Options["openDuration"], howMany: number) =>
  Effect.gen(function* () {
    const breaker = yield* make({ openDuration })
    const seen = yield* watch(breaker.transitions)
    for (let opening = 1; opening <= howMany; opening++) {
      yield* Effect.flip(breaker.protect(fails))
      const state = yield* breaker.state()
      yield* TestClock.adjust(state._tag === "Open" ? state.retryAfter : 0)
    }
    yield* settled
    return seen.filter(Transition.isOpened).map(({ retryAfter }) => Duration.toSeconds(retryAfter))
  })

describe("R3.2.7 a close", () => {
  for (const [name, tripPolicy] of Object.entries({
    consecutive: TripPolicy.consecutive(3),
    failureCount: TripPolicy.failureCount({ failures: 3, within: Infinity }),
    "failureRate over time": TripPolicy.failureRate({ threshold: 1, within: "1 hour", minimumCalls: 3 }),
    "failureRate over calls": TripPolicy.failureRate({ threshold: 1, calls: 3 }),
    anyOf: TripPolicy.anyOf(TripPolicy.consecutive(3), TripPolicy.failureRate({ threshold: 1, calls: 3 }))
  })) {
    it.scoped(`R3.2.7 starts an empty window, ${name}`, () =>
      Effect.gen(function* () {
        const breaker = yield* make({ tripPolicy })
        yield* Effect.repeatN(Effect.flip(breaker.protect(fails)), 2)
        yield* TestClock.adjust("10 seconds")
        yield* breaker.protect(works)
        assert.deepStrictEqual(yield* windowOf(breaker), emptyWindow)

        yield* Effect.repeatN(Effect.flip(breaker.protect(fails)), 1)
        assert.strictEqual(yield* tagOf(breaker), "Closed")
        yield* Effect.flip(breaker.protect(fails))

        assert.strictEqual(yield* tagOf(breaker), "Open")
      })
    )
  }

  it.scoped(
    "R3.2.7 does not end the backoff: a flapping dependency is not probed at the base rate for ever",
    () =>
      Effect.gen(function* () {
        const breaker = yield* make({ openDuration: Schedule.exponential("1 second") })
        const flap = Effect.gen(function* () {
          yield* Effect.flip(breaker.protect(fails))
          const state = yield* openState(breaker)
          yield* TestClock.adjust("1 hour")
          yield* breaker.protect(works)
          return state
        })

        assert.deepStrictEqual(yield* Effect.all([flap, flap, flap]), [
          [1, 1],
          [2, 2],
          [4, 3]
        ])
      })
  )

  for (const [millis, openings] of [
    [9_999, 2],
    [10_000, 1]
  ] as const) {
    it.scoped(`R3.2.7 after ${millis} ms closed, the next opening is number ${openings}`, () =>
      Effect.gen(function* () {
        const breaker = yield* makeHalfOpen()
        yield* breaker.protect(works)
        yield* TestClock.adjust(Duration.millis(millis))

        yield* Effect.flip(breaker.protect(fails))

        assert.deepStrictEqual(yield* openState(breaker), [10, openings])
      })
    )
  }

  it.scoped("R3.2.7 it is the length of the last opening that counts, not of the first", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen({ openDuration: Schedule.exponential("10 seconds") })
      yield* Effect.flip(breaker.protect(fails))
      yield* TestClock.adjust("20 seconds")
      yield* breaker.protect(works)
      yield* TestClock.adjust("19999 millis")
      yield* Effect.flip(breaker.protect(fails))
      assert.deepStrictEqual(yield* openState(breaker), [40, 3])
      yield* TestClock.adjust("40 seconds")
      yield* breaker.protect(works)
      yield* TestClock.adjust("40 seconds")

      yield* Effect.flip(breaker.protect(fails))

      assert.deepStrictEqual(yield* openState(breaker), [10, 1])
    })
  )

  it.scoped("R3.2.7 failed probes go on with the backoff however long it took", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()
      yield* TestClock.adjust("1 day")

      yield* Effect.flip(breaker.protect(fails))

      assert.deepStrictEqual(yield* openState(breaker), [10, 2])
    })
  )

  for (const [millis, openings] of [
    [9_999, 2],
    [10_000, 1]
  ] as const) {
    it.scoped(`R3.2.7 ${millis} ms after a recovery is over, the next opening is number ${openings}`, () =>
      Effect.gen(function* () {
        const breaker = yield* makeHalfOpen({ recovery: { duration: "100 seconds" } })
        yield* breaker.protect(works)
        yield* TestClock.adjust(Duration.millis(100_000 + millis))

        yield* Effect.flip(breaker.protect(fails))

        assert.deepStrictEqual(yield* openState(breaker), [10, openings])
      })
    )
  }
})

describe("R3.2.7 openDuration as a schedule", () => {
  it.scoped("R3.2.7 the n-th opening lasts the n-th delay, the last delay repeats", () =>
    Effect.gen(function* () {
      const lengths = yield* openingsOf(Schedule.fromDelays("1 second", "3 seconds", "7 seconds"), 5)

      assert.deepStrictEqual(lengths, [1, 3, 7, 7, 7])
    })
  )

  it.scoped("R3.2.7 may have a cap", () =>
    Effect.gen(function* () {
      const capped = Schedule.union(Schedule.exponential("10 seconds"), Schedule.spaced("64 seconds"))

      assert.deepStrictEqual(yield* openingsOf(capped, 5), [10, 20, 40, 64, 64])
    })
  )

  it.scoped(
    "R3.2.12 E14 a step is taken at the moment of the opening, by the time that has passed since the first",
    () =>
      Effect.gen(function* () {
        const until = Schedule.spaced("10 seconds").pipe(
          Schedule.upTo("25 seconds"),
          Schedule.andThen(Schedule.spaced("1 minute"))
        )
        const breaker = yield* make({ openDuration: until })
        const fail = Effect.flip(breaker.protect(fails))
        yield* TestClock.adjust("1 day")
        yield* fail
        assert.deepStrictEqual(yield* openState(breaker), [10, 1])
        yield* TestClock.adjust("10 seconds")
        yield* fail
        assert.deepStrictEqual(yield* openState(breaker), [10, 2])
        yield* TestClock.adjust("1 day")

        yield* fail

        assert.deepStrictEqual(yield* openState(breaker), [60, 3])
      })
  )

  it.scoped("R3.2.12 E14 the second opening at 11:20 of a schedule of full hours lasts 40 minutes", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ openDuration: Schedule.cron("0 * * * *") })
      const fail = Effect.flip(breaker.protect(fails))
      yield* TestClock.adjust("10 hours")
      yield* TestClock.adjust("30 minutes")
      yield* fail
      assert.deepStrictEqual(yield* openState(breaker), [30 * 60, 1])
      yield* TestClock.adjust("50 minutes")

      yield* fail

      assert.deepStrictEqual(yield* openState(breaker), [40 * 60, 2])
    })
  )

  it.scoped("R3.2.12 E14 each opening takes one step, however many came before", () =>
    Effect.gen(function* () {
      let steps = 0
      const counting = Schedule.spaced("1 second").pipe(Schedule.tapOutput(() => Effect.sync(() => steps++)))
      const breaker = yield* make({ openDuration: counting })
      steps = 0

      for (let opening = 1; opening <= 200; opening++) {
        yield* Effect.flip(breaker.protect(fails))
        assert.strictEqual(steps, opening)
        yield* TestClock.adjust("1 second")
      }
    })
  )

  it.scoped("R3.2.12 E14 a schedule that fails or never delays later on repeats its last delay", () =>
    Effect.gen(function* () {
      let delay = 5_000
      const changing = Schedule.forever.pipe(
        Schedule.addDelay(() => {
          if (delay < 0) throw new Error("no more")
          return delay
        })
      )
      const breaker = yield* make({ openDuration: changing })
      const lengths: Array<number> = []
      for (const next of [5_000, 0, 7_000, -1, Infinity]) {
        delay = next
        yield* Effect.flip(breaker.protect(fails))
        const length = Number((yield* openState(breaker))[0])
        lengths.push(length)
        yield* TestClock.adjust(Duration.seconds(length))
      }

      assert.deepStrictEqual(lengths, [5, 5, 7, 7, 7])
    })
  )

  for (const [policy, tripPolicy] of Object.entries({
    consecutive: TripPolicy.consecutive(2),
    failureRate: TripPolicy.failureRate({ threshold: 0.5, within: "1 minute", minimumCalls: 2 })
  })) {
    it.scoped(`R3.2.7 R3.2.12 is stepped by an opening, and by nothing else, ${policy} (Effect 4.1)`, () =>
      Effect.gen(function* () {
        let steps = 0
        const openDuration = Schedule.exponential("10 seconds").pipe(
          Schedule.tapOutput(() => Effect.sync(() => void steps++))
        )
        const breaker = yield* make({ tripPolicy, openDuration })
        const stepsOf = (effect: Effect.Effect<unknown, unknown>, times: number) => {
          const before = steps
          return Effect.map(Effect.replicateEffect(Effect.exit(effect), times), () => steps - before)
        }

        assert.strictEqual(yield* stepsOf(breaker.protect(works), 100), 0)
        yield* breaker.reset()
        assert.strictEqual(yield* stepsOf(breaker.protect(fails), 1), 0)
        assert.strictEqual(yield* stepsOf(breaker.protect(fails), 1), 1)
        assert.strictEqual(yield* stepsOf(breaker.protect(works), 100), 0)
        assert.strictEqual(yield* stepsOf(breaker.snapshot(), 100), 0)
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(yield* stepsOf(breaker.protect(works), 100), 0)
      })
    )
  }

  it.scoped("R3.2.7 with jitter the delay is drawn once an opening", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ openDuration: Schedule.jittered(Schedule.spaced("10 seconds")) })
      const seen = yield* watch(breaker.transitions)
      yield* Effect.flip(breaker.protect(fails))
      yield* settled
      const opened = seen.find(Transition.isOpened)!
      const drawn = Duration.toMillis(opened.retryAfter)

      const reads: Array<number> = []
      for (let second = 1; second <= 5; second++) {
        yield* TestClock.adjust("1 second")
        const state = yield* breaker.state()
        reads.push(state._tag === "Open" ? Duration.toMillis(state.retryAfter) : NaN)
      }

      assert.isAtLeast(drawn, 8_000)
      assert.isAtMost(drawn, 12_000)
      reads.forEach((read, i) => assert.approximately(read, drawn - (i + 1) * 1_000, 1))
    })
  )
})

describe("R3.2.8 a retryAfter hint", () => {
  const asking = (retryAfter: Duration.DurationInput) => ({ classify: () => Outcome.failure({ retryAfter }) })
  const cases: ReadonlyArray<
    readonly [what: string, hint: Duration.DurationInput, options: CircuitBreaker.Options, seconds: number]
  > = [
    ["lengthens the opening", "25 seconds", {}, 25],
    ["never shortens it", "2 seconds", {}, 10],
    ["lengthens it to an hour at most by default", "3 hours", {}, 3_600],
    ["lengthens it to maxOpenDuration at most", "3 hours", { maxOpenDuration: "1 minute" }, 60],
    ["may be infinite, and is capped", Infinity, { maxOpenDuration: "1 minute" }, 60],
    ["does not let maxOpenDuration cap openDuration", 1, { maxOpenDuration: "1 second" }, 10],
    ["counts against a schedule too", "25 seconds", { openDuration: Schedule.spaced("10 seconds") }, 25]
  ]

  for (const [what, hint, options, seconds] of cases) {
    it.scoped(`R3.2.8 ${what}`, () =>
      Effect.gen(function* () {
        const breaker = yield* make(options)

        yield* Effect.flip(breaker.protectWith(fails, asking(hint)))

        assert.deepStrictEqual(yield* openState(breaker), [seconds, 1])
      })
    )
  }

  it.scoped("R3.2.8 maxOpenDuration does not cap openDuration", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ openDuration: "2 hours" })

      yield* Effect.flip(breaker.protect(fails))

      assert.deepStrictEqual(yield* openState(breaker), [7_200, 1])
    })
  )

  it.scoped("R3.2.8 counts on the failure that opens the circuit only", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ tripPolicy: TripPolicy.consecutive(2) })
      yield* Effect.flip(breaker.protectWith(fails, asking("25 seconds")))

      yield* Effect.flip(breaker.protect(fails))

      assert.deepStrictEqual(yield* openState(breaker), [10, 1])
    })
  )

  it.scoped("R3.2.8 counts on the probe that reopens it, for that opening only", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()
      yield* Effect.flip(breaker.protectWith(fails, asking("25 seconds")))
      assert.deepStrictEqual(yield* openState(breaker), [25, 2])
      yield* TestClock.adjust("25 seconds")

      yield* Effect.flip(breaker.protect(fails))

      assert.deepStrictEqual(yield* openState(breaker), [10, 3])
    })
  )

  it.scoped("R3.2.8 the lengthened opening is the one the backoff is measured by", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* Effect.flip(breaker.protectWith(fails, asking("25 seconds")))
      yield* TestClock.adjust("25 seconds")
      yield* breaker.protect(works)
      yield* TestClock.adjust("24999 millis")

      yield* Effect.flip(breaker.protect(fails))

      assert.deepStrictEqual(yield* openState(breaker), [10, 2])
    })
  )
})
