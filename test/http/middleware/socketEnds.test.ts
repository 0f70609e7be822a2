/** Hand-made sockets of routes: when they have opened, and which errors mean that they have ended. */
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Socket from "@effect/platform/Socket"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import { isSocketEnd, observingSocket } from "../../../src/internal/http/server/socket.ts"

const closed = new Socket.SocketCloseError({ reason: "Close", code: 1006 })

describe("E13 whether a route has failed only by the end of its socket", () => {
  const end = Cause.fail(closed)
  const ending = Cause.die(closed)
  const other = Cause.fail("unavailable")
  const broken = Cause.die("broken")
  const interrupt = Cause.interrupt(FiberId.none)

  for (const [what, cause, is] of [
    ["an error of the socket", end, true],
    ["a defect of the socket", ending, true],
    ["both", Cause.parallel(end, ending), true],
    ["an error of the socket, and an interruption", Cause.sequential(end, interrupt), true],
    ["an interruption, and a defect of the socket", Cause.sequential(interrupt, ending), true],
    ["another error", other, false],
    ["another defect", broken, false],
    ["another error, and then one of the socket", Cause.sequential(other, end), false],
    ["one of the socket, and then another error", Cause.sequential(end, other), false],
    ["another defect, and then one of the socket", Cause.sequential(broken, ending), false],
    ["one of the socket, and then another defect", Cause.sequential(ending, broken), false]
  ] as const) {
    it(`E13 ${what}: ${is}`, () => {
      assert.strictEqual(isSocketEnd(cause), is)
    })
  }
})

describe("E13 a socket that the middleware observes", () => {
  const opened = (socket: Socket.Socket, use: (socket: Socket.Socket) => Effect.Effect<unknown, unknown>) =>
    Effect.gen(function* () {
      let opens = 0
      const request = HttpServerRequest.fromWeb(new Request("http://localhost/"))
      Object.defineProperty(request, "upgrade", {
        value: Effect.succeed(socket),
        configurable: true,
        writable: true
      })
      const observed = observingSocket(request, {
        onOpen: Effect.sync(() => {
          opens++
        }),
        onClose: Effect.void
      })
      yield* Effect.flatMap(observed.upgrade, use)
      return opens
    })

  const calls: Array<string> = []
  const run =
    (name: string): Socket.Socket["run"] =>
    (_, options) =>
      Effect.zipRight(
        options?.onOpen ?? Effect.void,
        Effect.sync(() => calls.push(name))
      ) as Effect.Effect<void>
  const socket = Socket.Socket.of({
    [Socket.TypeId]: Socket.TypeId,
    run: run("run"),
    runRaw: run("runRaw"),
    writer: Effect.succeed((chunk) => Effect.sync(() => void calls.push(String(chunk))))
  })
  const handler = () => Effect.void
  const onOpen = Effect.sync(() => void calls.push("onOpen"))

  for (const [what, use, expected] of [
    ["run", (it: Socket.Socket) => it.run(handler), ["run"]],
    ["run raw", (it: Socket.Socket) => it.runRaw(handler), ["runRaw"]],
    [
      "run with an effect of the route's",
      (it: Socket.Socket) => it.run(handler, { onOpen }),
      ["onOpen", "run"]
    ],
    [
      "run and written to",
      (it: Socket.Socket) =>
        Effect.zipRight(
          it.run(handler),
          Effect.scoped(Effect.flatMap(it.writer, (write) => write("written")))
        ),
      ["run", "written"]
    ],
    [
      "written to only",
      (it: Socket.Socket) => Effect.scoped(Effect.flatMap(it.writer, (write) => write("written"))),
      ["written"]
    ]
  ] as const) {
    it.effect(`E13 has opened once it is ${what}`, () =>
      Effect.gen(function* () {
        calls.length = 0
        assert.strictEqual(yield* opened(socket, use), 1)
        assert.deepStrictEqual(calls, [...expected])
      })
    )
  }

  it.effect("E13 is also that of a request that is modified later", () =>
    Effect.gen(function* () {
      let opens = 0
      const request = (property: string, value: unknown) =>
        Object.defineProperty(HttpServerRequest.fromWeb(new Request("http://localhost/a")), property, {
          value,
          configurable: true,
          writable: true
        })
      const modified = observingSocket(
        request("modify", () => request("upgrade", Effect.succeed(socket))),
        {
          onOpen: Effect.sync(() => {
            opens++
          }),
          onClose: Effect.void
        }
      ).modify({ url: "/b" })
      assert.strictEqual(modified.method, "GET")
      const upgraded = yield* modified.upgrade
      yield* upgraded.run(handler)
      assert.strictEqual(opens, 1)
    })
  )
})
