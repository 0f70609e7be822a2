/**
 * Writes `examples/dashboard/dashboard.png`: what a browser shows of the shop after a few minutes of its traffic.
 *
 *     npm run screenshot                  a real run, of about three minutes
 *     npm run screenshot -- --seconds 20
 */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import * as Shop from "../../examples/dashboard/Shop.ts"
import * as Dashboard from "../../examples/quickstart/Dashboard.ts"
import * as Browser from "./Browser.ts"

const { values } = parseArgs({ options: { seconds: { type: "string", default: "170" } } })
const file = fileURLToPath(new URL("../../examples/dashboard/dashboard.png", import.meta.url))

// The picture would show where this repository lies on this machine.
Error.stackTraceLimit = 0

const program = Effect.gen(function* () {
  yield* Effect.forkScoped(Effect.scoped(Shop.traffic))
  const address = yield* Dashboard.serve
  const browser = yield* Browser.browser
  yield* Effect.promise(async () => {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, locale: "en-GB" })
    await page.goto(address)
    await page.waitForTimeout(Number(values.seconds) * 1_000)
    // The picture is of the moment at which a person would look: a circuit is open, and its next probe is to come.
    await Browser.rowOf(page, "Payments", "eu").locator(".open").click({ timeout: 120_000 })
    await page
      .locator("#details.is-Open", { hasText: /Next probe in (1[0-9]|2[0-9]) s/ })
      .waitFor({ timeout: 120_000 })
    await page.screenshot({ path: file })
    process.stdout.write(`${file}\n`)
  })
}).pipe(Effect.scoped, Logger.withMinimumLogLevel(LogLevel.None))

await Effect.runPromise(program)
process.exit()
