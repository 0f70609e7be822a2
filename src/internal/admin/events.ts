import type * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Registry } from "../../CircuitBreakerRegistry.ts"
import type { Transition } from "../../Transition.ts"
import { Batches } from "./batches.ts"
import type { Census } from "./census.ts"
import type { TooMany } from "./errors.ts"
import { eventText, heartbeat, retry } from "./eventText.ts"
import type { History } from "./history.ts"
import { breakersOf } from "./live.ts"
import type { Overrides } from "./overrides.ts"
import type { Sampler } from "./sampler.ts"
import type { Streams } from "./streams.ts"
import { transitionOf } from "./summaries.ts"

/** The number of summaries from one heartbeat to the next. */
const summariesPerHeartbeat = 15

interface Parts {
  readonly registry: Registry
  readonly history: History
  readonly census: Census
  readonly overrides: Overrides
  readonly sampler: Sampler
  readonly streams: Streams
  /** The scope of the administration. */
  readonly scope: Scope.Scope
}

/** The fiber that makes summaries while there is a consumer, and the latest summary. */
interface Running {
  readonly fiber: Fiber.Fiber<unknown>
  latest: string
}

/**
 * Sends events to their consumers. Summaries are made only while there is a consumer, and once for all of them.
 *
 * @internal
 */
export class Events {
  private readonly parts: Parts
  private running: Running | undefined = undefined
  private readonly starting = Effect.unsafeMakeSemaphore(1)
  private readonly transitions: Batches

  constructor(parts: Parts) {
    const { scope, streams } = parts
    this.parts = parts
    this.transitions = new Batches({ scope, send: (text) => streams.send(text) })
  }

  /** Records and sends every transition, until the scope of the administration closes. */
  readonly observe: Effect.Effect<void> = Effect.suspend(() => {
    const { registry, scope } = this.parts
    const observing = Stream.runForEachChunk(registry.transitions, (chunk) => this.take(chunk))
    // A forked fiber would subscribe later and could miss transitions. `runFork` starts the fiber at once.
    return Effect.map(Effect.runtime(), (runtime) => {
      Runtime.runFork(runtime)(observing, { scope })
    })
  })

  /** Connects a consumer until the scope closes, and returns its stream of events. */
  connect(destroy: (() => void) | undefined): Effect.Effect<Stream.Stream<Uint8Array>, TooMany, Scope.Scope> {
    return Effect.gen(this, function* () {
      // This finalizer was added first, so it runs after the one that removes the consumer.
      yield* Effect.addFinalizer(() => this.stopIfAlone)
      const { events, leave } = yield* this.parts.streams.connect(destroy)
      const first = Stream.make(new TextEncoder().encode(retry + (yield* this.latest)))
      // The router of @effect/platform 0.95 closes the scopes of requests only when the server ends, so the end of the
      // stream also removes the consumer.
      return Stream.ensuring(Stream.concat(first, events), Effect.zipRight(leave, this.stopIfAlone))
    })
  }

  private take(chunk: Chunk.Chunk<Transition>): Effect.Effect<void> {
    const { census, history, overrides, streams } = this.parts
    return Effect.suspend(() => {
      for (const transition of chunk) {
        history.add(transition)
        census.note(transition)
      }
      if (streams.size === 0) return overrides.prune
      const texts = Array.from(chunk, (transition) => eventText("transition", transitionOf(transition)))
      return Effect.zipRight(this.transitions.add(texts.join("")), overrides.prune)
    })
  }

  /**
   * The latest summary. For the first consumer, this makes a summary, and starts the fiber that makes the next ones.
   * Only one consumer may do so at a time, and is not interrupted, because nothing would stop a fiber that `running`
   * lacks.
   */
  private readonly latest: Effect.Effect<string> = Effect.suspend(() => {
    if (this.running !== undefined) return Effect.succeed(this.running.latest)
    this.parts.sampler.reset()
    return Effect.flatMap(this.summary, (latest) =>
      Effect.map(Effect.forkIn(Effect.interruptible(this.everySecond), this.parts.scope), (fiber) => {
        this.running = { fiber, latest }
        return latest
      })
    )
  }).pipe(this.starting.withPermits(1), Effect.uninterruptible)

  private readonly stopIfAlone: Effect.Effect<void> = Effect.suspend(() => {
    const { running } = this
    if (running === undefined || this.parts.streams.size > 0) return Effect.void
    this.running = undefined
    this.parts.sampler.reset()
    return Fiber.interruptFork(running.fiber)
  })

  private readonly everySecond: Effect.Effect<never> = Effect.suspend(() => {
    let made = 0
    const next = Effect.flatMap(this.summary, (text) => {
      if (this.running !== undefined) this.running.latest = text
      made++
      const earlier = this.transitions.take() + (made % summariesPerHeartbeat === 0 ? heartbeat : "")
      return this.parts.streams.send(earlier + text)
    })
    return Effect.forever(Effect.delay(next, "1 second"))
  })

  private readonly summary: Effect.Effect<string> = Effect.suspend(() => {
    const { overrides, registry, sampler } = this.parts
    return Effect.flatMap(breakersOf(registry), (breakers) =>
      Effect.withFiberRuntime<string>((caller) =>
        Effect.succeed(eventText("summary", sampler.take(breakers, overrides.size, caller)))
      )
    )
  })
}

/**
 * The text of the event that an override has begun or ended.
 *
 * @internal
 */
export const overridesChanged = (overrides: number): Effect.Effect<string> =>
  Effect.map(Clock.currentTimeMillis, (at) => eventText("change", { at, overrides }))
