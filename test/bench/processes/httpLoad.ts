import { connect } from "node:net"
import { serve } from "../process.ts"

interface Load {
  readonly port: number
  readonly millis: number
}

const connections = 32
const request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"

const isWhole = (received: string): boolean => {
  const body = received.indexOf("\r\n\r\n") + 4
  const length = /content-length: (\d+)/i.exec(received)?.[1]
  return body >= 4 && length !== undefined && received.length >= body + Number(length)
}

/**
 * Counts the answers of a server within a time, over connections that each keep one request on its way. Plain sockets,
 * because the server is to be the limit.
 */
const apply = ({ millis, port }: Load): Promise<number> =>
  new Promise((resolve, reject) => {
    let answers = 0
    const sockets = Array.from({ length: connections }, () => {
      let received = ""
      const socket = connect(port, "127.0.0.1", () => socket.write(request))
      socket.setNoDelay(true)
      socket.setEncoding("latin1")
      socket.on("error", reject)
      socket.on("data", (chunk: string) => {
        received += chunk
        if (!isWhole(received)) return
        if (!received.startsWith("HTTP/1.1 ")) reject(new Error(`not an answer: ${received}`))
        received = ""
        answers++
        socket.write(request)
      })
      return socket
    })
    setTimeout(() => {
      for (const socket of sockets) socket.destroy()
      resolve(answers)
    }, millis)
  })

serve(async () => apply)
