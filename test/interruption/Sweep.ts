/** Runs a program again and again, and interrupts it one operation later each time. */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Runtime from "effect/Runtime"
import { ManualClock } from "../kit/ManualClock.ts"
import { PointScheduler } from "../kit/PointScheduler.ts"

/** The time of all trials: it only ever moves on. */
export const clock = new ManualClock()

const runtime = Effect.runSync(
  Effect.scoped(Layer.toRuntime(Layer.merge(Layer.setClock(clock), Logger.minimumLogLevel(LogLevel.None))))
)

/** Runs an effect that waits for nothing, all at once. */
export const runNow = <A, E>(effect: Effect.Effect<A, E>): A => Runtime.runSync(runtime)(effect)

/** One run of a program, in a world of its own. */
export interface Trial {
  readonly program: Effect.Effect<unknown, unknown>
  /** The external events, one after another, each when the program cannot continue by itself. */
  readonly events: ReadonlyArray<() => void>
  /** Looks at what is left behind. */
  readonly afterwards: (ending: Ending) => void
}

export interface Ending {
  /** Null if it never ended. */
  readonly exit: Exit.Exit<unknown, unknown> | null
  /** After how many operations it was interrupted; undefined if it ended by itself. */
  readonly offset: number | undefined
}

export interface Swept {
  readonly offsets: number
  /** The number of interruptions without an effect. */
  readonly hung: number
}

/** The points at which a program is interrupted: the first of them, and how far one is from the next. */
export interface Points {
  readonly first: number
  readonly apart: number
}

const every: Points = { first: 1, apart: 1 }

/**
 * Interrupts the program at each point that it passes, or at some. `operationsAtATime` is how much of it a fiber does
 * before it lets others go on.
 */
export const sweep = (
  operationsAtATime: number,
  makeTrial: () => Trial,
  { apart, first }: Points = every
): Swept => {
  let hung = 0
  for (let offset = first; offset < 5000; offset += apart) {
    const trial = makeTrial()
    const run = new Run(trial, operationsAtATime, offset)
    run.toEnd()
    const isLast = !run.wasInterrupted
    if (isLast && run.exit() === null) run.interruptAtRest()
    const exit = run.exit()
    if (exit === null) hung++
    trial.afterwards({ exit, offset: run.wasInterrupted ? offset : undefined })
    if (isLast) return { offsets: offset - Number(!run.wasInterrupted), hung }
  }
  throw new Error("the program never ends")
}

/** Runs it without an interruption. */
export const runToEnd = (trial: Trial): Exit.Exit<unknown, unknown> | null => {
  const run = new Run(trial, Infinity, Infinity)
  run.toEnd()
  return run.exit()
}

class Run {
  wasInterrupted = false
  private readonly scheduler: PointScheduler
  private readonly fiber: Fiber.RuntimeFiber<unknown, unknown>
  private readonly events: Array<() => void>
  private points = 0

  constructor({ events, program }: Trial, operationsAtATime: number, offset: number) {
    this.events = [...events]
    let isRunning = false
    this.scheduler = new PointScheduler(operationsAtATime, () => {
      if (isRunning && ++this.points === offset && this.exit() === null) this.interrupt()
    })
    const fromRest = Effect.zipRight(Effect.yieldNow(), program)
    this.fiber = Runtime.runFork(runtime)(fromRest, { scheduler: this.scheduler })
    isRunning = true
  }

  exit(): Exit.Exit<unknown, unknown> | null {
    return this.fiber.unsafePoll()
  }

  interruptAtRest(): void {
    this.interrupt()
    this.toEnd()
  }

  toEnd(): void {
    let steps = 0
    while (this.step()) {
      if (++steps > 100_000) throw new Error("the program never comes to rest")
    }
  }

  private interrupt(): void {
    this.wasInterrupted = true
    this.fiber.unsafeInterruptAsFork(FiberId.none)
  }

  private step(): boolean {
    if (this.scheduler.step()) return true
    // what it has left behind may go on after its end
    const event = this.events.shift()
    event?.()
    return event !== undefined
  }
}
