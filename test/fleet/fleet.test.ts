import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, CircuitStore, TripPolicy, type Transition } from "effect-circuit-breaker"

const nodes = (count: number, options: CircuitBreaker.Options, store?: CircuitStore.Options) =>
  Effect.gen(function* () {
    const shared = yield* CircuitStore.makeMemory(store)
    const made = yield* Effect.replicateEffect(
      Effect.provideService(CircuitBreaker.make(options), CircuitStore.CircuitStore, shared),
      count
    )
    yield* settled
    return made
  })

const settled = Effect.repeatN(Effect.yieldNow(), 30)
const fails = Effect.fail("down")
const tag = (b: CircuitBreaker.CircuitBreaker) => Effect.map(b.state(), (s) => s._tag)
const failing = (b: CircuitBreaker.CircuitBreaker, n: number) =>
  Effect.zipRight(Effect.replicateEffect(Effect.exit(b.protect(fails)), n), settled)
const watch = (b: CircuitBreaker.CircuitBreaker) =>
  Effect.gen(function* () {
    const seen: Array<Transition.Transition> = []
    yield* Effect.forkScoped(
      Stream.runForEach(b.transitions, (t) =>
        Effect.sync(() => {
          seen.push(t)
        })
      )
    )
    yield* settled
    return seen
  })

describe("a fleet", () => {
  it.scoped("C6 three failures in one and two in the other open both", () =>
    Effect.gen(function* () {
      const [a, b] = yield* nodes(2, { tripPolicy: TripPolicy.consecutive(5) })
      const seenA = yield* watch(a!),
        seenB = yield* watch(b!)
      yield* failing(a!, 3)
      yield* failing(b!, 2)
      assert.deepStrictEqual([yield* tag(a!), yield* tag(b!)], ["Open", "Open"])
      assert.deepStrictEqual(
        [...seenA, ...seenB].map((t) => `${t.from} ${t.to} ${t.generation}`),
        ["Closed Open 1", "Closed Open 1"]
      )
      yield* TestClock.adjust("29999 millis")
      assert.deepStrictEqual([yield* tag(a!), yield* tag(b!)], ["Open", "Open"])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual([yield* tag(a!), yield* tag(b!)], ["HalfOpen", "HalfOpen"])
      yield* a!.protect(Effect.void)
      yield* settled
      assert.deepStrictEqual([yield* tag(a!), yield* tag(b!)], ["Closed", "Closed"])
      assert.deepStrictEqual(
        seenB.map((t) => `${t.from} ${t.to} ${t.generation}`),
        seenA.map((t) => `${t.from} ${t.to} ${t.generation}`)
      )
    })
  )
  for (const [name, tripPolicy] of [
    ["count", TripPolicy.failureCount({ failures: 5, within: "60 seconds" })],
    ["rate", TripPolicy.failureRate({ threshold: 0.5, within: "60 seconds", minimumCalls: 5 })],
    ["calls", TripPolicy.failureRate({ threshold: 0.5, calls: 20, minimumCalls: 5 })],
    [
      "any",
      TripPolicy.anyOf(
        TripPolicy.consecutive(100),
        TripPolicy.failureRate({ threshold: 0.5, calls: 20, minimumCalls: 5 })
      )
    ]
  ] as const)
    it.scoped(`every policy is that of the fleet: ${name}`, () =>
      Effect.gen(function* () {
        const [a, b] = yield* nodes(2, { tripPolicy })
        yield* failing(a!, 3)
        assert.deepStrictEqual([yield* tag(a!), yield* tag(b!)], ["Closed", "Closed"])
        yield* failing(b!, 1)
        assert.deepStrictEqual([yield* tag(a!), yield* tag(b!)], ["Closed", "Closed"])
        yield* failing(b!, 1)
        assert.deepStrictEqual([yield* tag(a!), yield* tag(b!)], ["Open", "Open"])
      })
    )
  it.scoped("successes of others lower the rate, and break a streak", () =>
    Effect.gen(function* () {
      const [a, b] = yield* nodes(2, {
        tripPolicy: TripPolicy.failureRate({ threshold: 0.5, within: "60 seconds", minimumCalls: 5 })
      })
      yield* Effect.replicateEffect(b!.protect(Effect.void), 20)
      yield* failing(a!, 1)
      yield* TestClock.adjust("1 second")
      yield* failing(a!, 18)
      assert.deepStrictEqual([yield* tag(a!), yield* tag(b!)], ["Closed", "Closed"])
      yield* failing(a!, 1)
      assert.deepStrictEqual([yield* tag(a!), yield* tag(b!)], ["Open", "Open"])
    })
  )
  it.scoped("of 20 nodes one probes", () =>
    Effect.gen(function* () {
      const all = yield* nodes(20, {})
      yield* failing(all[0]!, 5)
      yield* TestClock.adjust("30 seconds")
      let ran = 0
      const call = Effect.sync(() => {
        ran++
      }).pipe(Effect.zipRight(Effect.never))
      yield* Effect.forEach(all, (b) => Effect.fork(b.protect(call)))
      yield* settled
      yield* settled
      assert.strictEqual(ran, 1)
    })
  )
  it.scoped("by hand", () =>
    Effect.gen(function* () {
      const [a, b] = yield* nodes(2, {})
      yield* b!.protect(Effect.void)
      yield* a!.trip()
      yield* settled
      assert.deepStrictEqual([yield* tag(a!), yield* tag(b!)], ["Open", "Open"])
      yield* b!.reset()
      yield* settled
      assert.deepStrictEqual([yield* tag(a!), yield* tag(b!)], ["Closed", "Closed"])
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* a!.isolate()
          yield* settled
          assert.deepStrictEqual([yield* tag(a!), yield* tag(b!)], ["Isolated", "Isolated"])
        })
      )
      yield* settled
      assert.deepStrictEqual([yield* tag(a!), yield* tag(b!)], ["Closed", "Closed"])
    })
  )
})
