import type * as Fiber from "effect/Fiber"
import type * as Scheduler from "effect/Scheduler"

/** With fewer at a time, a fiber does nothing but yield, which takes operations too. */
export const leastOperations = 10

/**
 * Calls `onPoint` wherever an interruption can fall: before each operation of a fiber, and before a fiber that has
 * yielded or waited goes on. Fibers that run beside each other take turns.
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

  /** Lets the next fiber go on. False if all of them are done or wait for something from outside. */
  step(): boolean {
    const task = this.tasks.shift()
    if (task === undefined) return false
    this.onPoint()
    task()
    return true
  }
}
