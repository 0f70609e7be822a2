/** A real browser with the page in it. */
import * as Effect from "effect/Effect"
import * as assert from "node:assert"
import * as fs from "node:fs"
import { createRequire } from "node:module"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import type { Browser, BrowserContextOptions, Page } from "playwright-core"
import { chromium } from "playwright-core"
import { advice, chromiumPath } from "./chromium.ts"
import type { FakeAdmin } from "./FakeAdmin.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))

/** Slow machines need long for a first page; a test that hangs ends by its own time limit. */
const patience = 60_000

export const browser = Effect.acquireRelease(
  Effect.promise(() => {
    if (chromiumPath === undefined) throw new Error(advice)
    // The sandbox of Chromium does not start for root, as whom CI runs. The only pages are our own.
    return chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox"] })
  }),
  (browser) => Effect.promise(() => browser.close())
)

export interface Look extends BrowserContextOptions {
  /** The part of the address after the path. */
  readonly query?: string | undefined
}

/** A page and the errors in it: no test may end with an error that it does not expect. */
export interface Seen {
  readonly page: Page
  readonly troubles: Array<string>
}

/** The page of a server, with a watch on errors, on refusals of the policy, and on requests to other hosts. */
export const openPage = async (
  browser: Browser,
  { url }: Pick<FakeAdmin, "url">,
  { query = "", ...look }: Look = {}
): Promise<Seen> => {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    locale: "en-GB",
    reducedMotion: "reduce",
    ...look
  })
  const page = await context.newPage()
  page.setDefaultTimeout(patience)
  const troubles: Array<string> = []
  page.on("pageerror", (error) => troubles.push(error.message))
  page.on("console", (message) => {
    if (message.type() === "error") troubles.push(message.text())
  })
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith("data:"))
      troubles.push(`asked for ${request.url()}`)
  })
  await page.goto(`${url}/dashboard${query}`)
  return { page, troubles }
}

/** The page, once it has heard of the server. */
export const livePage = async (
  browser: Browser,
  admin: Pick<FakeAdmin, "url">,
  look: Look = {}
): Promise<Seen> => {
  const seen = await openPage(browser, admin, look)
  await seen.page.locator("#status.live").waitFor()
  return seen
}

/** The row of a circuit. */
export const rowOf = (page: Page, breaker: string, key: string) =>
  page.locator("#circuits > li").filter({
    has: page.locator(".breaker", { hasText: new RegExp(`^${breaker}$`) }),
    hasText: key
  })

/** Waits until the row of the circuit names the state. */
export const sees = (page: Page, breaker: string, key: string, state: string): Promise<void> =>
  rowOf(page, breaker, key).locator(`.badge.is-${state}`).waitFor()

/** A picture for the eyes of a person, in `reports/dashboard`. */
export const picture = async (page: Page, name: string): Promise<void> => {
  const folder = path.join(root, "reports", "dashboard")
  fs.mkdirSync(folder, { recursive: true })
  await page.screenshot({ path: path.join(folder, `${name}.png`) })
}

const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")

interface Violation {
  readonly id: string
  readonly help: string
  readonly nodes: ReadonlyArray<{ readonly html: string; readonly failureSummary: string }>
}

/** The faults that axe finds, by the rules of WCAG 2.2 up to AA and its own good practices. */
export const violations = async (page: Page): Promise<ReadonlyArray<string>> => {
  await page.evaluate(axe)
  const found: ReadonlyArray<Violation> = await page.evaluate(
    `axe.run().then(({ violations }) => violations)`
  )
  return found.flatMap(({ help, id, nodes }) =>
    nodes.map((node) => `${id}: ${help}\n  ${node.html}\n  ${node.failureSummary}`)
  )
}

export const noTroubles = ({ troubles }: Seen): void => assert.deepStrictEqual(troubles, [])
