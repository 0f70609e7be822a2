/**
 * The backend that all processes call. It counts who comes.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import type { Kind, Story } from "./Story.ts"
import { kinds } from "./Story.ts"

export interface Backend {
  readonly url: string
  /** The story begins now. */
  readonly begin: Effect.Effect<void>
  readonly elapsed: Effect.Effect<number>
  readonly requests: ReadonlyArray<Request>
}

export interface Request {
  readonly kind: Kind
  readonly isProbe: boolean
  /** Milliseconds since the story began. */
  readonly at: number
}

export const isDownAt = ({ downFrom, downUntil }: Story, at: number): boolean =>
  at >= downFrom && at < downUntil

export const start = (story: Story): Effect.Effect<Backend, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const requests: Array<Request> = []
    let begunAt = clock.unsafeCurrentTimeMillis()
    const elapsed = () => clock.unsafeCurrentTimeMillis() - begunAt
    const server = yield* Effect.acquireRelease(
      Effect.async<ReturnType<typeof createServer>>((resume) => {
        const server = createServer(({ url = "" }, response) => {
          const [, name, what] = url.split("/")
          const at = elapsed()
          const kind = kinds.find((it) => it === name)
          if (kind !== undefined) requests.push({ kind, isProbe: what === "probe", at })
          response.writeHead(isDownAt(story, at) ? 503 : 200).end()
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
      begin: Effect.map(Clock.currentTimeMillis, (now) => {
        begunAt = now
      }),
      elapsed: Effect.sync(elapsed),
      requests
    }
  })
