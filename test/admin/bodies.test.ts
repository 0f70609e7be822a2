/** Bodies that come without an announced size, as a client may send them that makes them while it sends. */
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { request } from "node:http"
import { make, works } from "../kit/index.ts"
import { authorized, type Server, serve, test, why } from "./fixtures.ts"

const circuit = { breaker: "payments", key: "eu" }

const setUp = Effect.gen(function* () {
  const breaker = yield* make({ name: "payments" })
  yield* breaker.protectWith(works, { key: "eu" })
  return { breaker, server: yield* serve() }
})

/** A change whose size is not announced. */
const inChunks = ({ origin }: Server) => {
  const sending = request(`${origin}/circuits/circuit/trip`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-circuit-admin": "1", ...authorized }
  })
  const answer = new Promise<number | undefined>((resolve, reject) => {
    sending.once("response", (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    sending.once("error", reject)
  })
  const closed = new Promise<void>((resolve) => sending.once("close", resolve))
  return { sending, answer: Effect.promise(() => answer), closed: Effect.promise(() => closed) }
}
const tooLong = JSON.stringify({ ...circuit, ...why, padding: "x".repeat(20_000) })

describe("a body without an announced size", () => {
  test("12.2 is refused as soon as it is too large, and may go on to its end", function* () {
    const { breaker, server } = yield* setUp
    const { answer, closed, sending } = inChunks(server)

    sending.write(tooLong.slice(0, -1))
    const status = yield* answer
    sending.end("}")
    yield* closed

    assert.strictEqual(status, 413)
    assert.deepStrictEqual(yield* breaker.state("eu"), { _tag: "Closed" })
  })

  test("12.2 that is too large and never ends is answered, and loses its connection after 5 seconds", function* () {
    const { server } = yield* setUp
    const { answer, closed, sending } = inChunks(server)

    sending.write(tooLong)
    const status = yield* answer
    yield* TestClock.adjust("5 seconds")
    yield* closed

    assert.strictEqual(status, 413)
  })

  test("12.2 that is much too large is answered, and loses its connection after a megabyte", function* () {
    const { server } = yield* setUp
    const { answer, closed, sending } = inChunks(server)
    sending.on("error", () => {})

    sending.write(tooLong)
    const status = yield* answer
    sending.write("x".repeat(1_100_000))
    yield* closed

    assert.strictEqual(status, 413)
  })

  test("12.2 that is not too large is read", function* () {
    const { breaker, server } = yield* setUp
    const { answer, sending } = inChunks(server)

    sending.write(JSON.stringify({ ...circuit, ...why }).slice(0, -1))
    sending.end("}")

    assert.strictEqual(yield* answer, 200)
    assert.strictEqual((yield* breaker.state("eu"))._tag, "Open")
  })
})
