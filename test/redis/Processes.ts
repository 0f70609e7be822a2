/** The processes of a fleet, as a test sees them. */
import * as Effect from "effect/Effect"
import * as RcRef from "effect/RcRef"
import * as Scope from "effect/Scope"
import type { ChildProcess } from "node:child_process"
import { fork } from "node:child_process"
import { once } from "node:events"
import * as path from "node:path"
import { compiled } from "../kit/compiled.ts"
import type { Account, Plan } from "./Load.ts"
import type { Answer, Commands, Membership, Request } from "./member.ts"

export interface Process {
  readonly ask: <Command extends keyof Commands>(
    command: Command,
    request: Parameters<Commands[Command]>[0]
  ) => Effect.Effect<Effect.Effect.Success<ReturnType<Commands[Command]>>>
  /** `kill -9` */
  readonly kill: Effect.Effect<void>
}

const compiledFile = Effect.map(compiled(["test/redis/member.ts"]), (folder) =>
  path.join(folder, "test/redis/member.js")
)

/** The compiled program, which is removed when the last process has ended. */
const program = Effect.runSync(
  Scope.extend(RcRef.make({ acquire: compiledFile }), Effect.runSync(Scope.make()))
)

/** Starts a process that ends with the scope. */
export const start: Effect.Effect<Process, never, Scope.Scope> = Effect.gen(function* () {
  const file = yield* RcRef.get(program)
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => fork(file, { execArgv: ["--enable-source-maps"] })),
    end
  )
  const waiting = new Map<number, (answer: Answer) => void>()
  child.on("message", (answer: Answer) => waiting.get(answer.id)?.(answer))
  // A question that a process leaves unanswered fails when it ends.
  child.once("exit", (code, signal) => {
    const error = `the process has ended: ${signal ?? code}`
    for (const [id, answer] of waiting) answer({ id, error })
  })
  let asked = 0
  const answered = (id: number) =>
    Effect.async<unknown>((resume) => {
      waiting.set(id, ({ answer, error }) => {
        waiting.delete(id)
        resume(error === undefined ? Effect.succeed(answer) : Effect.dieMessage(error))
      })
    })
  yield* answered(0)
  return {
    ask: (command, request) =>
      Effect.suspend(() => {
        const id = ++asked
        child.send({ id, command, to: request } satisfies Request)
        return Effect.map(answered(id), (answer) => answer as never)
      }),
    kill: end(child)
  }
})

/** A breaker in a process. */
export interface Member {
  readonly process: Process
  readonly call: (result: "works" | "fails", times?: number) => Effect.Effect<ReadonlyArray<string>>
  readonly begin: (times?: number) => Effect.Effect<number>
  readonly end: (result: "works" | "fails") => Effect.Effect<ReadonlyArray<string>>
  readonly control: (control: Parameters<Commands["control"]>[0]["control"]) => Effect.Effect<void>
  readonly load: (plan: Plan) => Effect.Effect<void>
  readonly unload: Effect.Effect<void>
  readonly account: Effect.Effect<Account>
  readonly report: Effect.Effect<Effect.Effect.Success<ReturnType<Commands["report"]>>>
  readonly state: Effect.Effect<string>
}

const end = (child: ChildProcess): Effect.Effect<void> =>
  Effect.promise(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, "exit")
    child.kill("SIGKILL")
    await ended
  })

let members = 0

/** Makes a breaker in a process. */
export const join = (process: Process, membership: Omit<Membership, "member">): Effect.Effect<Member> =>
  Effect.suspend(() => {
    const member = `${++members}`
    const report = process.ask("report", { member })
    return Effect.as(process.ask("join", { member, ...membership }), {
      process,
      call: (result, times = 1) => process.ask("call", { member, result, times }),
      begin: (times = 1) => process.ask("begin", { member, times }),
      end: (result) => process.ask("end", { member, result }),
      control: (control) => process.ask("control", { member, control }),
      load: (plan) => process.ask("load", { member, plan }),
      unload: process.ask("unload", { member }),
      account: process.ask("account", { member }),
      report,
      state: Effect.map(report, ({ state }) => state)
    })
  })
