import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { serve } from "../process.ts"

/** A server that answers at once. Asked, it tells its port. */
serve(async () => {
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": "11" })
    response.end('{"ok":true}')
  })
  server.keepAliveTimeout = 60_000
  await once(server.listen(0, "127.0.0.1"), "listening")
  return async () => (server.address() as AddressInfo).port
})
