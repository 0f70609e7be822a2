/** Runs the effects of a history, each as far as it can, on a clock that only the history moves. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Runtime from "effect/Runtime"
import * as Scheduler from "effect/Scheduler"
import { ManualClock } from "../kit/ManualClock.ts"

export class World {
  readonly clock = new ManualClock()
  /** The time for which a running effect may wait. */
  patienceMillis = 0
  private readonly scheduler = new Scheduler.ControlledScheduler()
  private readonly runtime: Runtime.Runtime<never>

  constructor() {
    const environment = Layer.merge(Layer.setClock(this.clock), Logger.remove(Logger.defaultLogger))
    this.runtime = Effect.runSync(Effect.scoped(Layer.toRuntime(environment)))
  }

  fork<A, E>(effect: Effect.Effect<A, E>): Fiber.RuntimeFiber<A, E> {
    const fiber = Runtime.runFork(this.runtime)(effect, { scheduler: this.scheduler })
    this.settleDown()
    return fiber
  }

  run<A, E>(effect: Effect.Effect<A, E>): A {
    const fiber = this.fork(effect)
    this.awaitUntil(() => fiber.unsafePoll() !== null)
    const exit = fiber.unsafePoll()
    if (exit === null) throw new Error("a control or a read waits for something")
    if (Exit.isFailure(exit)) throw new Error(Cause.pretty(exit.cause))
    return exit.value
  }

  /** Lets time pass, within the patience there is. */
  awaitUntil(isOver: () => boolean): void {
    const until = this.clock.monotonicMillis + this.patienceMillis
    while (!isOver() && this.clock.ringNext(until)) this.settleDown()
  }

  /** Lets every fiber run until all of them are done or wait for the test. */
  settleDown(): void {
    for (let rounds = 0; this.scheduler.tasks.buckets.length > 0; rounds++) {
      if (rounds > 10_000) throw new Error("the fibers never come to rest")
      this.scheduler.step()
    }
  }
}
