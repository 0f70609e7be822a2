import { execFile } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { root } from "./program.ts"

const programsIn = (folder: string): ReadonlyArray<string> =>
  fs.existsSync(path.join(root, folder))
    ? fs
        .readdirSync(path.join(root, folder))
        .filter((file) => file.endsWith(".ts"))
        .map((file) => `${folder}/${file}`)
    : []

// `npm start` and `npm run demo:fleet` draw for many seconds, and are run by themselves.
const demos = new Set(["examples/quickstart.ts", "examples/fleet.ts"])
const programs = [...programsIn("examples"), ...programsIn("examples/from")].filter(
  (program) => !demos.has(program)
)

// Each starts a process that compiles what it loads: more of them at a time would only wait for each other.
const places = Effect.unsafeMakeSemaphore(2)

const run = (program: string): Promise<{ readonly exitCode: unknown; readonly written: string }> =>
  new Promise((resolve) => {
    execFile(
      process.execPath,
      ["node_modules/tsx/dist/cli.mjs", program],
      { cwd: root, timeout: 60_000 },
      (error, stdout, stderr) =>
        resolve(
          error === null
            ? { exitCode: 0, written: stdout }
            : { exitCode: error.code ?? error.signal, written: stdout + stderr }
        )
    )
  })

describe.concurrent("every example runs by itself and has something to say", { timeout: 300_000 }, () => {
  for (const program of programs) {
    it(program, async () => {
      const turn = places.withPermits(1)(Effect.promise(() => run(program)))
      const { exitCode, written } = await Effect.runPromise(turn)

      expect(exitCode, `${program} failed\n${written}`).toBe(0)
      expect(written.trim()).not.toBe("")
    })
  }
})
