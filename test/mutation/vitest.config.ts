import { defineConfig } from "vitest/config"

/**
 * The tests that judge a mutant of the core: those that look straight at it. The exploration of every order and the
 * model are left out, because they take seconds each, and a mutant has hundreds of runs.
 */
export default defineConfig({
  test: {
    include: ["test/core/*.test.ts"],
    exclude: ["test/core/interleavings.test.ts"]
  }
})
