/** Real breakers with the real admin API and the page, on loopback. */
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { createServer } from "node:http"

import * as CircuitAdmin from "effect-circuit-breaker/CircuitAdmin"
import * as CircuitDashboard from "effect-circuit-breaker/CircuitDashboard"
import { CircuitBreaker, CircuitBreakerRegistry } from "effect-circuit-breaker"

export const token = "a-token-of-the-test"

export interface RealAdmin {
  readonly url: string
  readonly breaker: CircuitBreaker.CircuitBreaker
  /** Runs an effect on the clock of the breaker and the server. */
  readonly run: <A>(effect: Effect.Effect<A>) => Promise<A>
  /** Puts that clock forward, so that no test waits for an open time, and none has to be quick. */
  readonly pass: (millis: number) => void
}

/** The time of the system, and how far it was put forward. */
const makeClock = () => {
  const system = Clock.make()
  let ahead = 0
  const clock: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    currentTimeMillis: Effect.sync(() => clock.unsafeCurrentTimeMillis()),
    currentTimeNanos: Effect.sync(() => clock.unsafeCurrentTimeNanos()),
    unsafeCurrentTimeMillis: () => system.unsafeCurrentTimeMillis() + ahead,
    unsafeCurrentTimeNanos: () => system.unsafeCurrentTimeNanos() + BigInt(ahead) * 1_000_000n,
    sleep: (duration) => system.sleep(duration)
  }
  return {
    clock,
    pass: (millis: number) => {
      ahead += millis
    }
  }
}

/** A breaker with the given options, in a registry of its own, and a server that shows it. */
export const realAdmin = (
  options: CircuitBreaker.Options,
  admin: CircuitAdmin.Options = { token: Redacted.make(token) }
): Effect.Effect<RealAdmin, unknown, Scope.Scope> =>
  Effect.suspend(() => {
    const { clock, pass } = makeClock()
    return Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make(options)
      const routes = Layer.mergeAll(CircuitAdmin.layer(admin), CircuitDashboard.layer())
      const server = NodeHttpServer.layer(() => createServer(), { host: "127.0.0.1", port: 0 })
      const context = yield* Layer.build(
        HttpLayerRouter.serve(routes, { disableListenLog: true, disableLogger: true }).pipe(
          Layer.provideMerge(server)
        )
      )
      const url = HttpServer.formatAddress(Context.get(context, HttpServer.HttpServer).address)
      const run = <A>(effect: Effect.Effect<A>) =>
        Effect.runPromise(effect.pipe(Effect.withClock(clock), Logger.withMinimumLogLevel(LogLevel.None)))
      return { url, breaker, run, pass }
    }).pipe(Effect.withClock(clock))
  }).pipe(
    Effect.provideServiceEffect(
      CircuitBreakerRegistry.CircuitBreakerRegistry,
      Effect.sync(CircuitBreakerRegistry.unsafeMake)
    ),
    Logger.withMinimumLogLevel(LogLevel.None)
  )
