import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { TripPolicy } from "effect-circuit-breaker"
import {
  type Breaker,
  emptyWindow,
  fails,
  make,
  makeHalfOpen,
  makeIsolated,
  makeOpen,
  makeRecovering,
  pathOf,
  recordLogs,
  rejectionOf,
  settled,
  startCall,
  tagOf,
  totalsOf,
  transitionsOf,
  watch,
  windowOf,
  works
} from "../kit/index.ts"
import { everyWay } from "../kit/ports.ts"
import { playAll } from "../kit/script.ts"
import { inLongRun } from "../kit/runLength.ts"

// So many take long.
const many = inLongRun(10_000, 1_000)

/** A breaker in each state, with its tag. */
const states = {
  Closed: make(),
  Open: makeOpen(),
  HalfOpen: Effect.tap(makeHalfOpen(), (breaker) => startCall(breaker.protect)),
  Recovering: makeRecovering(),
  Isolated: makeIsolated()
}

/** Isolates or disables a circuit, and returns the effect that ends it. */
const hold = (breaker: Breaker, how: "isolate" | "disable" = "isolate") =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    yield* Scope.extend(breaker[how](), scope)
    return Scope.close(scope, Exit.void)
  })

/** The transitions by an action, with their generations. */
const generationsOf = (breaker: Breaker, action: Effect.Effect<unknown>) =>
  Effect.gen(function* () {
    const seen = yield* watch(breaker.transitions)
    yield* Effect.zipRight(action, settled)
    return seen.map((it) => `${pathOf(it)} ${it.generation}`)
  }).pipe(Effect.scoped)

describe("R3.3 isolate and disable", () => {
  for (const [how, tag] of [
    ["isolate", "Isolated"],
    ["disable", "Disabled"]
  ] as const) {
    it.scoped(
      `R3.3 ${how} nests: the last release closes, whatever the order, with a new generation and window`,
      () =>
        Effect.gen(function* () {
          const breaker = yield* make({ tripPolicy: TripPolicy.consecutive(2) })
          yield* Effect.flip(breaker.protect(fails))

          const transitions = yield* generationsOf(
            breaker,
            Effect.gen(function* () {
              const [first, second, third] = yield* Effect.replicateEffect(hold(breaker, how), 3)
              for (const release of [first!, third!]) {
                yield* release
                assert.strictEqual(yield* tagOf(breaker), tag)
              }
              yield* second!
            })
          )

          assert.deepStrictEqual(transitions, [`Closed > ${tag} 1`, `${tag} > Closed 2`])
          assert.deepStrictEqual(yield* windowOf(breaker), emptyWindow)
        })
    )

    it.scoped(`R3.3 ${how} ends with its scope, however the scope ends`, () =>
      Effect.gen(function* () {
        const breaker = yield* make()

        yield* breaker[how]().pipe(Effect.zipRight(Effect.die("a defect")), Effect.scoped, Effect.exit)
        const holder = yield* startCall(() => Effect.scoped(Effect.zipRight(breaker[how](), Effect.never)))
        assert.strictEqual(yield* tagOf(breaker), tag)
        yield* holder.interrupt

        assert.strictEqual(yield* tagOf(breaker), "Closed")
      })
    )
  }

  it.scoped(`R3.3 ${many} holds of each kind nest`, () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const scope = yield* Scope.make()
      const holds = Effect.zipRight(breaker.isolate(), breaker.disable())
      yield* Effect.replicateEffect(Scope.extend(holds, scope), many, { discard: true })
      assert.strictEqual(yield* tagOf(breaker), "Isolated")

      yield* Scope.close(scope, Exit.void)

      assert.strictEqual(yield* tagOf(breaker), "Closed")
    })
  )
})

describe("R3.3 histories of controls", () => {
  const exponential = { openDuration: Schedule.exponential("10 seconds") }
  const recovery = { recovery: { duration: "100 seconds", from: 0.25 } } as const

  playAll(everyWay, { tripPolicy: TripPolicy.consecutive(1), openDuration: "10 seconds" }, [
    [
      "R3.3 isolation outranks time, trips and outcomes, and ends at once all the same",
      "f +10 ( isolate )s trip >Open>HalfOpen>Isolated +31536000 =Isolated - trip release =Closed s >Closed"
    ],
    ["R3.3 a release keeps the backoff", "f isolate release f /2"],
    [
      "R3.3 only reset outranks isolation; releases from before it do nothing",
      "isolate isolate reset =Closed release isolate >Isolated>Closed>Isolated release > =Isolated release =Closed"
    ],
    [
      "R3.3 disable outranks trips and resets, and time, and ends the backoff",
      "f disable trip reset >Open>Disabled>Disabled +31536000 =Disabled enable >Closed f /1"
    ],
    [
      "R3.3 an isolation comes before a disabling, whichever was first",
      "disable isolate - disable enable =Isolated release =Disabled enable =Closed"
    ],
    [
      "R3.3 a reset ends isolations, and leaves what is disabled underneath",
      "isolate disable reset =Disabled enable =Closed"
    ],
    ["R3.3 R3.2.6 a call that began while disabled reports into nothing", "disable ( enable )f =Closed #0"],
    [
      "R3.3 calls that begin after a reset count, those from before it do not",
      "( reset ( )f =Closed )f =Open"
    ],
    ["R3.3 trip opens a Closed circuit, which heals as after any trip", "trip ~10 /1 - +10 s =Closed"],
    [
      "R3.3 trip on an Open circuit restarts its open time without a backoff step",
      "f +9.999 trip >Open>Open ~10 /1 +9.999 =Open +0.001 =HalfOpen",
      exponential
    ],
    [
      "R3.3 trip on a HalfOpen circuit is a new opening",
      "f +10 ( trip >Open>HalfOpen>Open ~20 /2",
      exponential
    ],
    [
      "R3.3 trip on a circuit whose open time has passed announces that first",
      "f +10 >Open trip >HalfOpen>Open ~20 /2",
      exponential
    ],
    [
      "R3.3 trip on a Recovering circuit is a new opening",
      "f +10 s trip >Open>HalfOpen>Recovering>Open ~10 /2",
      recovery
    ],
    [
      "R3.3 reset of a circuit whose recovery is over announces that first",
      "f +10 s +100 >Open>HalfOpen>Recovering reset >Closed>Closed",
      recovery
    ]
  ])
})

describe("R3.3 isolate", () => {
  for (const [state, breakerIn] of Object.entries(states)) {
    it.scoped(`R3.3 isolation holds a circuit that is ${state} open, and ends in Closed`, () =>
      Effect.gen(function* () {
        const breaker = yield* breakerIn
        yield* breaker.reset("another key")
        const release = yield* hold(breaker)

        assert.deepStrictEqual(yield* breaker.state(), { _tag: "Isolated" })
        assert.strictEqual((yield* rejectionOf(breaker.protect(works))).state, "Isolated")
        assert.strictEqual(yield* tagOf(breaker, "another key"), "Closed")

        yield* release
        if (state !== "Isolated") assert.strictEqual(yield* breaker.protect(works), "worked")
      })
    )
  }
})

describe("R3.3 disable", () => {
  for (const [state, breakerIn] of Object.entries(states)) {
    it.scoped(
      `R3.3 a circuit that is ${state} admits every call until the scope closes, and is Closed then`,
      () =>
        Effect.gen(function* () {
          const breaker = yield* breakerIn
          if (state === "Isolated") yield* breaker.reset()
          const release = yield* hold(breaker, "disable")
          const before = yield* totalsOf(breaker)

          yield* Effect.replicateEffect(Effect.flip(breaker.protect(fails)), 10)
          assert.strictEqual(yield* breaker.protect(works), "worked")
          yield* breaker.awaitReady()

          assert.deepStrictEqual(yield* breaker.state(), { _tag: "Disabled" })
          assert.deepStrictEqual(yield* totalsOf(breaker), {
            ...before,
            failed: before.failed + 10,
            succeeded: before.succeeded + 1
          })
          assert.deepStrictEqual(yield* windowOf(breaker), emptyWindow)
          yield* release
          assert.strictEqual(yield* tagOf(breaker), "Closed")
        })
    )
  }

  it.scoped("R3.3 is logged once as a warning, and once when it has ended", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const lines = yield* recordLogs

      yield* Effect.scoped(breaker.disable())

      assert.deepStrictEqual(
        lines.map(({ level, message }) => `${level}: ${message}`),
        ["Warning: Circuit disabled by hand: every call is admitted", "Info: Circuit closed"]
      )
    })
  )
})

describe("R3.3 reset", () => {
  for (const [state, breakerIn] of Object.entries(states)) {
    it.scoped(`R3.3 reset closes a circuit that is ${state}, with a new generation`, () =>
      Effect.gen(function* () {
        const breaker = yield* breakerIn

        const transitions = yield* transitionsOf(breaker, breaker.reset())

        assert.deepStrictEqual(transitions, [`${state} > Closed`])
        assert.deepStrictEqual(yield* breaker.state(), { _tag: "Closed" })
        assert.strictEqual(yield* breaker.protect(works), "worked")
      })
    )
  }

  it.scoped("R3.3 reset empties the window and ends the backoff; totals and last failure remain", () =>
    Effect.gen(function* () {
      const breaker = yield* make({
        tripPolicy: TripPolicy.consecutive(2),
        openDuration: Schedule.exponential("1 second")
      })
      yield* Effect.repeatN(breaker.trip(), 1)
      yield* TestClock.adjust("1 second")
      yield* Effect.flip(breaker.protect(fails))
      yield* breaker.reset()
      yield* Effect.flip(breaker.protect(fails))
      const before = yield* breaker.snapshot()

      yield* breaker.reset()

      const after = yield* breaker.snapshot()
      assert.deepStrictEqual(after, { ...before, window: emptyWindow })
      assert.strictEqual(after.lastFailure._tag, "Some")
      yield* breaker.trip()
      assert.deepStrictEqual(yield* breaker.state(), {
        _tag: "Open",
        retryAfter: Duration.seconds(1),
        openings: 1
      })
    })
  )
})

describe("R3.3 controls", () => {
  it.scoped(
    "R3.3 controls change one circuit, create it if necessary, and increase its generation by one",
    () =>
      Effect.gen(function* () {
        const breaker = yield* make()
        yield* breaker.trip("tripped")
        yield* breaker.reset("reset")
        yield* breaker.isolate("isolated")
        assert.sameDeepMembers(
          (yield* breaker.circuits).map(({ key, state }) => `${key} ${state._tag}`),
          ["tripped Open", "reset Closed", "isolated Isolated"]
        )

        const transitions = yield* generationsOf(
          breaker,
          Effect.all([breaker.reset(), breaker.trip(), breaker.trip(), Effect.scoped(breaker.isolate())])
        )

        assert.deepStrictEqual(transitions, [
          "Closed > Closed 1",
          "Closed > Open 2",
          "Open > Open 3",
          "Open > Isolated 4",
          "Isolated > Closed 5"
        ])
        assert.strictEqual(yield* breaker.protect(works), "worked")
        assert.strictEqual((yield* totalsOf(breaker)).rejected, 0)
      })
  )
})
