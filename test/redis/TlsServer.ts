/** A server that speaks TLS, in front of one that does not. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { once } from "node:events"
import { connect } from "node:net"
import { createServer } from "node:tls"
import { portOf } from "./ports.ts"
import type { Address } from "./RedisServer.ts"

/** Signed by itself, for localhost and 127.0.0.1, and good for a hundred years. It protects nothing. */
export const certificate = `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUGWQBYhznv022PuPHMwY5qNGBgaowCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEzMDExMDEzNFoYDzIxMjYxMTA2
MTEwMTM0WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQd8MpbmaMyfAWtVj8A3eJy4m+CiF3wYSGVwdDPOgntJ2rEaiu+71ln
lQoJRp2cZv0j653+wCswD6gwwarJMMMxo28wbTAdBgNVHQ4EFgQUK3XXEH6sNwkc
yaMJLRAVpSt8hagwHwYDVR0jBBgwFoAUK3XXEH6sNwkcyaMJLRAVpSt8hagwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIhAJxoxfxdfBexI4wYCtH3q9hGhFh98Tsla6wA3aebeRQtAiBK
4MP4kvnrCy2dOGm/tfYISuf+q6Sldrin7R3Tx2C5gA==
-----END CERTIFICATE-----
`

const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgKNOKFsCN6hLPiHXa
Mhyl8wEPohOyfusCPDK9D5BXssyhRANCAAQd8MpbmaMyfAWtVj8A3eJy4m+CiF3w
YSGVwdDPOgntJ2rEaiu+71lnlQoJRp2cZv0j653+wCswD6gwwarJMMMx
-----END PRIVATE KEY-----
`

export const make = (target: Address): Effect.Effect<Address, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const sockets = new Set<{ readonly destroy: () => unknown }>()
      const server = createServer({ key, cert: certificate }, (client) => {
        const upstream = connect(target.port, target.host)
        for (const socket of [client, upstream]) {
          sockets.add(socket)
          socket.on("error", () => undefined).on("close", () => [client, upstream].map((it) => it.destroy()))
        }
        client.pipe(upstream)
        upstream.pipe(client)
      })
      server.on("tlsClientError", () => undefined).listen(0, "127.0.0.1")
      await once(server, "listening")
      return { server, sockets }
    }),
    ({ server, sockets }) =>
      Effect.sync(() => {
        server.close()
        for (const socket of sockets) socket.destroy()
      })
  ).pipe(Effect.map(({ server }) => ({ host: "127.0.0.1", port: portOf(server) })))
