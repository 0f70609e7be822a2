/** The page without a browser: what is sent, and what the headers allow it. */
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Layer from "effect/Layer"
import { createHash } from "node:crypto"
import { Script } from "node:vm"
import * as CircuitAdmin from "effect-circuit-breaker/CircuitAdmin"
import * as CircuitDashboard from "effect-circuit-breaker/CircuitDashboard"
import { relativeTo } from "../../src/internal/dashboard/handler.ts"

const serve = (options?: CircuitDashboard.Options) =>
  HttpLayerRouter.toWebHandler(CircuitDashboard.layer(options).pipe(Layer.provide(HttpServer.layerContext)), {
    disableLogger: true
  })

const server = serve()
afterAll(() => server.dispose())

const ask = (path = "/dashboard", headers: Record<string, string> = {}) =>
  server.handler(new Request(`http://localhost${path}`, { headers }))

const inside = (html: string, tag: string): string =>
  new RegExp(`<${tag}>(.*?)</${tag}>`, "s").exec(html)![1]!

const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`

const mostBytes = 60 * 1_024

describe("CircuitDashboard the page", () => {
  it("12.3 is at most 60 KiB over the wire, in one response", async () => {
    const response = await ask("/dashboard", { "accept-encoding": "gzip, deflate, br, zstd" })
    assert.strictEqual(response.headers.get("content-encoding"), "gzip")
    const bytes = await response.arrayBuffer()
    assert.isBelow(bytes.byteLength, mostBytes)
    const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))
    const plain = await ask()
    assert.isNull(plain.headers.get("content-encoding"))
    assert.strictEqual(await new Response(unpacked).text(), await plain.text())
    assert.strictEqual(plain.headers.get("vary"), "accept-encoding")
  })

  it.each<readonly [header: string, isPacked: boolean]>([
    ["gzip", true],
    ["br;q=1.0, gzip;q=0.5", true],
    ["deflate,gzip", true],
    ["gzip;q=0", false],
    ["br, gzip; q=0.000", false],
    ["x-gzip-like", false],
    ["identity", false]
  ])("12.3 is compressed for a client that takes it: %s", async (header, isPacked) => {
    const response = await ask("/dashboard", { "accept-encoding": header })
    assert.strictEqual(response.headers.get("content-encoding") === "gzip", isPacked)
  })

  it("12.3 may run its own script and style, which its policy knows by their hashes, and nothing else", async () => {
    const response = await ask()
    const html = await response.text()
    const policy = response.headers.get("content-security-policy")!.split("; ")
    assert.deepStrictEqual(policy, [
      "default-src 'none'",
      `script-src ${hash(inside(html, "script"))}`,
      `style-src ${hash(inside(html, "style"))}`,
      "connect-src 'self'",
      "img-src data:",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'"
    ])
    assert.strictEqual(response.headers.get("x-content-type-options"), "nosniff")
    assert.strictEqual(response.headers.get("x-frame-options"), "DENY")
    assert.strictEqual(response.headers.get("referrer-policy"), "no-referrer")
    assert.strictEqual(response.headers.get("content-type"), "text/html; charset=utf-8")
  })

  it("12.3 has no handler or style in an attribute, no markup from text, and no other host", async () => {
    const html = await (await ask()).text()
    const markup = html.replace(inside(html, "script"), "").replace(inside(html, "style"), "")
    assert.notMatch(markup, /\son\w+=|\sstyle=|<script |<iframe|<object|<base/)
    assert.notMatch(
      inside(html, "script"),
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(|setTimeout\("/
    )
    const hosts = [...html.matchAll(/\bhttps?:\/\/[\w.]+/g)].map(([url]) => url)
    // The name of SVG, which nobody loads.
    assert.deepStrictEqual([...new Set(hosts)], ["http://www.w3.org"])
    assert.notMatch(html, /@import|url\(/)
  })

  it("12.3 has a script that is one", async () => {
    const html = await (await ask()).text()
    assert.doesNotThrow(() => new Script(inside(html, "script")))
  })
})

describe("CircuitDashboard options", () => {
  it.each<readonly [path: string, admin: string, relative: string]>([
    ["/dashboard", "/circuits", "circuits"],
    ["/ops/dashboard", "/ops/circuits", "circuits"],
    ["/ops/dashboard", "/circuits", "../circuits"],
    ["/dashboard", "/admin/circuits", "admin/circuits"],
    ["/a/b/c/page", "/a/x/circuits", "../../x/circuits"],
    ["/circuits/dashboard", "/circuits", "."]
  ])("12.3 the page at %s names the API at %s as %s", (path, admin, relative) => {
    assert.strictEqual(relativeTo(path, admin), relative)
    // As a browser resolves it.
    const resolved = new URL(`${relative}/`, `http://localhost${path}`)
    assert.strictEqual(resolved.pathname, `${admin}/`)
  })

  it("12.3 put the page and the API at other paths", async () => {
    const { dispose, handler } = serve({ path: "/ops/dashboard", adminPath: "/ops/circuits" })
    const response = await handler(new Request("http://localhost/ops/dashboard"))
    assert.include(await response.text(), 'data-admin="circuits"')
    await dispose()
  })

  it.each<readonly [options: object, message: string]>([
    [{ path: "dashboard" }, "CircuitDashboard: path"],
    [{ path: "/:id" }, "CircuitDashboard: path"],
    [{ path: "/" }, "CircuitDashboard: path"],
    [{ path: "/ops/../dashboard" }, "CircuitDashboard: path"],
    [{ adminPath: "/." }, "CircuitDashboard: adminPath"],
    [{ adminPath: "/a b" }, "CircuitDashboard: adminPath"],
    [{ adminPath: '/"><script>' }, "CircuitDashboard: adminPath"],
    [{ pth: "/dashboard" }, "CircuitDashboard"]
  ])("R3.5 out of range are refused by name: %o", async (options, message) => {
    const { dispose, handler } = serve(options as CircuitDashboard.Options)
    const refused = await handler(new Request("http://localhost/dashboard")).then(
      () => undefined,
      (error: unknown) => error
    )
    assert.include(String(refused), message)
    await dispose()
  })
})

describe("CircuitDashboard.layerApi", () => {
  it("12.3 serves the page beside an HttpApi", async () => {
    class Api extends HttpApi.make("program").add(CircuitAdmin.group.prefix("/circuits")) {}
    const ApiLive = HttpApiBuilder.api(Api).pipe(Layer.provide(CircuitAdmin.layerApi(Api)))
    const { dispose, handler } = HttpApiBuilder.toWebHandler(
      Layer.mergeAll(ApiLive, CircuitDashboard.layerApi(), HttpServer.layerContext)
    )
    const page = await handler(new Request("http://localhost/dashboard"))
    const breakers = await handler(new Request("http://localhost/circuits/breakers"))
    assert.deepStrictEqual([page.status, breakers.status], [200, 200])
    await dispose()
  })
})
