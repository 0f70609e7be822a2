import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

/** A server that answers at once, in a process of its own: it tells its port. */
const server = createServer((_request, response) => {
  response.writeHead(200, { "content-type": "application/json", "content-length": "11" })
  response.end('{"ok":true}')
})
server.keepAliveTimeout = 60_000
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port))

process.on("disconnect", () => process.exit())
