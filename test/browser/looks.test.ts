/** Both themes, a phone, the keyboard alone, and axe. */
import { assert, describe, it } from "vitest"
import type { Look } from "./Browser.ts"
import { livePage, noTroubles, picture, sees, violations } from "./Browser.ts"
import { closed, inState, open } from "./circuits.ts"
import type { Details } from "./FakeAdmin.ts"
import { setting } from "./fixtures.ts"

const given = setting()

/** A circuit in each state. */
const everyState = (): Array<Details> => {
  const now = Date.now()
  return [
    open(closed("Payments", "eu")),
    inState(
      {
        _tag: "HalfOpen",
        since: now - 2_000,
        openings: 1,
        probing: 1,
        succeeded: 0,
        failed: 0,
        retryAfterMillis: 20_000,
        nextProbeAt: now + 20_000
      },
      closed("Search", "default")
    ),
    inState(
      { _tag: "Recovering", since: now - 2_000, openings: 2, admitting: 0.42, closesAt: now + 60_000 },
      closed("Warehouse", "default")
    ),
    inState({ _tag: "Isolated", since: now - 600_000, holders: 1 }, closed("Mail", "smtp-2")),
    inState({ _tag: "Disabled", since: now - 60_000, holders: 1 }, closed("Mail", "smtp-3")),
    {
      ...closed("Payments", "us"),
      nearness: 0.74,
      rates: { callsPerSecond: 12, failuresPerSecond: 3, rejectedPerSecond: 0 }
    },
    ...Array.from({ length: 20 }, (_, i) => closed("Payments", `tenant-${i}`))
  ]
}

const override = {
  id: "1",
  kind: "Isolate" as const,
  breaker: "Mail",
  key: "smtp-2",
  owner: "Ada",
  reason: "the provider is moving",
  since: Date.now() - 600_000,
  expiresAt: Date.now() + 3_600_000
}

const phone = { width: 390, height: 844 }
const looks: ReadonlyArray<readonly [name: string, look: Look]> = [
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["light phone", { colorScheme: "light", viewport: phone, hasTouch: true }],
  ["dark phone", { colorScheme: "dark", viewport: phone, hasTouch: true }],
  ["tablet", { colorScheme: "light", viewport: { width: 1024, height: 768 } }]
]

describe.each(looks)("the page, %s", (name, look) => {
  const file = name.replace(" ", "-")

  it("12.3 says each state as a word and a shape, fits the width, and axe finds nothing", async () => {
    given.admin.circuits = everyState()
    const seen = await livePage(given.browser, given.admin, look)
    const { page } = seen
    for (const state of ["Isolated", "Open"])
      await page.locator(`#circuits .badge.is-${state}`, { hasText: state }).waitFor()
    const shapes: ReadonlyArray<string> = await page.evaluate(
      `[...document.querySelectorAll("#chips path")].map((it) => it.getAttribute("d"))`
    )
    assert.strictEqual(new Set(shapes).size, 6)
    // The time to the next probe is whole, whatever else of the line is cut off.
    const cut: ReadonlyArray<string> = await page.evaluate(`(() => {
      const range = document.createRange()
      return [...document.querySelectorAll("#circuits .is-Open .headline")].flatMap((it) => {
        range.selectNodeContents(it)
        return range.getBoundingClientRect().width > it.getBoundingClientRect().width ? [it.textContent] : []
      })
    })()`)
    assert.deepStrictEqual(cut, [])
    await picture(page, file)
    assert.deepStrictEqual(await violations(page), [])
    assert.strictEqual(await page.evaluate("document.documentElement.scrollWidth - innerWidth"), 0)
    noTroubles(seen)
  })

  it("12.3 shows a circuit, and asks, without a finding of axe", async () => {
    given.admin.circuits = everyState()
    given.admin.overrides = [override]
    const seen = await livePage(given.browser, given.admin, {
      ...look,
      query: "?circuit=Payments&key=eu"
    })
    const { page } = seen
    await page.locator("#details .failure", { hasText: "ECONNREFUSED" }).waitFor()
    await picture(page, `${file}-details`)
    assert.deepStrictEqual(await violations(page), [])
    await page.locator("#details").getByRole("button", { name: "Isolate…" }).click()
    await page.getByRole("dialog").waitFor()
    await picture(page, `${file}-asks`)
    assert.deepStrictEqual(await violations(page), [])
    assert.strictEqual(await page.evaluate("document.documentElement.scrollWidth - innerWidth"), 0)
    noTroubles(seen)
  })
})

describe("the page while nothing is wrong", () => {
  it("12.3 says so", async () => {
    given.admin.circuits = Array.from({ length: 20 }, (_, i) => closed("Payments", `tenant-${i}`))
    const { page } = await livePage(given.browser, given.admin)
    await page.getByText("Nothing is wrong").waitFor()
    await page.getByText("All 20 circuits of 1 breaker are Closed.").waitFor()
    assert.strictEqual(await page.title(), "Circuit breakers")
    await picture(page, "calm")
    assert.deepStrictEqual(await violations(page), [])
  })
})

describe("the keyboard alone", () => {
  it("12.3 searches, moves through the list, opens a circuit, isolates it, and comes back", async () => {
    given.admin.circuits = everyState()
    const seen = await livePage(given.browser, given.admin)
    const { page } = seen
    await sees(page, "Payments", "eu", "Open")
    const focused = () =>
      page.evaluate(
        `document.activeElement.getAttribute("aria-label") || document.activeElement.id || document.activeElement.name`
      )
    const press = async (...keys: ReadonlyArray<string>) => {
      for (const key of keys) await page.keyboard.press(key)
    }
    await press("/")
    assert.strictEqual(await focused(), "Search breakers and keys")
    // Six chips stand between the search and the list.
    await press("Tab", "Tab", "Tab", "Tab", "Tab", "Tab", "Tab")
    assert.match(String(await focused()), /^Mail \/ smtp-2, Isolated/)
    await press("ArrowDown")
    assert.match(String(await focused()), /^Payments \/ eu, Open/)
    await press("End")
    await page.locator('#circuits .open:focus[aria-label^="Payments / tenant-"]').waitFor()
    await press("Home", "ArrowDown")
    await picture(page, "keyboard")
    await press("Enter")
    await page.locator("#details .failure", { hasText: "ECONNREFUSED" }).waitFor()
    assert.strictEqual(await focused(), "details-title")
    await press("Tab", "Tab", "Enter")
    await page.getByRole("dialog").waitFor()
    assert.strictEqual(await focused(), "reason")
    await page.keyboard.type("a test")
    await press("Enter")
    await page.getByText("Nothing changed").waitFor()
    assert.strictEqual(given.admin.changes.length, 1)
    await press("Escape")
    await page.locator("#details").waitFor({ state: "hidden" })
    assert.match(String(await focused()), /^Payments \/ eu, Open/)
    await press("Tab")
    assert.strictEqual(await focused(), "Isolate Payments / eu")
    noTroubles(seen)
  })
})
