import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { setTimeout as sleep } from "node:timers/promises"
import { acquire, bare, quietly } from "../effect3.ts"
import { serve } from "../process.ts"
import { clock, makeShared, opensAtOnce } from "../redis.ts"

interface Question {
  readonly key: string
  readonly until: "called" | "rejected"
}

/** Another process of the fleet. Asked, it calls a key, or calls it until a call is rejected, and tells when that was. */
serve(async (port) => {
  const breaker = await acquire(makeShared(Number(port), opensAtOnce))
  return async ({ key, until }: Question) => {
    const call = () => Effect.runPromise(quietly(Effect.exit(breaker.protectWith(bare, { key }))))
    if (until === "called") await call()
    else while (Exit.isSuccess(await call())) await sleep(1)
    return clock()
  }
})
