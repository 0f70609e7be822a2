import type * as Fiber from "effect/Fiber"
import type * as Scheduler from "effect/Scheduler"

/** The fewest operations per turn: with fewer, a fiber only yields, which takes operations too. */
export const leastOperations = 10

/**
 * Calls `onPoint` at every point where an interruption can happen: before each operation of a fiber, and before a fiber that
 * has yielded or waited continues. Concurrent fibers take turns.
 */
export class PointScheduler implements Scheduler.Scheduler {
  private readonly tasks: Array<Scheduler.Task> = []
  private readonly operationsAtATime: number
  private readonly onPoint: () => void

  constructor(operationsAtATime: number, onPoint: () => void) {
    this.operationsAtATime = operationsAtATime
    this.onPoint = onPoint
  }

  shouldYield(fiber: Fiber.RuntimeFiber<unknown, unknown>): number | false {
    this.onPoint()
    return fiber.currentOpCount > this.operationsAtATime ? 0 : false
  }

  scheduleTask(task: Scheduler.Task): void {
    this.tasks.push(task)
  }

  /** Runs the next fiber. Returns false if all of them have ended, or wait for an external event. */
  step(): boolean {
    const task = this.tasks.shift()
    if (task === undefined) return false
    this.onPoint()
    task()
    return true
  }
}
