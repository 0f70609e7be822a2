/** A server that goes away and comes back. */
import { assert, describe, it } from "vitest"
import { livePage, picture, sees } from "./Browser.ts"
import { closed, open } from "./circuits.ts"
import { setting } from "./fixtures.ts"

const given = setting()

describe("a lost connection", () => {
  it("12.3 is said, and the page connects again by itself and shows what has changed", async () => {
    given.admin.circuits = [closed("Payments", "eu")]
    const { page } = await livePage(given.browser, given.admin)
    await sees(page, "Payments", "eu", "Closed")
    given.admin.answers = false
    given.admin.cut()
    await page.getByText("Disconnected").waitFor()
    await page.getByText(/Last update (\d+ s|just now) ago\. Reconnecting/).waitFor()
    await picture(page, "lost")
    given.admin.circuits = [open(closed("Payments", "eu"))]
    given.admin.answers = true
    await page.locator("#status.live").waitFor()
    await sees(page, "Payments", "eu", "Open")
    await page.locator("#trouble").waitFor({ state: "hidden" })
    assert.strictEqual(given.admin.listeners, 1)
  })

  it("12.3 whose server only falls silent is said, and the page gives the connection up", async () => {
    given.admin.circuits = [closed("Payments", "eu")]
    const { page } = await livePage(given.browser, given.admin)
    assert.strictEqual(given.admin.listeners, 1)
    // The connection stays, but nothing comes; and no other one is to be had.
    given.admin.speaks = false
    given.admin.answers = false
    await page.getByText("Stale").waitFor()
    await page.getByText(/Last update \d+ s ago/).waitFor()
    await page.getByText("Last known state: Nothing is wrong.").waitFor()
    await picture(page, "stale")
    await page.getByText("Disconnected").waitFor()
    assert.strictEqual(given.admin.listeners, 0)
    given.admin.speaks = true
    given.admin.answers = true
    await page.locator("#status.live").waitFor()
    await page.getByText("Nothing is wrong", { exact: true }).waitFor()
  })
})
