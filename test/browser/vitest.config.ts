/** `npm run test:browser`: the tests of the dashboard alone. They need a Chromium. */
import { defineConfig, mergeConfig } from "vitest/config"
import main from "../../vitest.config.ts"
import { advice, chromiumPath } from "./chromium.ts"

export default defineConfig((environment) => {
  if (chromiumPath === undefined) throw new Error(advice)
  const shared = main(environment)
  const test = {
    ...shared.test,
    include: ["test/browser/**/*.test.ts"],
    globalSetup: [],
    minWorkers: 2,
    maxWorkers: 2,
    outputFile: { json: "reports/tests-browser.json" }
  }
  return mergeConfig({ resolve: shared.resolve }, { test })
})
