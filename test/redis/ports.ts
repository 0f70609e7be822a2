import { once } from "node:events"
import type { Server } from "node:net"
import { createServer } from "node:net"

export const portOf = (server: Server): number => {
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("the server does not listen on a port")
  return address.port
}

// Below the ports that the system assigns by itself: no connection takes one of these meanwhile.
const first = 10_000
const count = 20_000

/** A port on which no process listens now. */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = first + Math.floor(Math.random() * count)
    const server = createServer().listen(port, "127.0.0.1")
    const isFree = await once(server, "listening").then(
      () => true,
      () => false
    )
    if (!isFree) continue
    server.close()
    await once(server, "close")
    return port
  }
}
