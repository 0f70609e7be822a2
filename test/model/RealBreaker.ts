/** The library under test, driven one step at a time: after each, every fiber has run as far as it can. */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { CircuitBreaker, type Transition } from "effect-circuit-breaker"
import type { CallForm, Key } from "./Command.ts"
import { classifyAsCall, describeCause } from "./Ending.ts"
import { toOptions, type Setup } from "./Setup.ts"
import { VirtualClock } from "./VirtualClock.ts"

type Breaker = CircuitBreaker.CircuitBreaker
type Gate = Effect.Effect<unknown, unknown>

const clock = new VirtualClock()
const runtime = Effect.runSync(
  Effect.scoped(Layer.toRuntime(Layer.merge(Layer.setClock(clock), Logger.remove(Logger.defaultLogger))))
)

export class RealBreaker {
  readonly clock = clock
  readonly keys: ReadonlyArray<Key>
  private readonly scheduler = new Scheduler.ControlledScheduler()
  private readonly scope = Effect.runSync(Scope.make())
  private readonly breaker: Breaker
  private readonly builtOnce: Record<Key, Gate>
  private readonly read: Effect.Effect<Reading>
  private transitions: Array<Transition.Transition> = []
  /** What the effects that were built once are to run next. */
  private next: Gate = Effect.die("nothing to run")

  constructor(setup: Setup, keys: ReadonlyArray<Key>, startsAt: { monotonic: number; wall: number }) {
    this.keys = keys
    clock.monotonicMillis = startsAt.monotonic
    clock.wallMillis = startsAt.wall
    clock.sleeps = 0
    const breaker = this.run(CircuitBreaker.make(toOptions(setup)).pipe(Scope.extend(this.scope)))
    this.breaker = breaker
    const build = (key: Key) =>
      breaker.protectWith(
        Effect.suspend(() => this.next),
        { key }
      )
    this.builtOnce = { default: build("default"), a: build("a"), b: build("b"), c: build("c") }
    this.read = Effect.all({
      keys: Effect.forEach(keys, (key) => Effect.all([breaker.state(key), breaker.snapshot(key)])),
      circuits: breaker.circuits
    })
    this.run(
      breaker.transitions.pipe(
        Stream.runForEach((transition) => Effect.sync(() => this.transitions.push(transition))),
        Effect.forkIn(this.scope)
      )
    )
  }

  start(key: Key, how: CallForm, atOnce?: Exit.Exit<unknown, unknown>): RealCall {
    const call = new RealCall(atOnce)
    this.next = call.gate
    call.fiber = this.fork(this.protected(call.gate, key, how))
    return call
  }

  private protected(gate: Gate, key: Key, how: CallForm): Gate {
    const breaker = this.breaker
    const options = how.classifies ? { key, classify: classifyAsCall } : { key }
    if (how.classifies && how.api === "built once") {
      return breaker.protectWith(gate, options)
    }
    switch (how.api) {
      case "built once":
        return this.builtOnce[key]
      case "method":
        return key === "default" && !how.classifies
          ? breaker.protect(gate)
          : breaker.protectWith(gate, options)
      case "options first":
        return gate.pipe(breaker.protectWith(options))
      case "options last":
        return breaker.protectWith(gate, options)
      case "tag":
        return CircuitBreaker.protectWith(gate, options).pipe(
          Effect.provideService(CircuitBreaker.CircuitBreaker, breaker)
        )
    }
  }

  trip(key: Key): void {
    this.run(key === "default" ? this.breaker.trip() : this.breaker.trip(key))
  }

  reset(key: Key): void {
    this.run(key === "default" ? this.breaker.reset() : this.breaker.reset(key))
  }

  isolate(key: Key): Scope.CloseableScope {
    const scope = Effect.runSync(Scope.make())
    this.run(this.breaker.isolate(key).pipe(Scope.extend(scope)))
    return scope
  }

  release(isolation: Scope.CloseableScope): void {
    this.run(Scope.close(isolation, Exit.void))
  }

  reading(): { readonly keys: unknown; readonly circuits: unknown } {
    const { keys, circuits } = this.run(this.read)
    return {
      keys: Object.fromEntries(this.keys.map((key, index) => [key, plain(keys[index])])),
      circuits: plain(circuits)
    }
  }

  takeTransitions(): unknown {
    const published = this.transitions
    this.transitions = []
    return plain(published)
  }

  close(): void {
    this.run(Scope.close(this.scope, Exit.void))
  }

  /** Lets every fiber run until all of them are done or wait for the test. */
  settleDown(): void {
    for (let rounds = 0; this.scheduler.tasks.buckets.length > 0; rounds++) {
      if (rounds > 10_000) throw new Error("the fibers never come to rest")
      this.scheduler.step()
    }
  }

  private fork<A, E>(effect: Effect.Effect<A, E>): Fiber.RuntimeFiber<A, E> {
    const fiber = Runtime.runFork(runtime)(effect, { scheduler: this.scheduler })
    this.settleDown()
    return fiber
  }

  private run<A, E>(effect: Effect.Effect<A, E>): A {
    const exit = this.fork(effect).unsafePoll()
    if (exit === null) throw new Error("a control or a read waits for something")
    if (Exit.isFailure(exit)) throw new Error(Cause.pretty(exit.cause))
    return exit.value
  }
}

interface Reading {
  readonly keys: ReadonlyArray<readonly [CircuitBreaker.CircuitState, CircuitBreaker.CircuitSnapshot]>
  readonly circuits: ReadonlyArray<CircuitBreaker.CircuitSnapshot>
}

/** One call: its effect waits at a gate, or is over at once. */
export class RealCall {
  started = false
  fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined
  readonly gate: Gate
  private open: ((exit: Exit.Exit<unknown, unknown>) => void) | undefined
  private diesOnInterrupt: unknown = undefined

  constructor(atOnce?: Exit.Exit<unknown, unknown>) {
    this.gate = Effect.suspend(() => {
      this.started = true
      return (
        atOnce ??
        Effect.async<unknown, unknown>((resume) => {
          this.open = resume
          return Effect.suspend(() =>
            this.diesOnInterrupt === undefined ? Effect.void : Effect.die(this.diesOnInterrupt)
          )
        })
      )
    })
  }

  settle(exit: Exit.Exit<unknown, unknown>): void {
    this.open?.(exit)
  }

  interrupt(diesWith?: unknown): void {
    this.diesOnInterrupt = diesWith
    this.fiber?.unsafeInterruptAsFork(FiberId.none)
  }

  exit(): Exit.Exit<unknown, unknown> | null {
    return this.fiber?.unsafePoll() ?? null
  }
}

/** The library's answers as the model gives them: durations in milliseconds, options as null, causes in words. */
export const plain = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map(plain)
  if (Duration.isDuration(value)) return Duration.toMillis(value)
  if (Option.isOption(value)) return plain(Option.getOrNull(value))
  if (Cause.isCause(value)) return describeCause(value)
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]))
}
