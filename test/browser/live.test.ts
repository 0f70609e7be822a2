/** Real breakers, the real admin API, and a page that looks on. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import type { Page } from "playwright-core"
import { assert, describe, it } from "vitest"
import type { CircuitBreaker } from "effect-circuit-breaker"
import { TripPolicy } from "effect-circuit-breaker"
import { livePage, noTroubles, openPage, picture, sees } from "./Browser.ts"
import { setting } from "./fixtures.ts"
import type { RealAdmin } from "./RealAdmin.ts"
import { realAdmin, token } from "./RealAdmin.ts"

const given = setting()

const start = (
  options: CircuitBreaker.Options,
  admin?: Parameters<typeof realAdmin>[1]
): Promise<RealAdmin> =>
  Effect.runPromise(Scope.extend(realAdmin({ name: "Payments", ...options }, admin), given.scope))

const refused = new Error("connect ECONNREFUSED 10.2.0.7:443")

const call = ({ breaker, run }: RealAdmin, effect: Effect.Effect<unknown, unknown>): Promise<void> =>
  run(Effect.ignore(breaker.protectWith(effect, { key: "eu" })))

const stateOf = ({ breaker, run }: RealAdmin) => run(Effect.map(breaker.state("eu"), ({ _tag }) => _tag))

const dialogOf = (page: Page) => page.getByRole("dialog")

/** Answers the question of a button. */
const confirm = async (page: Page, word: string): Promise<void> => {
  await page.getByLabel("Reason").fill("the provider asked us to")
  await page.getByLabel("Your name").fill("Ada")
  const asksForToken = (await page.getByLabel("Token").count()) > 0
  if (asksForToken) await page.getByLabel("Token").fill(token)
  await dialogOf(page).getByRole("button", { name: word }).click()
}

describe("a circuit that trips, probes and closes while the page looks on", () => {
  it("12.3 is shown in each state, with its cause and the time of its probe", async () => {
    const admin = await start(
      {
        tripPolicy: TripPolicy.consecutive(2),
        openDuration: "10 minutes",
        recovery: { duration: "10 minutes" }
      },
      { exposeCauses: true }
    )
    await call(admin, Effect.void)
    const seen = await livePage(given.browser, admin)
    const { page } = seen
    await sees(page, "Payments", "eu", "Closed")
    await call(admin, Effect.fail(refused))
    await call(admin, Effect.fail(refused))
    await call(admin, Effect.void)
    await sees(page, "Payments", "eu", "Open")
    await page.getByText("1 circuit is Open").waitFor()
    await page
      .getByText(/Next probe in (10|9) min/)
      .first()
      .waitFor()
    await page.getByText("connect ECONNREFUSED 10.2.0.7:443").first().waitFor()
    await page.getByText("1 call spared").first().waitFor()
    await picture(page, "live-open")
    admin.pass(600_000)
    // Nobody calls: the page shows that the next call will be a probe.
    await sees(page, "Payments", "eu", "HalfOpen")
    await page.getByText("The next call will be a probe").first().waitFor()
    await call(admin, Effect.void)
    await sees(page, "Payments", "eu", "Recovering")
    await page.getByText(/Admits \d+ % of calls, closes in (10|9) min/).waitFor()
    admin.pass(600_000)
    await sees(page, "Payments", "eu", "Closed")
    await page.getByText("Nothing is wrong").waitFor()
    await page.locator("#circuits .open").first().click()
    await page.locator("#details .transitions").getByText("Closed → Open").waitFor()
    await page.locator("#details .transitions").getByText("the policy tripped").waitFor()
    noTroubles(seen)
  })
})

describe("the buttons of a page", () => {
  it("12.3 isolate and release a circuit, and say what happened", async () => {
    const admin = await start({})
    await call(admin, Effect.void)
    const seen = await livePage(given.browser, admin)
    const { page } = seen
    await page.getByRole("button", { name: "Isolate Payments / eu" }).click()
    await confirm(page, "Isolate")
    await page.getByText(/Isolated: Payments \/ eu is now Isolated until \d\d:\d\d/).waitFor()
    await sees(page, "Payments", "eu", "Isolated")
    assert.strictEqual(await stateOf(admin), "Isolated")
    await picture(page, "live-isolated")
    await page.getByRole("button", { name: "Release Payments / eu" }).click()
    await dialogOf(page).getByText("no longer be isolated by Ada (“the provider asked us to”).").waitFor()
    await confirm(page, "Release")
    await page.getByText("Released: Payments / eu is now Closed.").waitFor()
    await sees(page, "Payments", "eu", "Closed")
    assert.strictEqual(await stateOf(admin), "Closed")
    noTroubles(seen)
  })

  it("12.3 disable, trip and reset a circuit from its details", async () => {
    const admin = await start({ openDuration: "1 hour" })
    await call(admin, Effect.void)
    const seen = await livePage(given.browser, admin, { query: `?circuit=Payments&key=eu#token=${token}` })
    const { page } = seen
    const details = page.locator("#details")
    const steps = [
      ["Disable", "Disabled"],
      ["Release", "Closed"],
      ["Trip", "Open"],
      ["Reset", "Closed"]
    ] as const
    for (const [word, state] of steps) {
      await details.getByRole("button", { name: `${word}…` }).click()
      await confirm(page, word)
      await details.locator(`.badge.is-${state}`).waitFor()
      assert.strictEqual(await stateOf(admin), state)
    }
    await details.locator(".transitions").getByText("by hand").waitFor()
    await page.getByText("Reset: Payments / eu is now Closed.").waitFor()
    await picture(page, "live-details")
    noTroubles(seen)
  })

  it("12.3 control a key that nobody has called yet, which the question and the answer name", async () => {
    const admin = await start({})
    const seen = await livePage(given.browser, admin, { query: `?breaker=Payments&q=eu#token=${token}` })
    const { page } = seen
    await page.getByRole("button", { name: "Control “eu” of Payments…" }).click()
    const details = page.locator("#details")
    await details.getByText("Check its spelling").waitFor()
    await details.getByRole("button", { name: "Isolate…" }).click()
    await dialogOf(page).getByText("Payments / eu").waitFor()
    await dialogOf(page).getByText("The circuit will be created.").waitFor()
    assert.strictEqual((await admin.run(admin.breaker.circuits)).length, 0)
    await confirm(page, "Isolate")
    await page.getByText(/Isolated: Payments \/ eu is now Isolated until/).waitFor()
    await details.locator(".badge.is-Isolated").waitFor()
    await sees(page, "Payments", "eu", "Isolated")
    assert.strictEqual(await stateOf(admin), "Isolated")
    // The browser itself logs an answer of 404.
    assert.deepStrictEqual(
      seen.troubles.filter((it) => !it.includes("404")),
      []
    )
  })

  it("12.3 are not there where the administration is read-only, which is its default", async () => {
    const admin = await start({}, {})
    await call(admin, Effect.void)
    const { page } = await livePage(given.browser, admin, { query: "?circuit=Payments&key=eu" })
    await page.getByText("Read-only: this server does not allow changes.").waitFor()
    assert.strictEqual(await page.getByRole("button", { name: /…/ }).count(), 0)
  })
})

describe("a page of an administration that is not public", () => {
  it("12.3 asks for the token before it shows anything, and exposes a cause only where that is allowed", async () => {
    const admin = await start(
      { tripPolicy: TripPolicy.consecutive(1) },
      { token: Redacted.make(token), reads: "authorized", exposeCauses: true }
    )
    await call(admin, Effect.fail(refused))
    const { page } = await openPage(given.browser, admin, { query: "?circuit=Payments&key=eu" })
    await page.getByText("This server needs a token").waitFor()
    assert.strictEqual(await page.getByText("ECONNREFUSED").count(), 0)
    await page.getByRole("textbox", { name: "Token" }).fill(token)
    await page.getByRole("button", { name: "Continue" }).click()
    await page.locator("#details pre").getByText("live.test.ts").waitFor()
  })
})
