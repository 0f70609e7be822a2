/** Names, keys and messages of an attacker: they are text, and nothing else. */
import { assert, describe, it } from "vitest"
import { livePage, noTroubles, picture, violations } from "./Browser.ts"
import { closed, open } from "./circuits.ts"
import { setting } from "./fixtures.ts"

const given = setting()

const attacks = [
  "<script>window.hacked = 1</script>",
  '<img src=x onerror="window.hacked = 1">',
  "<svg onload=window.hacked=1>",
  "\"><iframe srcdoc='<script>parent.hacked = 1</script>'>",
  "javascript:window.hacked=1",
  "{{constructor.constructor('window.hacked=1')()}}",
  "__proto__",
  "</li></ul><h1>All circuits are Closed</h1>",
  "\u202Egnihton\u202C \u0000\u0007 \u{1F4A9}".repeat(3),
  "x".repeat(250)
]

describe("hostile text", () => {
  it("12.3 of breakers, keys, messages, policies, owners and reasons is shown as text and executes nothing", async () => {
    given.admin.circuits = attacks.map((text) => {
      const circuit = open(closed(text, text))
      return {
        ...circuit,
        settings: { ...circuit.settings, tripPolicy: { text, data: null }, openText: text },
        lastFailureText: text,
        lastFailure: { at: Date.now(), description: text, cause: text }
      }
    })
    given.admin.overrides = attacks.map((text, i) => ({
      id: `${i}`,
      kind: "Isolate",
      breaker: text,
      key: text,
      owner: text,
      reason: text,
      since: Date.now(),
      expiresAt: Date.now() + 60_000
    }))
    const seen = await livePage(given.browser, given.admin)
    const { page } = seen
    await page.evaluate("window.hacked = 0")
    for (const text of attacks) {
      // Characters that control the text around them are replaced.
      const visible = text.replaceAll(/\p{Cc}|[\u202A-\u202E]/gu, "\uFFFD")
      const row = page
        .locator("#circuits .open")
        .filter({ hasText: visible.slice(0, 20) })
        .first()
      await row.click()
      await page
        .locator("#details .failure")
        .filter({ hasText: visible.slice(0, 20) })
        .waitFor()
      assert.strictEqual(await page.locator("#details .failure").textContent(), visible)
      await page.locator("#details").getByRole("button", { name: "Release" }).click()
      await page
        .locator("dialog .says")
        .filter({ hasText: visible.slice(0, 20) })
        .waitFor()
      await page.getByRole("button", { name: "Cancel" }).click()
    }
    await picture(page, "hostile")
    const evidence = await page.evaluate(`({
      hacked: window.hacked,
      foreign: document.querySelectorAll("main script, main img, main iframe, aside script, aside img, aside iframe, main h1, dialog iframe").length,
      width: document.documentElement.scrollWidth - innerWidth
    })`)
    assert.deepStrictEqual(evidence, { hacked: 0, foreign: 0, width: 0 })
    assert.deepStrictEqual(await violations(page), [])
    noTroubles(seen)
  })

  it("12.3 in the address is text as well", async () => {
    given.admin.circuits = [closed("Payments", "eu")]
    const attack = encodeURIComponent('<img src=x onerror="window.hacked=1">')
    const seen = await livePage(given.browser, given.admin, {
      query: `?q=${attack}&breaker=${attack}&state=${attack}&circuit=${attack}&key=${attack}`
    })
    await seen.page.getByText("There is no such circuit.").waitFor()
    assert.strictEqual(await seen.page.evaluate("String(window.hacked)"), "undefined")
  })

  it("12.3 could not become markup: the policy of the page refuses it", async () => {
    const { page } = await livePage(given.browser, given.admin)
    const refused = await page.evaluate(`(() => {
      try { document.body.innerHTML += "<b>x</b>"; return "set" } catch (error) { return error.name }
    })()`)
    assert.strictEqual(refused, "TypeError")
    const inline = await page.evaluate(`new Promise((resolve) => {
      document.addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective))
      const style = document.createElement("style")
      style.textContent = "body { display: none }"
      document.head.append(style)
    })`)
    assert.strictEqual(inline, "style-src-elem")
  })
})
