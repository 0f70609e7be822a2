/** The server, and the processes with a proxy each in front of it. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { rm } from "node:fs/promises"
import * as path from "node:path"
import { compiled } from "../kit/compiled.ts"
import * as Proxy from "../redis/Proxy.ts"
import * as RedisServer from "../redis/RedisServer.ts"
import type { Part } from "./Load.ts"
import type { Process } from "./Processes.ts"
import * as Processes from "./Processes.ts"
import type { Life, ProcessSample, ServerSample } from "./verdict.ts"

export interface Server extends RedisServer.OwnRedisServer {
  readonly startEmpty: Effect.Effect<void>
  readonly sample: Effect.Effect<ServerSample>
  /** The data of some of its keys, in readable form. */
  readonly contents: Effect.Effect<ReadonlyArray<string>>
  /** The number of scripts that it has run since its start. */
  readonly scriptsRun: Effect.Effect<number>
}

export interface Fleet {
  readonly server: Server
  readonly members: ReadonlyArray<Member>
}

/** A process that is started again when it was killed. */
export class Member {
  readonly index: number
  readonly proxy: Proxy.Proxy
  /** The samples of each of its lives. */
  readonly lives: Array<Array<ProcessSample>> = []
  private readonly file: string
  private running: { readonly process: Process; readonly scope: Scope.CloseableScope } | undefined

  constructor(index: number, proxy: Proxy.Proxy, file: string) {
    this.index = index
    this.proxy = proxy
    this.file = file
  }

  get process(): Process {
    if (this.running === undefined) throw new Error(`${this.name} does not run`)
    return this.running.process
  }

  get name(): string {
    return `process ${this.index}`
  }

  readonly start: Effect.Effect<void, string> = Effect.gen(this, function* () {
    const scope = yield* Scope.make()
    const process = yield* Scope.extend(Processes.start(this.file), scope)
    this.running = { process, scope }
    this.lives.push([])
    yield* process.ask("open", { address: this.proxy.address })
  })

  readonly kill: Effect.Effect<void> = Effect.suspend(() => {
    const { running } = this
    this.running = undefined
    return running === undefined ? Effect.void : Scope.close(running.scope, Exit.void)
  })

  begin(part: Omit<Part, "process" | "life">): Effect.Effect<void, string> {
    return this.process.ask("begin", { ...part, process: this.index, life: this.lives.length })
  }

  readonly sample: Effect.Effect<ProcessSample, string> = Effect.suspend(() =>
    Effect.tap(this.process.ask("sample"), (sample) => this.lives.at(-1)!.push(sample))
  )

  get samples(): ReadonlyArray<Life> {
    return this.lives.map((samples, life) => ({ name: `${this.name}, life ${life + 1}`, samples }))
  }
}

export const make = (size: number): Effect.Effect<Fleet, string, Scope.Scope> =>
  Effect.gen(function* () {
    const server = yield* makeServer
    const file = path.join(yield* compiled(["test/soak/program.ts"]), "test/soak/program.js")
    const members: Array<Member> = []
    for (let index = 0; index < size; index++) {
      const member = new Member(index, yield* Proxy.make(server.address), file)
      yield* Effect.acquireRelease(member.start, () => member.kill)
      members.push(member)
    }
    return { server, members }
  })

const shownKeys = 20
const shownLength = 600

const makeServer: Effect.Effect<Server, never, Scope.Scope> = Effect.gen(function* () {
  const dir = yield* RedisServer.directory
  const server = yield* RedisServer.make({ dir, appendonly: "yes" })
  const { command } = server
  const lines = (text: unknown) =>
    String(text)
      .split("\n")
      .filter((line) => line.trim() !== "")
  const count = (...args: ReadonlyArray<string>) =>
    Effect.map(command("CLIENT", "LIST", ...args), (list) => lines(list).length)
  const info = (section: string, pattern: RegExp) =>
    Effect.map(command("INFO", section), (text) => Number(pattern.exec(String(text))?.[1] ?? 0))
  return {
    ...server,
    startEmpty: Effect.zipRight(
      Effect.promise(() => rm(path.join(dir, "appendonlydir"), { recursive: true, force: true })),
      server.start
    ),
    sample: Effect.all({
      keys: Effect.map(command("DBSIZE"), Number),
      memory: info("memory", /^used_memory:(\d+)/m),
      connections: count(),
      subscriptions: count("TYPE", "pubsub")
    }),
    contents: Effect.gen(function* () {
      const keys = lines(yield* Effect.map(command("KEYS", "*"), (it) => [it].flat().join("\n")))
      return yield* Effect.forEach(keys.slice(0, shownKeys), (key) =>
        Effect.map(
          Effect.all([
            command("PTTL", key),
            Effect.catchAllCause(command("HGETALL", key), () => command("TYPE", key))
          ]),
          ([left, fields]) => {
            const printable = JSON.stringify(fields).replaceAll(/\\u[0-9a-f]{4}|[^ -~]/g, ".")
            return `${key}, for another ${String(left)} ms: ${printable.slice(0, shownLength)}`
          }
        )
      )
    }),
    scriptsRun: Effect.all([
      info("commandstats", /^cmdstat_evalsha:calls=(\d+)/m),
      info("commandstats", /^cmdstat_eval:calls=(\d+)/m)
    ]).pipe(Effect.map(([known, sent]) => known + sent))
  }
})
