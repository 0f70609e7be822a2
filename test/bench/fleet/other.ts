import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { setTimeout as sleep } from "node:timers/promises"
import { acquire, quietly, work } from "../effect3.ts"
import { atOnce, clock, makeNode } from "./node.ts"

/** Joins, uses a key, or uses it until a call is rejected: the answer is 0, and to the last when that was. */
export type Question =
  | { readonly _tag: "Join"; readonly port: number }
  | { readonly _tag: "Use"; readonly key: string }
  | { readonly _tag: "AwaitRejection"; readonly key: string }

let breaker: Effect.Effect.Success<ReturnType<typeof makeNode>> | undefined

const call = async (key: string): Promise<boolean> =>
  breaker !== undefined &&
  Either.isRight(
    await Effect.runPromise(quietly(Effect.either(breaker.protectWith(Effect.sync(work), { key }))))
  )

const answer = async (question: Question): Promise<number> => {
  switch (question._tag) {
    case "Join":
      breaker = await acquire(makeNode(question.port, atOnce))
      return 0
    case "Use":
      await call(question.key)
      return 0
    case "AwaitRejection":
      while (await call(question.key)) await sleep(1)
      return clock()
  }
}

process.on("disconnect", () => process.exit())
process.on("message", (question: Question) => {
  answer(question).then(
    (value) => process.send?.(value),
    (error: unknown) => {
      throw error
    }
  )
})
