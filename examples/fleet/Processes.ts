/**
 * The five processes, as the demo sees them.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Transition } from "effect-circuit-breaker"
import type { ChildProcess } from "node:child_process"
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { Kind, Story } from "./Story.ts"

/** What a process is told when it is started. */
export interface Task {
  readonly number: number
  readonly backend: string
  readonly redis: number | undefined
  readonly story: Story
}

/** What a process tells. */
export type Message = { readonly ready: true } | { readonly kind: Kind; readonly state: Transition.StateTag }

export interface Processes {
  /** Lets the traffic begin. */
  readonly begin: Effect.Effect<void>
  /** The state of each process's circuit, as it said last. */
  readonly states: (kind: Kind) => ReadonlyArray<Transition.StateTag>
}

const count = 5

export const start = (task: Omit<Task, "number">): Effect.Effect<Processes, never, Scope.Scope> =>
  Effect.gen(function* () {
    const processes = yield* Effect.forEach(
      Array.from({ length: count }, (_, number) => number),
      (number) => startOne({ ...task, number }),
      { concurrency: "unbounded" }
    )
    return {
      begin: Effect.sync(() => processes.forEach(({ child }) => child.send("begin"))),
      states: (kind) => processes.map(({ states }) => states[kind])
    }
  })

interface One {
  readonly child: ChildProcess
  readonly states: Record<Kind, Transition.StateTag>
}

const file = fileURLToPath(new URL("./process.ts", import.meta.url))

/** Waits until the process is ready. It ends with the scope. */
const startOne = (task: Task): Effect.Effect<One, never, Scope.Scope> =>
  Effect.gen(function* () {
    const states: Record<Kind, Transition.StateTag> = { shared: "Closed", alone: "Closed" }
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => fork(file, [JSON.stringify(task)])),
      (child) => Effect.sync(() => child.kill())
    )
    yield* Effect.async<void>((resume) => {
      child.on("message", (message: Message) => {
        if ("ready" in message) resume(Effect.void)
        else states[message.kind] = message.state
      })
      child.once("exit", (code) => resume(Effect.dieMessage(`a process has ended with code ${code}`)))
    })
    return { child, states }
  })
