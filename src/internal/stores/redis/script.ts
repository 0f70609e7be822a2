import type { Cluster, Redis } from "ioredis"
import type { Buffer } from "node:buffer"
import { createHash } from "node:crypto"

/**
 * Runs a script on the keys of a server.
 *
 * @internal
 */
export type Run = (keys: ReadonlyArray<string>, args: ReadonlyArray<string | Buffer>) => Promise<unknown>

/**
 * Makes a script of a server. It is sent by its digest, and in full if the server does not know it, as after a restart
 * or `SCRIPT FLUSH`.
 *
 * @internal
 */
export const script = (client: Redis | Cluster, lua: string): Run => {
  const digest = createHash("sha1").update(lua).digest("hex")
  // Each command of ioredis has a variant that returns bytes, but the types have only some of these variants.
  const scripts = client as (Redis | Cluster) & Scripting
  return (keys, args) =>
    scripts.evalshaBuffer(digest, keys.length, ...keys, ...args).catch((error: unknown) => {
      if (error instanceof Error && error.message.startsWith("NOSCRIPT")) {
        return scripts.evalBuffer(lua, keys.length, ...keys, ...args)
      }
      throw error
    })
}

type Evaluate = (
  script: string,
  keys: number,
  ...keysAndArguments: ReadonlyArray<string | Buffer>
) => Promise<unknown>

interface Scripting {
  readonly evalshaBuffer: Evaluate
  readonly evalBuffer: Evaluate
}
