import { readdirSync, readFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { configDefaults, defineConfig } from "vitest/config"
import { chromiumPath } from "./test/browser/chromium.ts"

const src = fileURLToPath(new URL("./src", import.meta.url))

const workers = Math.max(6, availableParallelism())

/** The test files that have a quick form and a full one. */
const longTests = (): Array<string> =>
  readdirSync("test", { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test.ts"))
    .map((file) => `test/${file.replaceAll("\\", "/")}`)
    .filter((file) => readFileSync(file, "utf8").includes("/runLength.ts"))

export default defineConfig(({ mode }) => ({
  resolve: {
    alias: [
      { find: /^effect-circuit-breaker$/, replacement: `${src}/index.ts` },
      { find: /^effect-circuit-breaker\/(.*)$/, replacement: `${src}/$1.ts` }
    ]
  },
  test: {
    include: mode === "long" ? longTests() : ["test/**/*.test.ts"],
    // Without a Chromium these are left out, and a line says so.
    exclude: [...configDefaults.exclude, ...(chromiumPath === undefined ? ["test/browser/**"] : [])],
    env: { RUN_LENGTH: mode },
    globalSetup: ["test/redis/install.ts", "test/browser/install.ts"],
    // Nothing is decided by how fast the machine is: only a test that hangs takes as long as this.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Loading Effect takes longer than most of the files run; no test depends on a module being new.
    isolate: false,
    // Many tests wait most of the time: for a server, a process, or the turns of a `TestClock`.
    // There are as many all the time: a worker that Vitest ends because it is idle may fail the whole run (tinypool 1.1).
    minWorkers: workers,
    maxWorkers: workers,
    // The workers keep all cores busy, so garbage is collected without additional threads, and in a young generation large
    // enough for most objects to die in it.
    poolOptions: { forks: { execArgv: ["--single-threaded-gc", "--max-semi-space-size=64"] } },
    reporters: process.env["CI"] === undefined ? ["default"] : ["default", "json"],
    outputFile: { json: "reports/tests.json" }
  }
}))
