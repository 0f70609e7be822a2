import { defineConfig } from "vitest/config"

/**
 * The tests that judge a mutant of the core: those that look straight at it. The exploration of every order and the
 * model would kill many of them too, but they take seconds, and there are hundreds of mutants.
 */
export default defineConfig({
  test: {
    include: ["test/core/**/*.test.ts"],
    exclude: ["test/core/interleavings.test.ts", "test/core/untimed.test.ts"]
  }
})
