/** The dashboard of `npm start -- --keep`: its address, its token and its traffic. */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Scope from "effect/Scope"
import { assert, describe, it } from "vitest"
import { CircuitBreakerRegistry } from "effect-circuit-breaker"
import * as Shop from "../../examples/dashboard/Shop.ts"
import * as Dashboard from "../../examples/quickstart/Dashboard.ts"
import { livePage, noTroubles, rowOf, sees } from "./Browser.ts"
import { setting } from "./fixtures.ts"

const given = setting()

const shop = Effect.gen(function* () {
  yield* Effect.forkScoped(Effect.scoped(Shop.traffic))
  return yield* Dashboard.serve
}).pipe(
  Effect.provideServiceEffect(
    CircuitBreakerRegistry.CircuitBreakerRegistry,
    Effect.sync(CircuitBreakerRegistry.unsafeMake)
  ),
  Logger.withMinimumLogLevel(LogLevel.None)
)

describe("the shop of the demo", () => {
  it("12.5 has a circuit that opens, which a person with the printed address can isolate", async () => {
    const address = new URL(await Effect.runPromise(Scope.extend(shop, given.scope)))
    assert.strictEqual(address.hostname, "127.0.0.1")
    const seen = await livePage(given.browser, { url: address.origin }, { query: address.hash })
    const { page } = seen
    await sees(page, "Payments", "eu", "Open")
    await rowOf(page, "Payments", "eu").getByText("connect ECONNREFUSED payments-eu:443").waitFor()
    await page.getByRole("button", { name: "Isolate Payments / eu" }).click()
    await page.getByLabel("Reason").fill("a try")
    await page.getByLabel("Your name").fill("Ada")
    assert.strictEqual(await page.getByLabel("Token").count(), 0)
    await page.getByRole("dialog").getByRole("button", { name: "Isolate" }).click()
    await page.getByText("Isolated: Payments / eu is now Isolated until").waitFor()
    await sees(page, "Payments", "eu", "Isolated")
    noTroubles(seen)
  })

  it("12.5 lets nobody change anything without the token of the address", async () => {
    const address = new URL(await Effect.runPromise(Scope.extend(shop, given.scope)))
    const answer = await fetch(`${address.origin}/circuits/circuit/isolate`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-circuit-admin": "1" },
      body: JSON.stringify({
        breaker: "Payments",
        key: "eu",
        reason: "a try",
        owner: "eve",
        expiresInSeconds: 60
      })
    })
    assert.strictEqual(answer.status, 401)
  })
})
