import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as TestContext from "effect/TestContext"
import { CircuitBreaker } from "effect-circuit-breaker"
import { afterEach, expect, it, vi } from "vitest"

// What the README and the documentation of `testing` warn of.

afterEach(() => {
  vi.useRealTimers()
})

const withBreaker = async (
  use: (runtime: ManagedRuntime.ManagedRuntime<CircuitBreaker.CircuitBreaker, never>) => Promise<void>
) => {
  const quiet = Logger.minimumLogLevel(LogLevel.None)
  const runtime = ManagedRuntime.make(Layer.merge(CircuitBreaker.layer({ openDuration: "1 hour" }), quiet))
  await use(runtime)
  await runtime.dispose()
}

it("E20 a circuit tripped under the live clock is open for decades under TestClock", () =>
  withBreaker(async (runtime) => {
    await runtime.runPromise(CircuitBreaker.trip())
    const state = await runtime.runPromise(Effect.provide(CircuitBreaker.state(), TestContext.TestContext))
    expect(state._tag === "Open" && Duration.toDays(state.retryAfter)).toBeGreaterThan(10_000)
  }))

it("E20 a circuit tripped under TestClock is ready at once under the live clock", () =>
  withBreaker(async (runtime) => {
    await runtime.runPromise(Effect.provide(CircuitBreaker.trip(), TestContext.TestContext))
    expect((await runtime.runPromise(CircuitBreaker.state()))._tag).toBe("HalfOpen")
  }))

it("E20 fake timers move sleeps, and not the clock of a circuit", () =>
  withBreaker(async (runtime) => {
    vi.useFakeTimers()
    await runtime.runPromise(CircuitBreaker.trip())
    const asleep = runtime.runPromise(Effect.sleep("1 day"))
    await vi.advanceTimersByTimeAsync(Duration.toMillis("1 day"))
    await asleep
    const state = await runtime.runPromise(CircuitBreaker.state())
    expect(state._tag).toBe("Open")
  }))
