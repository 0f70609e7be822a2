import * as HttpRouter from "@effect/platform/HttpRouter"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as TestClock from "effect/TestClock"
import { type CircuitBreaker, Outcome } from "effect-circuit-breaker"
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import { test } from "../../kit/test.ts"
import { type Breaker, makeHalfOpen, tagOf } from "../../kit/index.ts"
import { type Ask, everyPlace, guarding, routed, serve, status, WaitingHandler } from "./fixtures.ts"

/** A 409 is Ignored here. */
const classify = (exit: Parameters<typeof CircuitHttpMiddleware.classify>[0]) =>
  Exit.isSuccess(exit) && exit.value.status === 409 ? Outcome.ignored : CircuitHttpMiddleware.classify(exit)

/** Asserts that the slot is free, and that a request that succeeds closes the circuit. */
const assertUsable = (breaker: Breaker, ask: Ask, handler: WaitingHandler) =>
  Effect.gen(function* () {
    assert.deepInclude(yield* breaker.state(), { _tag: "HalfOpen", probing: 0, succeeded: 0 })
    yield* handler.ends(status(200))
    assert.strictEqual((yield* ask()).status, 200)
    assert.strictEqual(yield* tagOf(breaker), "Closed")
  })

for (const [place, serveIn] of Object.entries(everyPlace)) {
  describe(`probes, with the middleware ${place}`, () => {
    const halfOpen = (options?: CircuitBreaker.Options) =>
      Effect.gen(function* () {
        const handler = new WaitingHandler()
        const { ask, breaker } = yield* guarding(makeHalfOpen(options), handler.app, { classify }, serveIn)
        const begin = Effect.zipLeft(Effect.fork(ask()), handler.hasBegun)
        return { handler, breaker, ask, begin }
      })

    test("D2 one of several simultaneous requests is the probe, the others get a 503 at once", function* () {
      const { ask, begin, breaker, handler } = yield* halfOpen()
      const probe = yield* begin
      const others = yield* Effect.replicateEffect(ask(), 4)
      assert.deepStrictEqual(
        others.map(({ headers, status }) => [status, headers["retry-after"]]),
        Array.from({ length: 4 }, () => [503, "1"])
      )
      assert.strictEqual(handler.runs, 1)
      yield* handler.ends(status(204))
      assert.strictEqual((yield* probe).status, 204)
      assert.strictEqual(yield* tagOf(breaker), "Closed")
    })

    test("D3 probes: 3 run at the same time, and three successes close the circuit", function* () {
      const { ask, begin, breaker, handler } = yield* halfOpen({ halfOpen: { probes: 3 } })
      const probes = yield* Effect.replicateEffect(begin, 3)
      assert.strictEqual((yield* ask()).status, 503)
      for (const probe of probes) {
        assert.strictEqual(yield* tagOf(breaker), "HalfOpen")
        yield* handler.ends(status(200))
        assert.strictEqual((yield* probe).status, 200)
      }
      assert.strictEqual(yield* tagOf(breaker), "Closed")
      assert.strictEqual(handler.runs, 3)
    })

    test("D3 probes: 3 reopen the circuit when one of them fails", function* () {
      const { ask, begin, breaker, handler } = yield* halfOpen({ halfOpen: { probes: 3 } })
      for (const code of [200, 200, 500]) {
        const probe = yield* begin
        yield* handler.ends(status(code))
        assert.strictEqual((yield* probe).status, code)
      }
      assert.strictEqual(yield* tagOf(breaker), "Open")
      assert.strictEqual((yield* ask()).headers["retry-after"], "10")
    })

    test("D4 a probe that times out inside reopens the circuit, which stays usable", function* () {
      const handler = new WaitingHandler()
      // Without a router, a handler cannot be interrupted.
      const patient = routed(Effect.timeout(handler.app, "5 seconds"))
      const { ask, breaker } = yield* guarding(makeHalfOpen(), patient, {}, serveIn)
      const probe = yield* Effect.fork(ask())
      yield* handler.hasBegun
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* probe).status, 500)
      assert.strictEqual(yield* tagOf(breaker), "Open")
      yield* TestClock.adjust("10 seconds")
      yield* assertUsable(breaker, ask, handler)
    })

    test("D4 a probe that ends Ignored gives its slot back", function* () {
      const { ask, begin, breaker, handler } = yield* halfOpen()
      const probe = yield* begin
      yield* handler.ends(status(409))
      assert.strictEqual((yield* probe).status, 409)
      yield* assertUsable(breaker, ask, handler)
    })

    test("R3.2.5 a probe that hangs loses its slot at probeTimeout, and its late answer changes nothing", function* () {
      const { ask, begin, breaker, handler } = yield* halfOpen({
        halfOpen: { probeTimeout: "5 seconds" }
      })
      const hanging = yield* begin
      yield* TestClock.adjust("4999 millis")
      assert.strictEqual((yield* ask()).status, 503)
      yield* TestClock.adjust("1 millis")
      const next = yield* begin
      yield* handler.ends(status(500))
      assert.strictEqual((yield* hanging).status, 500)
      assert.strictEqual(yield* tagOf(breaker), "HalfOpen")
      yield* handler.ends(status(200))
      assert.strictEqual((yield* next).status, 200)
      assert.strictEqual(yield* tagOf(breaker), "Closed")
    })
  })
}

test("D4 a probe that times out outside the middleware gives its slot back", function* () {
  const handler = new WaitingHandler()
  const breaker = yield* makeHalfOpen()
  const middleware = CircuitHttpMiddleware.make({ breaker })
  const ask = yield* serve(
    HttpRouter.use(routed(handler.app), (route) => Effect.timeout(middleware(route), "5 seconds"))
  )
  const probe = yield* Effect.fork(ask())
  yield* handler.hasBegun
  yield* TestClock.adjust("5 seconds")
  assert.strictEqual((yield* probe).status, 500)
  yield* assertUsable(breaker, ask, handler)
})
