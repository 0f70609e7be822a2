import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { Transition, TripPolicy } from "effect-circuit-breaker"
import {
  type Breaker,
  emptyWindow,
  fails,
  leavesAsItWas,
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

/** A breaker in each state, with its tag. */
const states = {
  Closed: make(),
  Open: makeOpen(),
  HalfOpen: Effect.tap(makeHalfOpen(), (breaker) => startCall(breaker.protect)),
  Recovering: makeRecovering(),
  Isolated: makeIsolated()
}

/** Begins to hold a circuit open, or to disable it, and gives what ends that. */
const hold = (breaker: Breaker, how: "isolate" | "disable" = "isolate") =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    yield* Scope.extend(breaker[how](), scope)
    return Scope.close(scope, Exit.void)
  })

/** The transitions that an action leads to, with their generations. */
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

    it.scoped(`R3.3 ${how} ends with its scope however that ends`, () =>
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

  it.scoped("R3.3 10,000 holds of each kind nest", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const scope = yield* Scope.make()
      const holds = Effect.zipRight(breaker.isolate(), breaker.disable())
      yield* Effect.replicateEffect(Scope.extend(holds, scope), 10_000, { discard: true })
      assert.strictEqual(yield* tagOf(breaker), "Isolated")

      yield* Scope.close(scope, Exit.void)

      assert.strictEqual(yield* tagOf(breaker), "Closed")
    })
  )
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

  it.scoped("R3.3 isolation outranks time, trips and outcomes, and ends at once all the same", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()
      const probe = yield* startCall(breaker.protect)
      const release = yield* hold(breaker)

      yield* leavesAsItWas(
        breaker,
        Effect.all([probe.end(Exit.succeed("well")), breaker.trip(), TestClock.adjust("365 days")])
      )

      assert.strictEqual((yield* rejectionOf(breaker.protect(works))).state, "Isolated")
      yield* Effect.zipRight(breaker.trip(), release)
      assert.strictEqual(yield* breaker.protect(works), "worked")
    })
  )

  it.scoped("R3.3 a release keeps the backoff", () =>
    Effect.gen(function* () {
      const breaker = yield* makeOpen()
      yield* Effect.scoped(breaker.isolate())

      yield* Effect.flip(breaker.protect(fails))

      assert.deepInclude(yield* breaker.state(), { _tag: "Open", openings: 2 })
    })
  )
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

  it.scoped("R3.3 outranks trips and resets, and time", () =>
    Effect.gen(function* () {
      const breaker = yield* makeOpen()
      const steps = Effect.gen(function* () {
        const release = yield* hold(breaker, "disable")
        yield* breaker.trip()
        yield* breaker.reset()
        yield* TestClock.adjust("365 days")
        assert.strictEqual(yield* tagOf(breaker), "Disabled")
        yield* release
      })

      assert.deepStrictEqual(yield* transitionsOf(breaker, steps), [
        "Open > Disabled",
        "Disabled > Disabled",
        "Disabled > Closed"
      ])
      yield* Effect.flip(breaker.protect(fails))
      assert.deepInclude(yield* breaker.state(), { _tag: "Open", openings: 1 })
    })
  )

  it.scoped("R3.3 an isolation comes first, whichever was first", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const enable = yield* hold(breaker, "disable")
      const release = yield* hold(breaker)
      assert.strictEqual((yield* rejectionOf(breaker.protect(works))).state, "Isolated")
      const enableAgain = yield* hold(breaker, "disable")
      for (const [end, tag] of [
        [enable, "Isolated"],
        [release, "Disabled"],
        [enableAgain, "Closed"]
      ] as const) {
        yield* end
        assert.strictEqual(yield* tagOf(breaker), tag)
      }
    })
  )

  it.scoped("R3.3 a reset ends isolations, and leaves what is disabled underneath", () =>
    Effect.gen(function* () {
      const breaker = yield* makeIsolated()
      yield* breaker.disable()

      yield* breaker.reset()

      assert.strictEqual(yield* tagOf(breaker), "Disabled")
    })
  )

  it.scoped("R3.3 R3.2.6 a call that began while disabled reports into nothing", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const release = yield* hold(breaker, "disable")
      const during = yield* startCall(breaker.protect)
      yield* release

      yield* leavesAsItWas(breaker, during.end(Exit.fail("unavailable")))
    })
  )

  it.scoped("R3.3 one line in the log says so, as a warning, and one that it has ended", () =>
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

  it.scoped("R3.3 only reset outranks isolation; releases from before it do nothing", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const [first, second] = yield* Effect.replicateEffect(hold(breaker), 2)
      yield* breaker.reset()
      assert.strictEqual(yield* tagOf(breaker), "Closed")
      yield* first!
      const later = yield* hold(breaker)

      yield* leavesAsItWas(breaker, second!)

      assert.strictEqual(yield* tagOf(breaker), "Isolated")
      yield* later
      assert.strictEqual(yield* tagOf(breaker), "Closed")
    })
  )

  it.scoped("R3.3 calls that begin after a reset count, those from before it do not", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const before = yield* startCall(breaker.protect)
      yield* breaker.reset()
      const after = yield* startCall(breaker.protect)

      yield* before.end(Exit.fail("unavailable"))
      assert.strictEqual(yield* tagOf(breaker), "Closed")
      yield* after.end(Exit.fail("unavailable"))

      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  )
})

describe("R3.3 trip", () => {
  const exponential = { openDuration: Schedule.exponential("10 seconds") }
  const openings = {
    Closed: [make(exponential), 1, 10],
    Open: [Effect.zipLeft(makeOpen(exponential), TestClock.adjust("9999 millis")), 1, 10],
    HalfOpen: [makeHalfOpen(exponential), 2, 20],
    Recovering: [makeRecovering(exponential), 2, 20]
  } as const

  for (const [from, [breakerIn, opening, seconds]] of Object.entries(openings)) {
    it.scoped(
      `R3.3 trip on a circuit that is ${from} is opening ${opening}, of ${seconds} s, and heals`,
      () =>
        Effect.gen(function* () {
          const breaker = yield* breakerIn
          const seen = yield* watch(breaker.transitions)

          yield* Effect.zipRight(breaker.trip(), settled)

          const { openings, reason, retryAfter, ...last } = seen.findLast(Transition.isOpened)!
          assert.deepStrictEqual([last.from, openings, reason], [from, opening, "Manual"])
          assert.strictEqual(Duration.toSeconds(retryAfter), seconds)
          yield* rejectionOf(breaker.protect(works))
          yield* TestClock.adjust(seconds * 1_000 - 1)
          assert.strictEqual(yield* tagOf(breaker), "Open")
          yield* TestClock.adjust(1)
          yield* breaker.protect(works)
        })
    )
  }

  it.scoped("R3.3 what time has changed is announced before what the hand changes", () =>
    Effect.gen(function* () {
      const halfOpen = yield* makeHalfOpen()
      const recovering = yield* makeRecovering()
      yield* TestClock.adjust("100 seconds")

      assert.deepStrictEqual(yield* transitionsOf(halfOpen, halfOpen.trip()), [
        "Open > HalfOpen",
        "HalfOpen > Open"
      ])
      assert.deepStrictEqual(yield* transitionsOf(recovering, recovering.reset()), [
        "Recovering > Closed",
        "Closed > Closed"
      ])
    })
  )

  it.scoped("R3.3 controls work on one circuit, make it if need be, and bump its generation by one", () =>
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
