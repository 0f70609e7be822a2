/** Before all tests: says so where there is no Chromium for the tests of the dashboard. */
import { advice, chromiumPath } from "./chromium.ts"

export default (): void => {
  if (chromiumPath === undefined) process.stderr.write(`${advice}\n`)
}
