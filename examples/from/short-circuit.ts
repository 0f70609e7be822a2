/**
 * From Python's `short_circuit` (earlier PyCircuitBreaker): one decorator that opens after so many failures in a row,
 * and that several functions can share.
 *
 *     cb = CircuitBreaker(max_failures=3, reset_timeout=3)
 *
 *     @cb
 *     def rates(): ...
 *
 *     @cb
 *     def history(): ...
 *
 *     try:
 *         rates()
 *     except CircuitBreakerError:
 *         ...
 *
 * | theirs                   | ours                           | note                                             |
 * | ------------------------ | ------------------------------ | ------------------------------------------------ |
 * | `max_failures`           | `TripPolicy.consecutive(n)`    | the n-th in a row opens; a success starts over   |
 * | `reset_timeout`          | `openDuration`                 | no timer, so nothing keeps a process alive       |
 * | `@cb`                    | `Exchange.protect`             | round as many effects as there are               |
 * | `CircuitBreakerError`    | `CircuitOpenError`             | in the type, with `retryAfter`                   |
 * | any `Exception` counts   | `classify`                     | as there by default; interruption counts nowhere |
 * | an error below the n-th  | reaches its caller             | there it is swallowed                            |
 * | half-open                | `halfOpen: { probes: 1 }`      | one call at a time; there all that come          |
 * | a late success           | changes nothing                | there it closes                                  |
 * | to do: register and list | `CircuitBreakerRegistry`       | `breakers`, `get(name)`                          |
 * | to do: statistics        | `snapshot()`, `CircuitMetrics` |                                                  |
 * | to do: control by hand   | `trip`, `reset`, `isolate`     |                                                  |
 * | to do: one for a program | `CircuitBreaker.Service`       | provided once, the same circuits for all         |
 */
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import { CircuitBreaker, CircuitBreakerRegistry, TripPolicy } from "effect-circuit-breaker"
import * as assert from "node:assert"

class Exchange extends CircuitBreaker.Service<Exchange>()("Exchange", {
  tripPolicy: TripPolicy.consecutive(3),
  openDuration: "3 seconds"
}) {}

class ExchangeDown extends Data.TaggedError("ExchangeDown") {}

const exchange = { isDown: true, calls: 0 }

const ask = (what: string): Effect.Effect<string, ExchangeDown> =>
  Effect.suspend(() => {
    exchange.calls++
    return exchange.isDown ? Effect.fail(new ExchangeDown()) : Effect.succeed(what)
  })

const rates = ask("rates").pipe(Exchange.protect)
const history = ask("history").pipe(Exchange.protect)

const program = Effect.gen(function* () {
  for (const call of [rates, history, rates]) {
    assert.strictEqual((yield* Effect.flip(call))._tag, "ExchangeDown")
  }
  const rejection = yield* Effect.flip(history)
  assert.strictEqual(rejection._tag, "CircuitOpenError")
  assert.strictEqual(exchange.calls, 3)
  yield* Console.log(`3 failures in a row: ${rejection.message}`)

  yield* TestClock.adjust("2999 millis")
  assert.strictEqual((yield* Effect.flip(rates))._tag, "CircuitOpenError")
  yield* TestClock.adjust("1 millis")
  assert.strictEqual((yield* Exchange.state())._tag, "HalfOpen")
  exchange.isDown = false
  assert.strictEqual(yield* history, "history")
  assert.strictEqual((yield* Exchange.state())._tag, "Closed")
  yield* Console.log("3 seconds later: one function's success closed it for both")

  // The registry of all breakers finds one by its name.
  const found = Option.getOrThrow(yield* CircuitBreakerRegistry.get("Exchange"))
  const { totals } = yield* found.snapshot()
  assert.deepStrictEqual(totals, { succeeded: 1, failed: 3, ignored: 0, rejected: 2 })
  yield* Console.log(`statistics of "${found.name}":`, totals)

  yield* found.trip()
  assert.strictEqual((yield* Effect.flip(rates))._tag, "CircuitOpenError")
  yield* found.reset()
  assert.strictEqual(yield* rates, "rates")

  const maintenance = Effect.zipRight(found.isolate(), Effect.flip(rates))
  const isolated = yield* Effect.scoped(maintenance)
  assert.strictEqual(yield* rates, "rates")
  yield* Console.log(`while it is held open by hand: ${isolated.message}`)
})

// Virtual time: the breaker has no clock of its own.
await program.pipe(
  Effect.provide(Layer.provideMerge(Exchange.layer, TestContext.TestContext)),
  Logger.withMinimumLogLevel(LogLevel.None),
  Effect.runPromise
)
