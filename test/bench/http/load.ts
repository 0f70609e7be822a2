import { connect } from "node:net"

/** How many requests one server answers in a span, sent over so many connections that each keep one on its way. */
export interface Load {
  readonly port: number
  readonly millis: number
}

const connections = 32
const request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
const head = "HTTP/1.1 "

/** The end of an answer, of which the head says how long it is. */
const endOf = (received: string): number => {
  const body = received.indexOf("\r\n\r\n") + 4
  const length = /content-length: (\d+)/i.exec(received)?.[1]
  return body < 4 || length === undefined ? Infinity : body + Number(length)
}

/** Plain sockets, because the server is to be what limits. */
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
        if (received.length < endOf(received)) return
        if (!received.startsWith(head)) reject(new Error(`not an answer: ${received}`))
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

process.on("disconnect", () => process.exit())
process.on("message", (load: Load) => {
  apply(load).then(
    (answers) => process.send?.(answers),
    (error: unknown) => {
      throw error
    }
  )
})
