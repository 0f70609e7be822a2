import { execFile } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { compiled } from "../kit/compiled.ts"
import { isLongRun } from "../kit/runLength.ts"
import { root } from "./program.ts"

const programsIn = (folder: string): ReadonlyArray<string> =>
  fs.existsSync(path.join(root, folder))
    ? fs
        .readdirSync(path.join(root, folder))
        .filter((file) => file.endsWith(".ts"))
        .map((file) => `${folder}/${file}`)
    : []

// `npm start` and `npm run demo:fleet` run for many seconds, and are run separately.
const demos = new Set(["examples/quickstart.ts", "examples/fleet.ts"])
const programs = ["examples", "examples/from", "examples/http", "examples/observing"]
  .flatMap(programsIn)
  .filter((program) => !demos.has(program))

/** The processes that run at a time: more of them would only wait for each other. */
const places = Effect.unsafeMakeSemaphore(2)

interface Ended {
  readonly exitCode: unknown
  readonly written: string
}

const run = (...args: ReadonlyArray<string>): Promise<Ended> =>
  Effect.runPromise(
    places.withPermits(1)(
      Effect.async<Ended>((resume) => {
        execFile(process.execPath, args, { cwd: root }, (error, stdout, stderr) =>
          resume(
            Effect.succeed(
              error === null
                ? { exitCode: 0, written: stdout }
                : { exitCode: error.code ?? error.signal, written: stdout + stderr }
            )
          )
        )
      })
    )
  )

describe.concurrent("every example runs by itself and prints something", () => {
  const scope = Effect.runSync(Scope.make())
  let folder: string
  beforeAll(async () => {
    folder = await Effect.runPromise(Scope.extend(compiled(programs), scope))
  })
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

  for (const program of programs) {
    it(program, async () => {
      const { exitCode, written } = await (isLongRun
        ? // as it says in the program itself
          run("node_modules/tsx/dist/cli.mjs", program)
        : run("--enable-source-maps", path.join(folder, program.replace(/\.ts$/, ".js"))))

      expect(exitCode, `${program} failed\n${written}`).toBe(0)
      expect(written.trim()).not.toBe("")
    })
  }
})
