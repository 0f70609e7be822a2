/**
 * The five processes, as the demo sees them.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { Transition } from "effect-circuit-breaker"
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { Kind, Story } from "./Story.ts"

/** The settings that a process gets at its start. */
export interface Task {
  readonly number: number
  readonly backend: string
  readonly redis: number | undefined
}

/** The commands to a process. They are sent in this order, each after the answer to the previous one. */
export type Command =
  | { readonly _tag: "Rehearse" }
  | { readonly _tag: "Prepare"; readonly story: Story }
  | { readonly _tag: "Begin" }

/** The answer of a process, which is then ready for the next command. */
export type Answer =
  | { readonly _tag: "Started" }
  | { readonly _tag: "Rehearsed"; readonly waitMillis: number }
  | { readonly _tag: "Prepared" }

/** The state of one circuit of a process, and how many calls it has had while the backend was down. */
export interface Report {
  readonly _tag: "Report"
  readonly kind: Kind
  readonly state: Transition.StateTag
  readonly callsWhileDown: number
}

export interface Processes {
  /** Measures how long requests take in the slowest process while all of them send some. */
  readonly rehearse: Effect.Effect<number>
  readonly prepare: (story: Story) => Effect.Effect<void>
  /** Lets the traffic begin. */
  readonly begin: Effect.Effect<void>
  /** The state of each process's circuit, by its latest report. */
  readonly states: (kind: Kind) => ReadonlyArray<Transition.StateTag>
  readonly callsWhileDown: (kind: Kind) => number
}

const count = 5

export const start = (task: Omit<Task, "number">): Effect.Effect<Processes, never, Scope.Scope> =>
  Effect.gen(function* () {
    const numbers = Array.from({ length: count }, (_, number) => number)
    const processes = yield* Effect.forEach(numbers, (number) => startOne({ ...task, number }), {
      concurrency: "unbounded"
    })
    const tellAll = (command: Command) =>
      Effect.forEach(processes, ({ tell }) => tell(command), { concurrency: "unbounded" })
    const askAll = (command: Command) =>
      Effect.zipRight(
        tellAll(command),
        Effect.forEach(processes, ({ answer }) => answer)
      )
    return {
      rehearse: Effect.map(askAll({ _tag: "Rehearse" }), (answers) =>
        Math.max(...answers.map((answer) => (answer._tag === "Rehearsed" ? answer.waitMillis : 0)))
      ),
      prepare: (story) => Effect.asVoid(askAll({ _tag: "Prepare", story })),
      begin: Effect.asVoid(tellAll({ _tag: "Begin" })),
      states: (kind) => processes.map(({ reports }) => reports[kind].state),
      callsWhileDown: (kind) => processes.reduce((sum, { reports }) => sum + reports[kind].callsWhileDown, 0)
    }
  })

interface One {
  readonly tell: (command: Command) => Effect.Effect<void>
  /** Waits for the next answer. */
  readonly answer: Effect.Effect<Answer>
  readonly reports: Record<Kind, Report>
}

const file = fileURLToPath(new URL("./process.ts", import.meta.url))

/** Waits until the process has started. It ends with the scope. */
const startOne = (task: Task): Effect.Effect<One, never, Scope.Scope> =>
  Effect.gen(function* () {
    const reports = { shared: firstReport("shared"), alone: firstReport("alone") }
    const answers = yield* Queue.unbounded<Effect.Effect<Answer>>()
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => fork(file, [JSON.stringify(task)])),
      (child) => Effect.sync(() => child.kill())
    )
    child.on("message", (message: Answer | Report) => {
      if (message._tag === "Report") reports[message.kind] = message
      else answers.unsafeOffer(Effect.succeed(message))
    })
    child.once("exit", (code) =>
      answers.unsafeOffer(Effect.dieMessage(`a process has ended with code ${code}`))
    )
    const answer = Effect.flatten(Queue.take(answers))
    yield* answer
    return { tell: (command) => Effect.sync(() => child.send(command)), answer, reports }
  })

const firstReport = (kind: Kind): Report => ({ _tag: "Report", kind, state: "Closed", callsWhileDown: 0 })
