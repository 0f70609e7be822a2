import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const src = fileURLToPath(new URL("../../src", import.meta.url))

/**
 * The tests that judge a mutant of the core: those that look straight at it. The exploration of every order and the
 * model would kill many of them too, but they take seconds, and there are hundreds of mutants.
 */
export default defineConfig({
  resolve: { alias: [{ find: /^effect-circuit-breaker$/, replacement: `${src}/index.ts` }] },
  test: {
    include: ["test/core/**/*.test.ts", "test/rules/tripPolicyConfig.test.ts"],
    exclude: ["test/core/interleavings.test.ts", "test/core/untimed.test.ts", "test/core/replica/**"]
  }
})
