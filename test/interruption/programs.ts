/** The protected effects of the sweeps, and the ways to protect them. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import { clock } from "./Sweep.ts"

export type Program = Effect.Effect<unknown, unknown>

/** One run of a body, which reports its start, and waits for an event that the sweep provides. */
export class Stage {
  started = 0
  readonly gate = Deferred.unsafeMake<string>(FiberId.none)
  private resume: ((effect: Effect.Effect<string>) => void) | undefined

  readonly entered: Effect.Effect<void> = Effect.sync(() => {
    this.started++
  })

  readonly signal: Effect.Effect<string> = Effect.async((resume) => {
    this.resume = resume
    return Effect.yieldNow()
  })

  readonly events: ReadonlyArray<() => void> = [
    () => {
      Deferred.unsafeDone(this.gate, Effect.succeed("came"))
      this.resume?.(Effect.succeed("came"))
    },
    () => clock.advance(2000)
  ]
}

/** Those that never settle by themselves. */
export const endless = ["hangs", "hangs and dies of an interruption"]

export const bodies: Record<string, (stage: Stage) => Program> = {
  "succeeds at once": () => Effect.succeed("done"),
  "fails at once": () => Effect.fail("unavailable"),
  "dies at once": () => Effect.die(new Error("broken")),
  "is ignored": () => Effect.fail("not found"),
  "interrupts itself": () => Effect.interrupt,
  yields: () => Effect.as(Effect.zipRight(Effect.yieldNow(), Effect.yieldNow()), "done"),
  "awaits a deferred": ({ gate }) => Deferred.await(gate),
  "awaits a callback and dies": ({ signal }) => Effect.zipRight(signal, Effect.dieMessage("broken")),
  "waits in a finalizer": ({ gate }) =>
    Effect.acquireUseRelease(
      Effect.yieldNow(),
      () => Effect.fail("unavailable"),
      () => Effect.zipRight(Effect.yieldNow(), Deferred.await(gate))
    ),
  hangs: () => Effect.never,
  "hangs and dies of an interruption": () =>
    Effect.onInterrupt(Effect.never, () => Effect.zipRight(Effect.yieldNow(), Effect.dieMessage("broken")))
}

/** Those in which others can go on meanwhile. */
export const waiting = ["awaits a deferred", "awaits a callback and dies", "waits in a finalizer"]

export interface Form {
  readonly wrap: (protect: (body: Program) => Program, body: Program) => Program
  /** The number of calls it makes on a circuit; nested calls within an admitted probe are part of that call. */
  readonly calls: number
  readonly callsWhileClosed?: number
  /** Whether its result does not depend on the relative speed of concurrent operations. */
  readonly isSteady: boolean
  /** Whether more fibers than the one that calls take part. */
  readonly forks: boolean
  /** Whether an interruption reaches the body. */
  readonly isInterruptible: boolean
  /**
   * At how many points an interruption is never heeded, breaker or not: Effect 3.22 waits for the fibers of a race that
   * have been made and not been started.
   */
  readonly hangs?: number
}

const single = { calls: 1, isSteady: true, forks: false, isInterruptible: true }

/** The combination of the body and its protection. */
export const forms: Record<string, Form> = {
  plain: { ...single, wrap: (protect, body) => protect(body) },
  nested: { ...single, callsWhileClosed: 2, wrap: (protect, body) => protect(protect(body)) },
  "nested after another": {
    ...single,
    callsWhileClosed: 3,
    wrap: (protect, body) => protect(Effect.zipRight(protect(Effect.yieldNow()), protect(body)))
  },
  "inside a timeout": {
    ...single,
    forks: true,
    wrap: (protect, body) => Effect.timeout(protect(body), "1 second")
  },
  "round a timeout": {
    ...single,
    forks: true,
    wrap: (protect, body) => protect(Effect.timeout(body, "1 second"))
  },
  "in a race that it may lose at any point": {
    ...single,
    forks: true,
    hangs: 1,
    isSteady: false,
    wrap: (protect, body) => Effect.raceFirst(protect(body), Effect.as(Effect.yieldNow(), "other"))
  },
  "beside its like": {
    ...single,
    forks: true,
    calls: 2,
    isSteady: false,
    wrap: (protect, body) =>
      Effect.flatMap(Effect.fork(protect(body)), (first) =>
        Effect.flatMap(Effect.fork(protect(body)), (second) =>
          Effect.zip(Fiber.join(first), Fiber.join(second))
        )
      )
  },
  "in a child that is interrupted": {
    ...single,
    forks: true,
    isSteady: false,
    wrap: (protect, body) =>
      Effect.flatMap(Effect.fork(protect(body)), (child) =>
        Effect.zipRight(Effect.yieldNow(), Fiber.interrupt(child))
      )
  },
  disconnected: { ...single, forks: true, wrap: (protect, body) => Effect.disconnect(protect(body)) },
  "with its exit taken": {
    ...single,
    wrap: (protect, body) => Effect.ensuring(Effect.exit(protect(body)), Effect.yieldNow())
  },
  uninterruptible: {
    ...single,
    isInterruptible: false,
    wrap: (protect, body) => Effect.uninterruptible(protect(body))
  },
  "round something uninterruptible": {
    ...single,
    isInterruptible: false,
    wrap: (protect, body) => protect(Effect.uninterruptible(body))
  },
  "restored within a mask": {
    ...single,
    wrap: (protect, body) => Effect.uninterruptibleMask((restore) => Effect.exit(restore(protect(body))))
  },
  "interruptible within an uninterruptible region": {
    ...single,
    wrap: (protect, body) => Effect.uninterruptible(Effect.exit(Effect.interruptible(protect(body))))
  },
  "as a finalizer": {
    ...single,
    isInterruptible: false,
    wrap: (protect, body) => Effect.ensuring(Effect.yieldNow(), Effect.exit(protect(body)))
  }
}
