import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, CircuitBreakerRegistry, CircuitStore, TripPolicy } from "effect-circuit-breaker"
import { read } from "./documents.ts"

/** A document on one line, because its text may be wrapped anywhere. */
const textOf = (document: string): string => read(document).replaceAll(/\s+/g, " ")

/** Runs an effect and returns its lines in the log, without time and fiber. */
const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const keep = Logger.map(Logger.logfmtLogger, (line) => {
      lines.push(line.replace(/^timestamp=\S+ /, "").replace(/fiber=\S+ /, ""))
    })
    return Effect.as(Effect.provide(effect, Logger.replace(Logger.defaultLogger, keep)), lines)
  })

const messageOf = (line: string): string => /message="([^"]*)"/.exec(line)![1]!

const fails = Effect.fail(new Error("unavailable"))

describe("the guides quote literally", () => {
  it.effect("E19 the line of an opening", () =>
    Effect.gen(function* () {
      const tripPolicy = TripPolicy.failureRate({ threshold: 0.6, within: "30 seconds", minimumCalls: 10 })
      const breaker = yield* CircuitBreaker.make({ name: "Payments", tripPolicy })
      const lines = yield* logged(
        Effect.zipRight(
          Effect.replicateEffect(breaker.protect(Effect.void), 4),
          Effect.replicateEffect(Effect.exit(breaker.protect(fails)), 6)
        )
      )
      assert.strictEqual(lines.length, 1)
      // The stack of the error follows its message.
      assert.include(textOf("examples/observing/README.md"), lines[0]!.replace(/(\\n| at ).*?"/, '"'))
    }).pipe(Effect.scoped)
  )

  it.effect("E17 the warning of a layer that is built for each request", () =>
    Effect.gen(function* () {
      const request = Effect.provide(CircuitBreaker.protect(Effect.void), CircuitBreaker.layer())
      const lines = yield* logged(Effect.replicateEffect(request, 5))
      assert.strictEqual(lines.length, 1)
      const quoted = /`(The breaker was built [^`]*:) …`/.exec(textOf("examples/README.md"))![1]!
      assert.isTrue(messageOf(lines[0]!).startsWith(quoted), messageOf(lines[0]!))
    }).pipe(
      Effect.provideServiceEffect(
        CircuitBreakerRegistry.CircuitBreakerRegistry,
        Effect.sync(CircuitBreakerRegistry.unsafeMake)
      )
    )
  )

  it.effect("R3.5 the error of an option out of range", () =>
    Effect.gen(function* () {
      const options = { name: "Payments", halfOpen: { probes: 0 } }
      const exit = yield* Effect.exit(Effect.scoped(CircuitBreaker.make(options)))
      const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
      assert.include(textOf("examples/policies/README.md"), String(error))
    })
  )

  it.effect("R3.4 the lines of a store that fails and answers again", () =>
    Effect.gen(function* () {
      const memory = yield* CircuitStore.makeMemory()
      let isDown = true
      const unlessDown = <A>(ask: Effect.Effect<A, CircuitStore.CircuitStoreError>) =>
        Effect.suspend(() => (isDown ? new CircuitStore.CircuitStoreError({ message: "down" }) : ask))
      const store: CircuitStore.Store = {
        ...memory,
        exchange: (requests) => unlessDown(memory.exchange(requests)),
        compareAndSet: (request) => unlessDown(memory.compareAndSet(request))
      }
      const lines = yield* logged(
        Effect.gen(function* () {
          const breaker = yield* CircuitBreaker.make()
          yield* Effect.exit(breaker.protect(fails))
          isDown = false
          yield* TestClock.adjust("3 seconds")
          yield* Effect.exit(breaker.protect(fails))
          yield* TestClock.adjust("3 seconds")
        }).pipe(Effect.scoped, Effect.provideService(CircuitStore.CircuitStore, store))
      )
      const [lost, regained] = lines.filter((line) => line.includes("circuit store"))
      const guide = textOf("examples/fleet/README.md")
      assert.include(guide, `\`${messageOf(lost!).replace("(down)", "(…)")}\``)
      assert.include(guide, `\`${messageOf(regained!)}\``)
    })
  )
})
