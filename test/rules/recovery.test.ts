import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as TestClock from "effect/TestClock"
import { Transition, TripPolicy } from "effect-circuit-breaker"
import { fails, makeRecovering, settled, watch, works } from "../kit/index.ts"
import { everyWay } from "../kit/ports.ts"
import { playAll } from "../kit/script.ts"

describe("R3.2.9 Recovering", () => {
  const options = {
    tripPolicy: TripPolicy.consecutive(1),
    openDuration: "10 seconds",
    recovery: { duration: "100 seconds", from: 0.25 }
  } as const
  const wide = { recovery: { duration: "100 seconds", from: 1 } } as const

  playAll(everyWay, options, [
    ["R3.2.9 admits the k-th call when floor(k * share) grows", "f +10 s *0.25 3- s 3- s 3- s"],
    [
      "R3.2.9 admits a share that grows from `from` to 1 over the duration",
      "f +10 s *0.25 3- s 3- s +50 *0.625 2s - 2s - 2s +49 *0.9925 +1 =Closed 20s"
    ],
    [
      "R3.2.9 begins with a tenth by default",
      "f +10 s *0.1 /1 9- s 9- s",
      { recovery: { duration: "100 seconds" } }
    ],
    ["R3.2.9 rejects the others, and asks for no wait", "f +10 s -0 =Recovering"],
    [
      "R3.2.9 counts outcomes under the trip policy",
      "trip +10 s =Recovering s f s #1 =Recovering f =Open",
      { ...wide, tripPolicy: TripPolicy.failureRate({ threshold: 0.5, calls: 4 }) }
    ],
    [
      "R3.2.9 a trip from there is an ordinary opening",
      "f +10 s f >Open>HalfOpen>Recovering>Open ~10 /2 +10 =HalfOpen",
      wide
    ],
    [
      "R3.2.9 is over at exactly its duration; the next call announces it, with an empty window",
      "trip +10 s f >Open>HalfOpen>Recovering +99.999 =Recovering +0.001 =Closed #0 > f #1 >Closed",
      { ...wide, tripPolicy: TripPolicy.consecutive(2) }
    ]
  ])

  it.scoped("R3.2.9 an opening during a recovery has the reason Tripped", () =>
    Effect.gen(function* () {
      const breaker = yield* makeRecovering(wide)
      const seen = yield* watch(breaker.transitions)

      yield* Effect.zipRight(Effect.flip(breaker.protect(fails)), settled)

      const { from, reason } = seen.find(Transition.isOpened)!
      assert.deepStrictEqual([from, reason], ["Recovering", "Tripped"])
    })
  )

  it.scoped("R3.2.9 is deterministic: two circuits admit the same calls", () =>
    Effect.gen(function* () {
      const circuit = makeRecovering({ recovery: { duration: "100 seconds", from: 0.3 } })
      const breakers = [yield* circuit, yield* circuit]
      yield* Effect.forEach(breakers, (breaker) => Effect.zipRight(breaker.reset(), breaker.trip()))
      yield* TestClock.adjust("10 seconds")

      const admissions = breakers.map(() => "")
      for (let i = 0; i < 5; i++) {
        for (const [which, breaker] of breakers.entries()) {
          const exits = yield* Effect.replicateEffect(Effect.exit(breaker.protect(works)), 8)
          admissions[which] += exits.map((exit) => (Exit.isSuccess(exit) ? "a" : "-")).join("")
        }
        yield* TestClock.adjust(Duration.seconds(13))
      }

      assert.strictEqual(admissions[0], admissions[1])
      assert.include(admissions[0], "-")
    })
  )
})
