/**
 * The backend that all processes call. It counts who comes.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import type { Kind, Story } from "./Story.ts"
import { isDownAt, kinds } from "./Story.ts"

export interface Backend {
  readonly url: string
  /** The story begins now. Before that, all is well. */
  readonly begin: (story: Story) => Effect.Effect<void>
  readonly elapsed: Effect.Effect<number>
  readonly requests: ReadonlyArray<Request>
}

export interface Request {
  readonly kind: Kind
  readonly isProbe: boolean
  /** Milliseconds since the story began. */
  readonly at: number
}

export const start: Effect.Effect<Backend, never, Scope.Scope> = Effect.gen(function* () {
  const clock = yield* Effect.clock
  const requests: Array<Request> = []
  let story: Story | undefined
  let begunAt = clock.unsafeCurrentTimeMillis()
  const elapsed = () => clock.unsafeCurrentTimeMillis() - begunAt
  const server = yield* Effect.acquireRelease(
    Effect.async<ReturnType<typeof createServer>>((resume) => {
      const server = createServer(({ url = "" }, response) => {
        const [, name, what] = url.split("/")
        const at = elapsed()
        const kind = kinds.find((it) => it === name)
        if (kind !== undefined) requests.push({ kind, isProbe: what === "probe", at })
        response.writeHead(story !== undefined && isDownAt(story, at) ? 503 : 200).end()
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    begin: (begun) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        story = begun
        begunAt = now
      }),
    elapsed: Effect.sync(elapsed),
    requests
  }
})
