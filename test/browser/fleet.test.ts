/** Two processes that share their circuits, each with a page of its own. */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { assert, describe, it } from "vitest"
import type { CircuitBreaker } from "effect-circuit-breaker"
import { CircuitStore, TripPolicy } from "effect-circuit-breaker"
import { livePage, noTroubles, picture, sees } from "./Browser.ts"
import { setting } from "./fixtures.ts"
import type { RealAdmin } from "./RealAdmin.ts"
import { realAdmin, token } from "./RealAdmin.ts"

const given = setting()

/** Processes on one store, each with a registry, a server and a clock of its own. */
const processes = (options: CircuitBreaker.Options): Promise<readonly [RealAdmin, RealAdmin]> =>
  Effect.gen(function* () {
    const store = yield* CircuitStore.makeMemory({
      syncInterval: "100 millis",
      // On a busy machine a process may be silent for a while, and its isolation must not expire then.
      lease: "1 minute"
    })
    const process = Effect.provideService(
      realAdmin({ name: "Payments", ...options }),
      CircuitStore.CircuitStore,
      store
    )
    return [yield* process, yield* process] as const
  }).pipe(Scope.extend(given.scope), Effect.runPromise)

const call = ({ breaker, run }: RealAdmin, effect: Effect.Effect<unknown, unknown>): Promise<void> =>
  run(Effect.ignore(breaker.protectWith(effect, { key: "eu" })))

const stateOf = ({ breaker, run }: RealAdmin) => run(Effect.map(breaker.state("eu"), ({ _tag }) => _tag))

describe("the pages of two processes with one store", () => {
  it("12.3 show an isolation that was made in one of them in both, and which process decided", async () => {
    const [here, there] = await processes({})
    await call(here, Effect.void)
    await call(there, Effect.void)
    const acting = await livePage(given.browser, here, { query: `#token=${token}` })
    const watching = await livePage(given.browser, there, {
      query: `?circuit=Payments&key=eu#token=${token}`
    })
    const details = watching.page.locator("#details")
    await details.getByText("shared with other processes").waitFor()

    await acting.page.getByRole("button", { name: "Isolate Payments / eu" }).click()
    const dialog = acting.page.getByRole("dialog")
    await dialog.getByText("This circuit is shared, so the change affects every process.").waitFor()
    await dialog.getByLabel("Reason").fill("the provider asked us to")
    await dialog.getByLabel("Your name").fill("Ada")
    await dialog.getByRole("button", { name: "Isolate" }).click()

    await details.locator(".badge.is-Isolated").waitFor()
    await sees(watching.page, "Payments", "eu", "Isolated")
    await details
      .locator(".transitions li", { hasText: "Closed → Isolated" })
      .getByText("decided by another process")
      .waitFor()
    assert.strictEqual(await stateOf(there), "Isolated")
    await picture(watching.page, "fleet-isolated")
    // The override is that of the other process, so it is not released here.
    await watching.page.getByRole("button", { name: "Release Payments / eu" }).click()
    await watching.page.getByText("or by another process, so there is nothing to release here").waitFor()

    await acting.page.getByRole("button", { name: "Release Payments / eu" }).click()
    await dialog.getByLabel("Reason").fill("it works again")
    await dialog.getByRole("button", { name: "Release" }).click()
    await details.locator(".badge.is-Closed").waitFor()
    assert.strictEqual(await stateOf(there), "Closed")
    noTroubles(acting)
    noTroubles(watching)
  })

  it("12.3 show how near a circuit is to opening by what both processes count", async () => {
    const [here, there] = await processes({
      tripPolicy: TripPolicy.failureCount({ failures: 10, within: "1 hour" })
    })
    for (let i = 0; i < 2; i++) await call(here, Effect.fail("down"))
    for (let i = 0; i < 3; i++) await call(there, Effect.fail("down"))
    const seen = await livePage(given.browser, here, { query: "?circuit=Payments&key=eu" })
    const details = seen.page.locator("#details")

    await details.getByText("5 of 10").waitFor()
    await details.getByText("Counts the calls of all processes.").waitFor()
    await details.getByText("In the window (all processes)").waitFor()
    await seen.page.getByText("50 % of the way to opening").first().waitFor()
    noTroubles(seen)
  })
})
