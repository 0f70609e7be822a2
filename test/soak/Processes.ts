/** The processes of the soak, as the main process sees them. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ChildProcess } from "node:child_process"
import { fork } from "node:child_process"
import { once } from "node:events"
import type { Answer, Commands, Request } from "./program.ts"

export interface Process {
  readonly ask: <Command extends keyof Commands>(
    command: Command,
    ...to: Parameters<Commands[Command]>
  ) => Effect.Effect<Effect.Effect.Success<ReturnType<Commands[Command]>>, string>
  readonly freeze: Effect.Effect<void>
  readonly thaw: Effect.Effect<void>
  /** `kill -9` */
  readonly kill: Effect.Effect<void>
}

/** The longest that a process may take to answer: it has to be busy for very long, or be stuck. */
const patienceMillis = 60_000

/** Starts a process of the compiled program, which ends with the scope. */
export const start = (file: string): Effect.Effect<Process, string, Scope.Scope> =>
  Effect.gen(function* () {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => fork(file, { execArgv: ["--enable-source-maps", "--expose-gc"] })),
      end
    )
    const waiting = new Map<number, (answer: Answer) => void>()
    child.on("message", (answer: Answer) => waiting.get(answer.id)?.(answer))
    let ended: string | undefined
    child.once("exit", (code, signal) => {
      ended = `it has ended: ${signal ?? `exit code ${code}`}`
      for (const [id, answer] of waiting) answer({ id, error: ended })
    })
    let asked = 0
    const answered = (id: number): Effect.Effect<unknown, string> =>
      Effect.async<unknown, string>((resume) => {
        if (ended !== undefined) return resume(Effect.fail(ended))
        waiting.set(id, ({ answer, error }) => {
          waiting.delete(id)
          resume(error === undefined ? Effect.succeed(answer) : Effect.fail(error))
        })
      }).pipe(Effect.timeoutFail({ duration: patienceMillis, onTimeout: () => "it does not answer" }))
    yield* answered(0)
    return {
      ask: (command, ...[to]) =>
        Effect.suspend(() => {
          const id = ++asked
          if (ended === undefined) child.send({ id, command, to } satisfies Request)
          return Effect.map(answered(id), (answer) => answer as never)
        }),
      freeze: Effect.sync(() => child.kill("SIGSTOP")),
      thaw: Effect.sync(() => child.kill("SIGCONT")),
      kill: end(child)
    }
  })

const end = (child: ChildProcess): Effect.Effect<void> =>
  Effect.promise(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, "exit")
    child.kill("SIGKILL")
    await ended
  })
