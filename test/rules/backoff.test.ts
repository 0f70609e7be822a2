import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { Transition, TripPolicy } from "effect-circuit-breaker"
import { type Breaker, fails, make, settled, watch, works } from "../kit/index.ts"
import { everyWay } from "../kit/ports.ts"
import { type Case, playAll } from "../kit/script.ts"

const openState = (breaker: Breaker) =>
  Effect.map(breaker.state(), (state) =>
    state._tag === "Open" ? [Duration.toSeconds(state.retryAfter), state.openings] : state._tag
  )

const options = { tripPolicy: TripPolicy.consecutive(1), openDuration: "10 seconds" } as const
const exponential = (seconds: number) => ({ openDuration: Schedule.exponential(Duration.seconds(seconds)) })

describe("R3.2.7 a close", () => {
  const { anyOf, consecutive, failureCount, failureRate } = TripPolicy
  const policies: Record<string, TripPolicy.TripPolicy> = {
    consecutive: consecutive(3),
    failureCount: failureCount({ failures: 3, within: Infinity }),
    "failureRate over time": failureRate({ threshold: 1, within: "1 hour", minimumCalls: 3 }),
    "failureRate over calls": failureRate({ threshold: 1, calls: 3 }),
    anyOf: anyOf(consecutive(3), failureRate({ threshold: 1, calls: 3 }))
  }
  const recovery = { recovery: { duration: "100 seconds" } } as const

  playAll(everyWay, options, [
    ...Object.entries(policies).map(([policy, tripPolicy]): Case => [
      `R3.2.7 starts an empty window, ${policy}`,
      "3f =Open +10 s =Closed #0 2f =Closed f =Open",
      { tripPolicy }
    ]),
    [
      "R3.2.7 does not end the backoff: a flapping dependency is not probed at the base rate for ever",
      "f ~1 /1 +3600 s f ~2 /2 +3600 s f ~4 /3",
      exponential(1)
    ],
    ["R3.2.7 after 9.999 s closed, the next opening is number 2", "f +10 s +9.999 f ~10 /2"],
    ["R3.2.7 after 10 s closed, the next opening is number 1", "f +10 s +10 f ~10 /1"],
    [
      "R3.2.7 it is the length of the last opening that counts, not of the first",
      "f +10 f +20 s +19.999 f ~40 /3 +40 s +40 f ~10 /1",
      exponential(10)
    ],
    ["R3.2.7 failed probes go on with the backoff however long it took", "f +10 +86400 f ~10 /2"],
    [
      "R3.2.7 9.999 s after a recovery is over, the next opening is number 2",
      "f +10 s +109.999 f ~10 /2",
      recovery
    ],
    ["R3.2.7 10 s after a recovery is over, the next opening is number 1", "f +10 s +110 f ~10 /1", recovery]
  ])
})

describe("R3.2.7 openDuration as a schedule", () => {
  const until25 = Schedule.spaced("10 seconds").pipe(
    Schedule.upTo("25 seconds"),
    Schedule.andThen(Schedule.spaced("1 minute"))
  )

  playAll(everyWay, options, [
    [
      "R3.2.7 the n-th opening lasts the n-th delay, the last delay repeats",
      "f ~1 +1 f ~3 +3 f ~7 +7 f ~7 +7 f ~7",
      { openDuration: Schedule.fromDelays("1 second", "3 seconds", "7 seconds") }
    ],
    [
      "R3.2.7 may have a cap",
      "f ~10 +10 f ~20 +20 f ~40 +40 f ~64 +64 f ~64",
      { openDuration: Schedule.union(Schedule.exponential("10 seconds"), Schedule.spaced("64 seconds")) }
    ],
    [
      "R3.2.12 E14 a step is taken at the moment of the opening, by the time that has passed since the first",
      "+86400 f ~10 /1 +10 f ~10 /2 +86400 f ~60 /3",
      { openDuration: until25 }
    ],
    [
      "R3.2.12 E14 the second opening at 11:20 of a schedule of full hours lasts 40 minutes",
      "@37800 f ~1800 /1 +3000 f ~2400 /2",
      { openDuration: Schedule.cron("0 * * * *") }
    ],
    [
      "R3.2.12 a growing schedule may be combined with one of full hours",
      "@37800 f ~1800 /1 +1800 f ~3600 /2",
      { openDuration: Schedule.intersect(Schedule.exponential("1 second"), Schedule.cron("0 * * * *")) }
    ]
  ])

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

  it.scoped("R3.2.12 E14 a schedule that later fails or does not delay repeats its last delay", () =>
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

  it.scoped("R3.2.7 with jitter the delay is drawn once per opening", () =>
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
  const minute = { maxOpenDuration: "1 minute" } as const

  playAll(everyWay, options, [
    ["R3.2.8 lengthens the opening", "f~25 ~25 /1"],
    ["R3.2.8 never shortens it", "f~2 ~10 /1"],
    ["R3.2.8 lengthens it to an hour at most by default", "f~10800 ~3600 /1"],
    ["R3.2.8 lengthens it to maxOpenDuration at most", "f~10800 ~60 /1", minute],
    ["R3.2.8 may be infinite, and is capped", "f~Infinity ~60 /1", minute],
    [
      "R3.2.8 does not let maxOpenDuration cap openDuration",
      "f~0.001 ~10 /1",
      { maxOpenDuration: "1 second" }
    ],
    [
      "R3.2.8 maxOpenDuration does not cap openDuration without a hint",
      "f ~7200 /1",
      { openDuration: "2 hours" }
    ],
    ["R3.2.8 counts against a schedule too", "f~25 ~25 /1", { openDuration: Schedule.spaced("10 seconds") }],
    [
      "R3.2.8 counts on the failure that opens the circuit only",
      "f~25 f ~10 /1",
      { tripPolicy: TripPolicy.consecutive(2) }
    ],
    ["R3.2.8 counts on the probe that reopens it, for that opening only", "f +10 f~25 ~25 /2 +25 f ~10 /3"],
    ["R3.2.8 lengthens the opening that the backoff is measured by", "f~25 +25 s +24.999 f ~10 /2"]
  ])
})
