import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRespondable from "@effect/platform/HttpServerRespondable"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import { flow, identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { CircuitOpenError, Outcome } from "effect-circuit-breaker"
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import { test } from "../../kit/test.ts"
import { make, tagOf, totalsOf } from "../../kit/index.ts"
import { exitOf, guarding, places, serve, status } from "./fixtures.ts"

/** An error that makes its own answer. */
class Answering extends Data.TaggedError("Answering")<{
  readonly answer: Effect.Effect<HttpServerResponse.HttpServerResponse, string>
}> {
  [HttpServerRespondable.symbol]() {
    return this.answer
  }
}

const answering = (code: number) => new Answering({ answer: Effect.succeed(status(code)) })

const nothingMounted = HttpRouter.empty.pipe(HttpRouter.get("/elsewhere", Effect.succeed(status(200))))

const thrown = Cause.die(status(500))
const brokenOff = Cause.interrupt(FiberId.none)

type Verdict = "succeeded" | "failed"

const endings: ReadonlyArray<
  readonly [what: string, app: HttpApp.Default<unknown>, status: number, verdict: Verdict]
> = [
  ...[200, 204, 304, 400, 401, 404, 409, 422, 429, 499].map(
    (code) => [`a ${code}`, Effect.succeed(status(code)), code, "succeeded"] as const
  ),
  ...[500, 501, 502, 503, 504, 599].map(
    (code) => [`a ${code}`, Effect.succeed(status(code)), code, "failed"] as const
  ),
  ["an error that has no answer", Effect.fail("unavailable"), 500, "failed"],
  ["an error that answers 409", Effect.fail(answering(409)), 409, "succeeded"],
  ["an error that answers 502", Effect.fail(answering(502)), 502, "failed"],
  ["an error whose answer fails", Effect.fail(new Answering({ answer: Effect.fail("no") })), 500, "failed"],
  ["a route that is not there", nothingMounted, 404, "succeeded"],
  [
    "input that does not parse",
    Schema.decodeUnknown(Schema.Number)("one").pipe(Effect.as(status(200))),
    400,
    "succeeded"
  ],
  ["a thing that is not there", Effect.as(Option.none(), status(200)), 404, "succeeded"],
  ["a defect", Effect.die(new Error("broken")), 500, "failed"],
  ["a defect that answers 404", Effect.die(answering(404)), 404, "succeeded"],
  ["a 404 thrown as a defect", Effect.die(status(404)), 404, "succeeded"],
  ["a 503 thrown as a defect", Effect.die(status(503)), 503, "failed"],
  ["a 500 thrown before an interruption", Effect.failCause(Cause.parallel(thrown, brokenOff)), 500, "failed"],
  ["a 500 thrown after an interruption", Effect.failCause(Cause.parallel(brokenOff, thrown)), 500, "failed"]
]

for (const [place, serveIn] of Object.entries(places)) {
  describe(`verdicts, with the middleware ${place}`, () => {
    for (const [what, app, code, verdict] of endings) {
      test(`D5 ${what} has ${verdict}`, function* () {
        const { ask, breaker } = yield* guarding(make(), app, {}, serveIn)
        const answer = yield* ask()
        assert.strictEqual(answer.status, code)
        assert.deepStrictEqual(answer, yield* (yield* serve(app))(), "the answer without a breaker")
        assert.deepStrictEqual(yield* totalsOf(breaker), {
          succeeded: 0,
          failed: 0,
          ignored: 0,
          rejected: 0,
          [verdict]: 1
        })
        assert.strictEqual(yield* tagOf(breaker), verdict === "failed" ? "Open" : "Closed")
      })
    }

    test("R3.1.4 an app that interrupts itself is Ignored", function* () {
      const { ask, breaker } = yield* guarding(make(), Effect.interrupt, {}, serveIn)
      assert.strictEqual((yield* ask()).status, 503)
      assert.deepInclude(yield* totalsOf(breaker), { ignored: 1, failed: 0 })
    })

    test("D5 classify may list the errors that count, or those that do not", function* () {
      const listed = (error: unknown) => error === "unavailable"
      const errors = ["out of stock", "unavailable"]
      for (const [classify, verdicts] of [
        [Outcome.failWhen(listed), ["ignored", "failed"]],
        [Outcome.ignoreWhen(listed), ["failed", "ignored"]]
      ] as const) {
        for (const [i, error] of errors.entries()) {
          const { ask, breaker } = yield* guarding(make(), Effect.fail(error), { classify }, serveIn)
          assert.strictEqual((yield* ask()).status, 500)
          assert.propertyVal(yield* totalsOf(breaker), verdicts[i]!, 1, error)
        }
      }
    })

    test("D5 classify may make a failure, with a hint, of another status", function* () {
      const { ask } = yield* guarding(
        make(),
        Effect.succeed(status(429)),
        {
          classify: (exit) =>
            Exit.isSuccess(exit) && exit.value.status === 429
              ? Outcome.failure({ retryAfter: "1 minute" })
              : CircuitHttpMiddleware.classify(exit)
        },
        serveIn
      )
      assert.strictEqual((yield* ask()).status, 429)
      assert.strictEqual((yield* ask()).headers["retry-after"], "60")
    })
  })
}

/** The response, error or defect itself. */
const contentOf = <A, E>(exit: Exit.Exit<A, E>): unknown =>
  Exit.match(exit, { onSuccess: identity, onFailure: Cause.squash })

const inner = new CircuitOpenError({
  breaker: "inner",
  key: "default",
  state: "Open",
  retryAfter: Duration.seconds(3)
})

const exits: Record<
  string,
  Exit.Exit<HttpServerResponse.HttpServerResponse, Answering | CircuitOpenError>
> = {
  "its response": Exit.succeed(HttpServerResponse.text("ours", { status: 500, headers: { "x-own": "1" } })),
  "its error": Exit.fail(answering(409)),
  "its defect": Exit.die(new Error("broken")),
  "the rejection of another breaker inside": Exit.fail(inner)
}
for (const [what, exit] of Object.entries(exits)) {
  test(`D5 R3.1.2 an app keeps ${what}`, function* () {
    const middleware = CircuitHttpMiddleware.make({ breaker: yield* make() })
    const seen = yield* exitOf(middleware(exit))
    assert.deepStrictEqual(seen, exit)
    assert.strictEqual(contentOf(seen), contentOf(exit))
  })
}

for (const [what, app] of Object.entries({
  "its response": Effect.succeed(status(404)),
  "its error": Effect.fail("unavailable"),
  "its interruption": Effect.failCause(brokenOff)
})) {
  test(`D5 R3.1.2 an app around the server keeps ${what} for a middleware outside`, function* () {
    const exits: Array<Exit.Exit<HttpServerResponse.HttpServerResponse, unknown>> = []
    const recording = <E, R>(served: HttpApp.Default<E, R>) =>
      Effect.onExit(served, (exit) => Effect.sync(() => exits.push(exit)))
    const guard = CircuitHttpMiddleware.make({ breaker: yield* make() })
    yield* (yield* serve(app, flow(guard, recording)))()
    yield* (yield* serve(app, recording))()
    assert.lengthOf(exits, 2)
    assert.isTrue(Equal.equals(exits[0], exits[1]), exits.join("\n"))
  })
}

for (const [what, exit, outcome] of [
  ["a response", Exit.succeed(status(404)), Outcome.success],
  ["a response from 500 on", Exit.succeed(status(500)), Outcome.failure()],
  ["a defect", Exit.die("broken"), Outcome.failure()],
  ["only interruption", Exit.interrupt(FiberId.none), Outcome.ignored]
] as const) {
  it(`CircuitHttpMiddleware.classify judges ${what}`, () =>
    assert.deepStrictEqual(CircuitHttpMiddleware.classify(exit), outcome))
}
