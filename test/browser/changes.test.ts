/** The buttons: what they ask, what they send, and what they say. */
import { assert, describe, it } from "vitest"
import { livePage, noTroubles, picture } from "./Browser.ts"
import { closed, inState, open } from "./circuits.ts"
import { setting } from "./fixtures.ts"

const given = setting()

describe("a button", () => {
  it("12.3 asks first, says what will happen, and sends nothing without a reason", async () => {
    given.admin.circuits = [open(closed("Payments", "eu"))]
    const seen = await livePage(given.browser, given.admin)
    const { page } = seen
    await page.getByRole("button", { name: "Isolate Payments / eu" }).click()
    const dialog = page.getByRole("dialog")
    await dialog.getByText("Every call will be rejected immediately").waitFor()
    await picture(page, "asks")
    await dialog.getByRole("button", { name: "Isolate" }).click()
    await dialog.getByText("Please fill in: reason.").waitFor()
    assert.deepStrictEqual(given.admin.changes, [])
    await page.keyboard.press("Escape")
    await dialog.waitFor({ state: "hidden" })
    assert.deepStrictEqual(given.admin.changes, [])
    noTroubles(seen)
  })

  it("12.3 sends what was asked for, with the header that no other site can send", async () => {
    given.admin.circuits = [open(closed("Payments", "eu"))]
    const { page } = await livePage(given.browser, given.admin)
    await page.getByRole("button", { name: "Isolate Payments / eu" }).click()
    await page.getByLabel("Reason").fill("the provider asked us to stop")
    await page.getByLabel("Your name").fill("Ada")
    await page.getByLabel("For").selectOption({ label: "15 minutes" })
    await page.getByRole("dialog").getByRole("button", { name: "Isolate" }).click()
    await page.getByText("Nothing changed: Payments / eu is gone.").waitFor()
    const [change] = given.admin.changes
    assert.strictEqual(change!.path, "/circuits/circuit/isolate")
    assert.strictEqual(change!.headers["x-circuit-admin"], "1")
    assert.deepStrictEqual(change!.body, {
      breaker: "Payments",
      key: "eu",
      reason: "the provider asked us to stop",
      owner: "Ada",
      expiresInSeconds: 900
    })
  })

  it("12.3 shows why the server refused, and keeps what was written", async () => {
    given.admin.circuits = [open(closed("Payments", "eu"))]
    given.admin.refusal = { status: 403, message: "Only the team of payments may do this." }
    const { page } = await livePage(given.browser, given.admin)
    await page.getByRole("button", { name: "Isolate Payments / eu" }).click()
    await page.getByLabel("Reason").fill("a test")
    await page.getByRole("dialog").getByRole("button", { name: "Isolate" }).click()
    await page.getByText("Only the team of payments may do this.").waitFor()
    assert.strictEqual(await page.getByLabel("Reason").inputValue(), "a test")
  })

  it("12.3 asks for the token where one is needed, and again where it is wrong", async () => {
    given.admin.circuits = [open(closed("Payments", "eu"))]
    given.admin.access = { ...given.admin.access, changes: "Token" }
    given.admin.token = "the right token"
    const { page } = await livePage(given.browser, given.admin)
    await page.getByRole("button", { name: "Isolate Payments / eu" }).click()
    const dialog = page.getByRole("dialog")
    for (const token of ["a wrong token", "the right token"]) {
      await page.getByLabel("Reason").fill("a test")
      await page.getByLabel("Your name").fill("Ada")
      await page.getByLabel("Token").fill(token)
      await dialog.getByRole("button", { name: "Isolate" }).click()
      if (token === "a wrong token") await page.getByText("The bearer token is missing or wrong.").waitFor()
    }
    await dialog.waitFor({ state: "hidden" })
    assert.strictEqual(given.admin.changes.at(-1)!.headers.authorization, "Bearer the right token")
  })

  it("12.3 says that there is nothing to release where the program holds the circuit itself", async () => {
    given.admin.circuits = [
      inState({ _tag: "Isolated", since: Date.now(), holders: 1 }, closed("Payments", "eu"))
    ]
    const { page } = await livePage(given.browser, given.admin)
    await page.getByRole("button", { name: "Release Payments / eu" }).click()
    await page.getByText("there is nothing to release here").waitFor()
  })

  it("12.3 takes a token from the address's fragment, which is removed at once and never sent", async () => {
    given.admin.circuits = [open(closed("Payments", "eu"))]
    given.admin.access = { ...given.admin.access, changes: "Token" }
    given.admin.token = "the right token"
    const { page } = await livePage(given.browser, given.admin, { query: "#token=the%20right%20token" })
    assert.notInclude(page.url(), "token")
    assert.isFalse(given.admin.asked.some((path) => path.includes("token")))
    await page.getByRole("button", { name: "Isolate Payments / eu" }).click()
    await page.getByLabel("Reason").fill("a test")
    await page.getByLabel("Your name").fill("Ada")
    assert.strictEqual(await page.getByLabel("Token").count(), 0)
    await page.getByRole("dialog").getByRole("button", { name: "Isolate" }).click()
    await page.getByRole("dialog").waitFor({ state: "hidden" })
    assert.strictEqual(given.admin.changes[0]!.headers.authorization, "Bearer the right token")
  })
})
