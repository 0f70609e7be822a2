import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const src = fileURLToPath(new URL("./src", import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^effect-circuit-breaker$/, replacement: `${src}/index.ts` },
      { find: /^effect-circuit-breaker\/(.*)$/, replacement: `${src}/$1.ts` }
    ]
  },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/redis/install.ts",
    testTimeout: 20_000,
    // Loading Effect takes longer than most of the files run; no test depends on a module being new.
    isolate: false,
    // The tests on real servers mostly wait.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    reporters: process.env["CI"] === undefined ? ["default"] : ["default", "json"],
    outputFile: { json: "reports/tests.json" }
  }
})
