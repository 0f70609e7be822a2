/**
 * A server with the page and answers of the admin API that a test decides, for what a real breaker cannot be brought to
 * at will: ten thousand circuits, text of an attacker, a lost connection.
 */
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import type { IncomingMessage, ServerResponse } from "node:http"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import * as CircuitDashboard from "effect-circuit-breaker/CircuitDashboard"
import type * as Schemas from "../../src/internal/admin/schemas.ts"

export type Details = Schema.Schema.Type<typeof Schemas.CircuitDetails>
export type State = Details["state"]
export type Tag = State["_tag"]
type Access = Schema.Schema.Type<typeof Schemas.Access>
type Override = Schema.Schema.Type<typeof Schemas.Override>

export const tags: ReadonlyArray<Tag> = ["Isolated", "Open", "HalfOpen", "Recovering", "Disabled", "Closed"]

export interface Change {
  readonly path: string
  readonly body: Record<string, unknown>
  readonly headers: IncomingMessage["headers"]
}

export class FakeAdmin {
  circuits: Array<Details> = []
  access: Access = {
    changes: "Program",
    reads: "Public",
    longestOverrideSeconds: 86_400,
    exposesCauses: true
  }
  overrides: Array<Override> = []
  readonly changes: Array<Change> = []
  /** The paths that were asked for, with their queries. */
  readonly asked: Array<string> = []
  /** While false, every request is cut off, as by a server that is down. */
  answers = true
  /** The answer to a change, in place of success. */
  refusal: { readonly status: number; readonly message: string } | undefined
  token: string | undefined
  /** While false, no summary is sent by itself. */
  speaks = true
  private readonly streams = new Set<ServerResponse>()
  private readonly page = HttpLayerRouter.toWebHandler(
    CircuitDashboard.layer().pipe(Layer.provide(NodeHttpServer.layerContext)),
    { disableLogger: true }
  )
  private readonly server = createServer((request, response) => void this.answer(request, response))

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  private readonly speaking = setInterval(() => this.speaks && this.summary(), 1_000)

  listen(): Promise<void> {
    return new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve))
  }

  async close(): Promise<void> {
    clearInterval(this.speaking)
    this.cut()
    await new Promise((resolve) => this.server.close(resolve))
    await this.page.dispose()
  }

  /** Ends every connection. */
  cut(): void {
    this.server.closeAllConnections()
    this.streams.clear()
  }

  get listeners(): number {
    return this.streams.size
  }

  /** Sends an event to every page. */
  send(event: "summary" | "transition" | "change", data: unknown): void {
    for (const stream of this.streams) stream.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
  }

  summary(at = Date.now()): void {
    this.send("summary", this.summaryOf(at))
  }

  private summaryOf(at: number) {
    const busy = this.circuits.filter(
      (it) => it.state._tag !== "Closed" || (it.rates?.callsPerSecond ?? 0) > 0
    )
    return {
      at,
      breakers: this.breakers().map(({ circuits, name, states }) => ({
        name,
        circuits,
        states,
        rates: this.circuits
          .filter((it) => it.breaker === name)
          .reduce(
            (sum, { rates }) => ({
              callsPerSecond: sum.callsPerSecond + (rates?.callsPerSecond ?? 0),
              failuresPerSecond: sum.failuresPerSecond + (rates?.failuresPerSecond ?? 0),
              rejectedPerSecond: sum.rejectedPerSecond + (rates?.rejectedPerSecond ?? 0)
            }),
            { callsPerSecond: 0, failuresPerSecond: 0, rejectedPerSecond: 0 }
          )
      })),
      circuits: busy.slice(0, 100).map(({ breaker, key, nearness, rates, spared, state }) => ({
        breaker,
        key,
        state,
        nearness,
        spared,
        rates: rates ?? { callsPerSecond: 0, failuresPerSecond: 0, rejectedPerSecond: 0 }
      })),
      omitted: Math.max(0, busy.length - 100),
      overrides: this.overrides.length
    }
  }

  private breakers() {
    const names = [...new Set(this.circuits.map((it) => it.breaker))]
    return names.map((name) => {
      const own = this.circuits.filter((it) => it.breaker === name)
      return {
        name,
        circuits: own.length,
        states: Object.fromEntries(
          tags.map((tag) => [tag, own.filter((it) => it.state._tag === tag).length])
        ),
        tripPolicy: own[0]!.settings.tripPolicy.text,
        mode: "enforce",
        sharing: own[0]!.sharing
      }
    })
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!this.answers) return void request.socket.destroy()
    const url = new URL(request.url!, "http://127.0.0.1")
    this.asked.push(`${url.pathname}${url.search}`)
    if (!url.pathname.startsWith("/circuits")) return this.servePage(request, response)
    if (request.method === "POST") return this.change(url.pathname, request, response)
    if (this.access.reads === "Authorized" && request.headers.authorization !== `Bearer ${this.token}`)
      return json(response, 401, { _tag: "Unauthorized", message: "The bearer token is missing or wrong." })
    return this.read(url, response)
  }

  private async servePage(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = await this.page.handler(
      new Request(`http://127.0.0.1${request.url}`, { headers: request.headers as Record<string, string> })
    )
    response.writeHead(answer.status, Object.fromEntries(answer.headers))
    response.end(Buffer.from(await answer.arrayBuffer()))
  }

  private read(url: URL, response: ServerResponse): void {
    const at = Date.now()
    switch (url.pathname) {
      case "/circuits/breakers": {
        const breakers = this.breakers()
        return json(response, 200, { at, access: this.access, total: breakers.length, breakers })
      }
      case "/circuits/circuits":
        return json(response, 200, { at, ...this.list(url.searchParams) })
      case "/circuits/circuit": {
        const found = this.find(url.searchParams.get("breaker"), url.searchParams.get("key"))
        return found === undefined
          ? json(response, 404, { _tag: "NotFound", message: "There is no such circuit." })
          : json(response, 200, { ...found, at, overrides: this.overridesOf(found) })
      }
      case "/circuits/overrides":
        return json(response, 200, { at, overrides: this.overrides })
      default:
        response.writeHead(200, { "content-type": "text/event-stream" })
        response.write("retry: 2000\n\n")
        response.write(`event: summary\ndata: ${JSON.stringify(this.summaryOf(at))}\n\n`)
        this.streams.add(response)
        response.on("close", () => this.streams.delete(response))
    }
  }

  private list(query: URLSearchParams) {
    const text = (query.get("text") ?? "").toLowerCase()
    const states = query.getAll("state")
    const breaker = query.get("breaker")
    const found = this.circuits
      .filter(
        (it) =>
          (breaker === null || it.breaker === breaker) &&
          (states.length === 0 || states.includes(it.state._tag)) &&
          `${it.breaker}\n${it.key}`.toLowerCase().includes(text)
      )
      .toSorted(
        (a, b) =>
          tags.indexOf(a.state._tag) - tags.indexOf(b.state._tag) || (b.nearness ?? 0) - (a.nearness ?? 0)
      )
    const offset = Number(query.get("offset") ?? 0)
    const limit = Number(query.get("limit") ?? 50)
    return { total: found.length, offset, limit, circuits: found.slice(offset, offset + limit) }
  }

  find(breaker: unknown, key: unknown): Details | undefined {
    return this.circuits.find((it) => it.breaker === breaker && it.key === key)
  }

  private overridesOf(circuit: Details): ReadonlyArray<Override> {
    return this.overrides.filter((it) => it.breaker === circuit.breaker && it.key === circuit.key)
  }

  private async change(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = ""
    for await (const chunk of request) text += String(chunk)
    const body: Record<string, unknown> = JSON.parse(text)
    this.changes.push({ path, body, headers: request.headers })
    if (this.token !== undefined && request.headers.authorization !== `Bearer ${this.token}`)
      return json(response, 401, { _tag: "Unauthorized", message: "The bearer token is missing or wrong." })
    if (this.refusal !== undefined)
      return json(response, this.refusal.status, { _tag: "Forbidden", message: this.refusal.message })
    return json(response, 200, { changed: false, override: null, circuit: null })
  }
}

const json = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { "content-type": "application/json" })
  response.end(JSON.stringify(body))
}

/** A server that is closed with the scope. */
export const fakeAdmin = Effect.acquireRelease(
  Effect.promise(async () => {
    const admin = new FakeAdmin()
    await admin.listen()
    return admin
  }),
  (admin) => Effect.promise(() => admin.close())
)
