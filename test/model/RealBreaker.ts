/** The library under test, driven one step at a time: after each, every fiber has run as far as it can. */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { CircuitBreaker, CircuitStore, type Transition } from "effect-circuit-breaker"
import type { CallForm, Key } from "./Command.ts"
import { classifyAsCall, describeCause, outcomesTold } from "./Ending.ts"
import { toOptions, type Setup } from "./Setup.ts"
import type { ManualClock } from "../kit/ManualClock.ts"
import type { World } from "./World.ts"

type Breaker = CircuitBreaker.CircuitBreaker
type Gate = Effect.Effect<unknown, unknown>

export class RealBreaker {
  readonly keys: ReadonlyArray<Key>
  /** Where calls are made: each place has circuits of its own. */
  readonly place: number = 0
  private readonly world: World
  private readonly scope = Effect.runSync(Scope.make())
  private readonly breaker: Breaker
  private readonly builtOnce: Record<Key, Gate>
  private readonly read: Effect.Effect<Reading>
  private transitions: Array<Transition.Transition> = []
  /** The gate that the effects that were built once run next. */
  private next: Gate = Effect.die("nothing to run")

  constructor(setup: Setup, keys: ReadonlyArray<Key>, world: World, store = CircuitStore.alone) {
    this.keys = keys
    this.world = world
    const breaker = world.run(
      CircuitBreaker.make(toOptions(setup)).pipe(
        Effect.provideService(CircuitStore.CircuitStore, store),
        Scope.extend(this.scope)
      )
    )
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
    world.run(
      breaker.transitions.pipe(
        Stream.runForEach((transition) => Effect.sync(() => this.transitions.push(transition))),
        Effect.forkIn(this.scope)
      )
    )
  }

  get clock(): ManualClock {
    return this.world.clock
  }

  start(key: Key, how: CallForm, atOnce?: Exit.Exit<unknown, unknown>): RealCall {
    const call = new RealCall(atOnce)
    this.next = call.gate
    call.fiber = this.world.fork(this.protected(call.gate, key, how))
    return call
  }

  private protected(gate: Gate, key: Key, how: CallForm): Gate {
    const breaker = this.breaker
    const options = how.classifies ? { key, classify: classifyAsCall } : { key }
    if (how.api === "admit") return this.admitted(gate, key)
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

  /** A call that tells itself how it ended, within a scope of its own. */
  private admitted(gate: Gate, key: Key): Gate {
    const admission = key === "default" ? this.breaker.admit() : this.breaker.admit(key)
    return Effect.scoped(
      Effect.flatMap(admission, ({ settle }) =>
        Effect.onExit(gate, (exit) =>
          Effect.forEach(outcomesTold(exit), (outcome) =>
            Effect.catchAllDefect(settle(outcome), () => Effect.void)
          )
        )
      )
    )
  }

  trip(key: Key): void {
    this.world.run(key === "default" ? this.breaker.trip() : this.breaker.trip(key))
  }

  reset(key: Key): void {
    this.world.run(key === "default" ? this.breaker.reset() : this.breaker.reset(key))
  }

  isolate(key: Key): Scope.CloseableScope {
    return this.hold(this.breaker.isolate(key))
  }

  disable(key: Key): Scope.CloseableScope {
    return this.hold(key === "default" ? this.breaker.disable() : this.breaker.disable(key))
  }

  private hold(holding: Effect.Effect<void, never, Scope.Scope>): Scope.CloseableScope {
    const scope = Effect.runSync(Scope.make())
    this.world.run(Scope.extend(holding, scope))
    return scope
  }

  /** Gives back an isolation or a disabling. */
  release(hold: Scope.CloseableScope): void {
    this.world.run(Scope.close(hold, Exit.void))
  }

  reading(): { readonly keys: unknown; readonly circuits: unknown } {
    const { keys, circuits } = this.world.run(this.read)
    return {
      keys: Object.fromEntries(this.keys.map((key, index) => [key, plain(keys[index])])),
      circuits: plain(circuits)
    }
  }

  state(key: Key): CircuitBreaker.CircuitState {
    return this.world.run(this.breaker.state(key))
  }

  snapshots(): ReadonlyArray<CircuitBreaker.CircuitSnapshot> {
    return this.world.run(Effect.forEach(this.keys, this.breaker.snapshot))
  }

  takeTransitions(): ReadonlyArray<Transition.Transition> {
    const published = this.transitions
    this.transitions = []
    return published
  }

  close(): void {
    this.world.run(Scope.close(this.scope, Exit.void))
  }

  advance(millis: number): void {
    this.world.clock.advance(millis)
  }

  settleDown(): void {
    this.world.settleDown()
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
  const fields: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(value)) fields[name] = plain(field)
  return fields
}
