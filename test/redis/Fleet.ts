/** A fleet of breakers in several processes, which the tests of a file share. */
import { afterAll, beforeAll, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import type * as Scope from "effect/Scope"
import type { Body } from "../kit/test.ts"
import { breakerOptions, newPrefix, type Options, patientConnection, storeOptions } from "./options.ts"
import type { Member, Process } from "./Processes.ts"
import * as Processes from "./Processes.ts"
import * as RedisServer from "./RedisServer.ts"

/** A server and some processes. */
export class Fleet extends Context.Tag("Fleet")<
  Fleet,
  { readonly server: RedisServer.RedisServer; readonly processes: ReadonlyArray<Process> }
>() {}

const fleetOf = (size: number) =>
  Layer.scoped(
    Fleet,
    Effect.gen(function* () {
      const server = yield* RedisServer.given
      const processes = yield* Effect.replicateEffect(Processes.start, size, { concurrency: "unbounded" })
      return { server, processes }
    })
  )

type Test<R> = (title: string, body: Body<R | Scope.Scope>) => void

/**
 * Tests that share the services of a layer. The `layer` of `@effect/vitest` would change the one `it` that all files of a
 * worker share.
 */
export const sharing = <R>(layer: Layer.Layer<R>, tests: (test: Test<R>) => void): void => {
  const runtime = ManagedRuntime.make(layer)
  beforeAll(() => runtime.runPromise(Effect.void))
  afterAll(() => runtime.dispose())
  tests((title, body) => it.scopedLive(title, () => Effect.provide(Effect.gen(body), runtime)))
}

/** Tests that share a server and this number of processes. */
export const withProcesses = (size: number, tests: (test: Test<Fleet>) => void): void =>
  sharing(fleetOf(size), tests)

/** Makes breakers of one fleet, the i-th in the i-th process. Breakers beyond the number of processes start again with the first one. */
export const membersIn = (count: number, { breaker, store }: Options = {}) =>
  Effect.gen(function* () {
    const { processes, server } = yield* Fleet
    const redis = { ...server.address, ...patientConnection, prefix: newPrefix(), ...storeOptions(store) }
    const membership = { redis, breaker: breakerOptions(breaker) }
    const members = yield* Effect.forEach(
      Array.from({ length: count }, (_, i) => processes[i % processes.length]!),
      (process) => Processes.join(process, membership),
      { concurrency: "unbounded" }
    )
    const [a, b] = members
    return { members, a: a!, b: b!, membership }
  })

export const statesOf = (members: ReadonlyArray<Member>): Effect.Effect<ReadonlyArray<string>> =>
  Effect.forEach(members, ({ state }) => state, { concurrency: "unbounded" })
