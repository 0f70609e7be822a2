/** B python-circuit: failureCount within 60 s, open 10 s, keyed by peer. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, Outcome, TripPolicy } from "effect-circuit-breaker"
import { keysOf, recordLogs, rejectionOf, tagOf, windowOf, works } from "../kit/index.ts"
import { byProtect, listed } from "../kit/ports.ts"
import { play, playAll } from "../kit/script.ts"

const within = (failures: number, seconds: number) =>
  TripPolicy.failureCount({ failures, within: Duration.seconds(seconds) })

const options = { tripPolicy: within(4, 60), openDuration: "10 seconds" } as const

const capped = {
  openDuration: Schedule.exponential("10 seconds").pipe(Schedule.union(Schedule.spaced("64 seconds")))
}

class PeerError {
  readonly _tag: string = "PeerError"
}

class PeerTimeout extends PeerError {
  override readonly _tag = "PeerTimeout"
}

describe("B python-circuit: failureCount within 60 s, open 10 s, keyed by peer", () => {
  playAll({ "in process": byProtect }, options, [
    [
      'B1 four errors at 0 open "p", the fifth call is rejected, "q" stays Closed',
      "p:3f p:=Closed p:f p:- q:=Closed q:s"
    ],
    ["B1 errors at 0, 0, 0 and 59.999 open", "p:3f @59.999 p:f p:=Open"],
    ["B1 errors at 0, 0, 0 and 60.0 do not", "p:3f @60 p:f p:=Closed p:#1"],
    [
      "B1 ten errors 30 s apart with failures: 3 never open",
      Array.from({ length: 10 }, (_, i) => `@${i * 30} p:f p:=Closed`).join(" "),
      { tripPolicy: within(3, 60) }
    ],
    [
      "B2 only registered errors count; others pass through unrecorded",
      "p:10u p:#0 p:3f p:u p:=Closed p:#3 p:f p:=Open",
      { classify: listed }
    ],
    ["B3 at 10.0 one probe of five simultaneous calls is admitted", "p:4f @10 p:( p:4- p:)s p:=Closed"],
    [
      "B3 it fails: open until 20.0, also when the old errors have aged out of the window",
      "p:4f @10 p:f p:=Open @19.999 p:- @20 p:s",
      { tripPolicy: within(4, 5) }
    ],
    [
      "B3 it succeeds: Closed, and one later error leaves it Closed",
      "p:4f @10 p:s p:=Closed @10.001 p:f p:=Closed p:#1"
    ],
    [
      "B4 a probe that ends in an unregistered error gives the slot back",
      "p:4f @10 p:u p:=HalfOpen p:?0 p:/1 p:s p:=Closed",
      { classify: listed }
    ],
    [
      "B5 backoff: probes fail at 10 and 30, rejected at 69.999, admitted at 70, the third waits 64 s",
      "p:4f @10 p:f @30 p:f @69.999 p:- @70 p:f p:-64 @133.999 p:- @134 p:s",
      capped
    ],
    ["B5 closed for less than the last opening keeps the backoff", "p:4f @10 p:s @19.999 p:4f p:/2", capped],
    ["B5 staying closed long enough resets the backoff", "p:4f @10 p:s @20 p:4f p:/1", capped]
  ])

  it.scoped("B2 refinements of a registered type count", () =>
    Effect.gen(function* () {
      const classify = Outcome.failWhen((error) => error instanceof PeerError)
      const breaker = yield* CircuitBreaker.make({ ...options, classify })
      for (const error of [new PeerError(), new PeerTimeout(), new PeerTimeout(), new PeerTimeout()]) {
        assert.strictEqual(yield* tagOf(breaker), "Closed")
        assert.strictEqual(yield* Effect.flip(breaker.protect(Effect.fail(error))), error)
      }
      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  )

  it.scoped("B5 with jitter the delay is drawn once per opening, not at every check", () =>
    Effect.gen(function* () {
      const openDuration = Schedule.spaced("10 seconds").pipe(Schedule.jittered)
      const port = yield* byProtect({ ...options, openDuration })
      const wait = Effect.map(rejectionOf(port.breaker.protect(works)), ({ retryAfter }) =>
        Duration.toMillis(retryAfter)
      )
      yield* play(port, "4f")
      const delay = yield* wait
      for (let i = 1; i <= 50; i++) {
        assert.strictEqual(yield* wait, delay)
        assert.deepInclude(yield* port.breaker.state(), { retryAfter: Duration.millis(delay) })
      }
      yield* TestClock.setTime(Math.ceil(delay) - 1)
      yield* play(port, "-")
      yield* TestClock.setTime(Math.ceil(delay))
      yield* play(port, "f")
      assert.notStrictEqual(yield* wait, delay)
    }).pipe(Effect.withRandom(Random.make("B5")))
  )

  it.scoped("B6 10,000 peers: memory is bounded, and the latest peers are held", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ ...options, capacity: 500 })
      for (let i = 0; i < 10_000; i++) {
        yield* Effect.exit(breaker.protectWith(Effect.fail("unreachable"), { key: `peer-${i}` }))
      }
      const latest = Array.from({ length: 500 }, (_, i) => `peer-${9_500 + i}`)
      assert.deepStrictEqual(yield* keysOf(breaker), latest)
    })
  )

  it.scoped("B6 first use by several fibers at once makes one circuit", () =>
    Effect.gen(function* () {
      const port = yield* byProtect(options)
      yield* play(port, "p:( p:( p:( p:( p:)f p:)f p:)f p:=Closed p:)f p:=Open")
      assert.deepStrictEqual(yield* keysOf(port.breaker), ["p"])
      assert.strictEqual((yield* windowOf(port.breaker, "p")).failures, 0)
    })
  )

  it.scoped("B7 every opening, half-opening and closing is logged with the peer's id", () =>
    Effect.gen(function* () {
      const lines = yield* recordLogs
      yield* play(yield* byProtect({ ...options, name: "peers" }), "p:4f @10 p:s")
      assert.deepStrictEqual(
        lines.map(({ annotations, level }) => [level, annotations["breaker"], annotations["key"]]),
        [
          ["Warning", "peers", "p"],
          ["Debug", "peers", "p"],
          ["Info", "peers", "p"]
        ]
      )
    })
  )
})
