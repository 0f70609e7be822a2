/**
 * A Redis for the demo, on a port of its own, with nothing kept.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import type { AddressInfo } from "node:net"
import { createServer } from "node:net"

/** Its port. Fails where there is no `redis-server`. */
export const start: Effect.Effect<number, unknown, Scope.Scope> = Effect.gen(function* () {
  const port = yield* freePort
  const server = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const options = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
      return spawn("redis-server", options, { stdio: ["ignore", "pipe", "ignore"] })
    }),
    (server) => Effect.sync(() => server.kill())
  )
  yield* Effect.async<void, unknown>((resume) => {
    server.once("error", (error) => resume(Effect.fail(error)))
    server.once("exit", (code) => resume(Effect.fail(`redis-server has ended with code ${code}`)))
    server.stdout.on("data", (output: Buffer) => {
      if (output.toString().includes("Ready to accept connections")) resume(Effect.void)
    })
  })
  return port
})

const freePort = Effect.async<number>((resume) => {
  const probe = createServer().listen(0, "127.0.0.1", () => {
    const { port } = probe.address() as AddressInfo
    probe.close(() => resume(Effect.succeed(port)))
  })
})
