/** The page behind a reverse proxy that serves it below another path. */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { createServer, request as forward } from "node:http"
import type { AddressInfo } from "node:net"
import { assert, describe, it } from "vitest"
import { livePage, noTroubles, rowOf, sees } from "./Browser.ts"
import { closed, open } from "./circuits.ts"
import { setting } from "./fixtures.ts"

const given = setting()

/** Forwards what lies below `/ops/`, and knows nothing else. */
const proxyOf = (target: string) =>
  Effect.acquireRelease(
    Effect.async<{ readonly url: string; readonly close: () => void }>((resume) => {
      const server = createServer((request, response) => {
        if (!request.url!.startsWith("/ops/")) return void response.writeHead(404).end()
        const { headers, method } = request
        const onward = forward(
          `${target}${request.url!.slice("/ops".length)}`,
          { headers, method },
          (answer) => {
            response.writeHead(answer.statusCode!, answer.headers)
            answer.pipe(response)
          }
        )
        onward.on("error", () => response.destroy())
        request.pipe(onward)
      })
      server.listen(0, "127.0.0.1", () => {
        const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ops`
        const close = () => {
          server.closeAllConnections()
          server.close()
        }
        resume(Effect.succeed({ url, close }))
      })
    }),
    ({ close }) => Effect.sync(close)
  )

describe("behind a reverse proxy", () => {
  it("12.7 that puts both below another path, the page finds the API, its events and its changes", async () => {
    given.admin.circuits = [open(closed("Payments", "eu"))]
    const proxy = await Effect.runPromise(Scope.extend(proxyOf(given.admin.url), given.scope))
    const seen = await livePage(given.browser, proxy)
    const { page } = seen
    await sees(page, "Payments", "eu", "Open")
    await rowOf(page, "Payments", "eu").getByText("connect ECONNREFUSED").waitFor()
    await page.getByRole("button", { name: "Isolate Payments / eu" }).click()
    await page.getByLabel("Reason").fill("a test")
    await page.getByRole("dialog").getByRole("button", { name: "Isolate" }).click()
    await page.getByText("Nothing changed").waitFor()
    assert.strictEqual(given.admin.changes[0]!.path, "/circuits/circuit/isolate")
    noTroubles(seen)
  })

  it("12.7 the page finds the API from an address that ends with a slash, too", async () => {
    given.admin.circuits = [open(closed("Payments", "eu"))]
    const seen = await livePage(given.browser, given.admin, { query: "/" })
    await sees(seen.page, "Payments", "eu", "Open")
    noTroubles(seen)
  })
})
