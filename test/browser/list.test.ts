/** The list of circuits: what is in the document, how it scrolls, and how it is searched. */
import { assert, describe, it, vi } from "vitest"
import { livePage, noTroubles, picture, rowOf, sees } from "./Browser.ts"
import { closed, open } from "./circuits.ts"
import { setting } from "./fixtures.ts"

const given = setting()

const thousands = (count: number) =>
  Array.from({ length: count }, (_, i) => closed(`Breaker ${i % 4}`, `tenant-${String(i).padStart(5, "0")}`))

describe("the list of 10,000 circuits", () => {
  it("12.3 has only the visible rows in the document, wherever it is scrolled to", async () => {
    given.admin.circuits = [open(closed("Payments", "eu")), ...thousands(9_999)]
    const seen = await livePage(given.browser, given.admin)
    const { page } = seen
    await page.getByText("10,000 circuits", { exact: true }).waitFor()
    await sees(page, "Payments", "eu", "Open")
    assert.isBelow(await page.locator("#circuits > li").count(), 30)
    assert.isBelow(await page.locator("*").count(), 1_500)
    await page.evaluate("scrollTo(0, document.body.scrollHeight)")
    await page.locator('#circuits > li[aria-posinset="10000"]:not(.loading)').waitFor()
    assert.isBelow(await page.locator("#circuits > li").count(), 30)
    await picture(page, "10000-end")
    // Only pages near what was visible were asked for.
    const asked = given.admin.asked.filter((path) => path.startsWith("/circuits/circuits"))
    assert.isBelow(asked.length, 20)
    noTroubles(seen)
  })

  it("12.3 scrolls while updates come; the frames' lengths are reported", async () => {
    given.admin.circuits = thousands(10_000).map((it, i) =>
      i < 100 ? { ...it, rates: { callsPerSecond: 10 + i, failuresPerSecond: 1, rejectedPerSecond: 0 } } : it
    )
    const seen = await livePage(given.browser, given.admin)
    for (const [what, step] of [
      ["at rest", 0],
      ["while scrolling", 80]
    ] as const) {
      const lengths: ReadonlyArray<number> = await seen.page.evaluate(`new Promise((resolve) => {
        const lengths = []
        let last = performance.now()
        const frame = (now) => {
          lengths.push(now - last)
          last = now
          scrollBy(0, ${step})
          if (lengths.length < 180) requestAnimationFrame(frame)
          else resolve(lengths)
        }
        requestAnimationFrame(frame)
      })`)
      const sorted = lengths.slice(1).toSorted((a, b) => a - b)
      const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]!.toFixed(1)
      process.stdout.write(
        `frames of 10,000 circuits ${what}: median ${at(0.5)} ms, 95 % ${at(0.95)} ms, longest ${at(1)} ms\n`
      )
    }
    await seen.page.locator("#circuits > li:not(.loading)").first().waitFor()
    noTroubles(seen)
  })
})

describe("a list that is scrolled quickly", () => {
  it("12.6 is asked for ten times a second at most, and its rows are in order afterwards", async () => {
    given.admin.circuits = thousands(10_000)
    const seen = await livePage(given.browser, given.admin)
    const { page } = seen
    await page.locator("#circuits > li:not(.loading)").first().waitFor()
    const lists = () => given.admin.asked.filter((path) => path.startsWith("/circuits/circuits"))
    const before = lists().length
    const millis: number = await page.evaluate(`new Promise((resolve) => {
      const start = performance.now()
      let frames = 0
      const frame = () => {
        scrollBy(0, 4900)
        if (++frames < 120) requestAnimationFrame(frame)
        else resolve(performance.now() - start)
      }
      requestAnimationFrame(frame)
    })`)
    // The visible rows may begin on one page and end on the next; the refresh every ten seconds is another request.
    assert.isAtMost(lists().length - before, 2 * (millis / 100 + 2) + 2)
    await page.locator("#circuits > li:not(.loading)").first().waitFor()
    await page.waitForFunction(`(() => {
      const indices = [...document.querySelectorAll("#circuits > li")].map((row) => Number(row.ariaPosInSet))
      return indices[0] > 1000 && indices.every((index, i) => i === 0 || index === indices[i - 1] + 1)
    })()`)
    noTroubles(seen)
  })

  it("12.6 uses its rows again where they are in the document, because a row that is inserted needs a whole layout", async () => {
    given.admin.circuits = thousands(10_000)
    const seen = await livePage(given.browser, given.admin)
    const { page } = seen
    await page.locator("#circuits > li:not(.loading)").first().waitFor()
    await page.evaluate(`{
      window.removed = 0
      const count = (records) => { for (const { removedNodes } of records) window.removed += removedNodes.length }
      new MutationObserver(count).observe(document.getElementById("circuits"), { childList: true })
      scrollBy(0, 300000)
    }`)
    await page.locator('#circuits > li[aria-posinset="3270"]:not(.loading)').waitFor()
    assert.strictEqual(await page.evaluate("removed"), 0)
    noTroubles(seen)
  })
})

describe("a row whose circuit is still being loaded", () => {
  it("12.3 keeps the focus when its circuit arrives", async () => {
    given.admin.circuits = thousands(10_000)
    const seen = await livePage(given.browser, given.admin)
    const { page } = seen
    await page.locator('#circuits > li[aria-posinset="1"] .open').focus()
    await page.keyboard.press("End")
    await page
      .locator('#circuits > li[aria-posinset="10000"] .open:focus[aria-label*="tenant-09999"]')
      .waitFor()
    noTroubles(seen)
  })
})

describe("the list of a busy server", () => {
  it("12.6 is asked for while circuits change faster than the page waits, a window's rows at a time", async () => {
    given.admin.circuits = thousands(100)
    const seen = await livePage(given.browser, given.admin)
    const transition = { ...closed("Breaker 0", "tenant-00000"), from: "Open", to: "HalfOpen" }
    const changing = setInterval(() => given.admin.send("transition", transition), 50)
    const lists = () => given.admin.asked.filter((path) => path.startsWith("/circuits/circuits"))
    await seen.page.getByText("100 circuits", { exact: true }).waitFor()
    const first = lists().length
    // Without a transition the page asks every ten seconds, so that three answers show that these were heard.
    given.admin.speaks = false
    await vi.waitUntil(() => lists().length >= first + 3, { timeout: 15_000 })
    clearInterval(changing)
    assert.deepStrictEqual(
      lists().filter((path) => !path.includes("limit=25")),
      []
    )
    noTroubles(seen)
  })
})

describe("the failures of a list", () => {
  it("12.6 are shown without a request for each circuit", async () => {
    given.admin.circuits = Array.from({ length: 20 }, (_, i) => open(closed("Payments", `tenant-${i}`)))
    const seen = await livePage(given.browser, given.admin)
    const causes = seen.page.locator("#circuits .cause").filter({ hasText: "Error: connect ECONNREFUSED" })
    await causes.nth(5).waitFor()
    assert.deepStrictEqual(
      given.admin.asked.filter((path) => path.startsWith("/circuits/circuit?")),
      []
    )
    noTroubles(seen)
  })
})

describe("the filter", () => {
  it("12.3 searches in breakers and keys, and stands in the address", async () => {
    given.admin.circuits = [open(closed("Payments", "eu")), open(closed("Mail", "smtp")), ...thousands(400)]
    const seen = await livePage(given.browser, given.admin)
    const { page } = seen
    await page.getByLabel("Search breakers and keys").fill("TENANT-0012")
    await page.getByText("10 circuits found").waitFor()
    assert.include(page.url(), "?q=TENANT-0012")
    await page.reload()
    await page.getByText("10 circuits found").waitFor()
    assert.strictEqual(await page.getByLabel("Search breakers and keys").inputValue(), "TENANT-0012")
    await page.getByRole("button", { name: "Clear filter" }).click()
    await page.getByRole("button", { name: "Open 2" }).click()
    await page.getByText("2 circuits found").waitFor()
    assert.include(page.url(), "?state=Open")
    await page.getByRole("button", { name: "Payments" }).first().click()
    await page.getByText("1 circuit found in Payments").waitFor()
    assert.include(page.url(), "breaker=Payments")
    await page.reload()
    await page.getByText("1 circuit found in Payments").waitFor()
    await sees(page, "Payments", "eu", "Open")
    noTroubles(seen)
  })

  it("12.3 says so where nothing fits", async () => {
    given.admin.circuits = [closed("Payments", "eu")]
    const { page } = await livePage(given.browser, given.admin, { query: "?q=nothing+like+it" })
    await page.getByText("No circuit matches the filter.").waitFor()
  })
})

describe("a circuit that is looked at", () => {
  it("12.3 stands in the address, and the browser's own Back closes it", async () => {
    given.admin.circuits = [open(closed("Payments", "eu")), closed("Mail", "smtp")]
    const seen = await livePage(given.browser, given.admin)
    const { page } = seen
    await rowOf(page, "Payments", "eu").click()
    await page.getByRole("complementary").getByText("connect ECONNREFUSED 10.2.0.7:443").first().waitFor()
    assert.include(page.url(), "circuit=Payments&key=eu")
    await page.goBack()
    await page.locator("#details").waitFor({ state: "hidden" })
    await page.goForward()
    await page.locator("#details").waitFor()
    noTroubles(seen)
  })
})

describe("a breaker of its own", () => {
  it("12.3 says how far each Closed circuit is from opening, by the figures of its policy", async () => {
    const near = closed("Payments", "us")
    given.admin.circuits = [
      {
        ...near,
        nearness: 0.84,
        figures: [{ ...near.figures[0]!, value: 0.42 }, near.figures[1]!]
      }
    ]
    const { page } = await livePage(given.browser, given.admin, { query: "?circuit=Payments&key=us" })
    await page.getByText("84 % of the way to opening").waitFor()
    await page.getByText("42 % of 50 %").waitFor()
  })
})
