import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import { Outcome } from "effect-circuit-breaker"

const { die, fail, interrupt: interruptOf, parallel, sequential } = Cause
const interrupt = interruptOf(FiberId.none)

/** The verdict of each classifier on an exit, with a predicate that holds for "bad". */
const verdicts = (exit: Exit.Exit<string, string>) => [
  Outcome.fromExit(exit)._tag,
  Outcome.failWhen((error: string) => error === "bad")(exit)._tag,
  Outcome.ignoreWhen((error: string) => error === "bad")(exit)._tag
]

const all = (tag: Outcome.Outcome["_tag"]) => [tag, tag, tag]
const [byFailWhen, byIgnoreWhen] = [
  ["Failure", "Failure", "Ignored"],
  ["Failure", "Ignored", "Failure"]
]

describe("R3.1.4 classifiers", () => {
  for (const [what, cause, expected] of [
    ["only interruption is Ignored", interrupt, all("Ignored")],
    ["several interruptions are Ignored", parallel(interrupt, interrupt), all("Ignored")],
    ["interruption after nothing is Ignored", sequential(Cause.empty, interrupt), all("Ignored")],
    ["a defect is a Failure", die("a defect"), all("Failure")],
    ["a defect beside an interruption is a Failure", parallel(interrupt, die("a defect")), all("Failure")],
    [
      "a defect after an error that does not count is",
      sequential(fail("good"), die("a defect")),
      all("Failure")
    ],
    ["a defect after an error that counts is", sequential(fail("bad"), die("a defect")), all("Failure")],
    ["an error for which the predicate holds", fail("bad"), byFailWhen],
    ["an error for which it does not", fail("good"), byIgnoreWhen],
    [
      "an error that was interrupted too is judged by the error",
      parallel(fail("bad"), interrupt),
      byFailWhen
    ],
    ["of several errors one that counts is enough", parallel(fail("good"), fail("bad")), all("Failure")]
  ] as const) {
    it(`R3.1.4 ${what}`, () => {
      assert.deepStrictEqual(verdicts(Exit.failCause(cause)), expected)
    })
  }

  it("R3.1.4 a success is a Success", () => {
    assert.deepStrictEqual(verdicts(Exit.succeed("bad")), all("Success"))
  })

  it("R3.1.4 a refinement's subtypes count with it", () => {
    class Unavailable extends Error {}
    class TimedOut extends Unavailable {}
    const classify = Outcome.failWhen((error: Error) => error instanceof Unavailable)

    assert.strictEqual(classify(Exit.fail(new TimedOut()))._tag, "Failure")
    assert.strictEqual(classify(Exit.fail(new Error()))._tag, "Ignored")
  })
})

describe("R3.2.8 outcomes", () => {
  it("R3.2.8 are plain data, a failure with or without a hint", () => {
    assert.deepStrictEqual(
      [Outcome.success, Outcome.ignored, Outcome.failure(), Outcome.failure({})],
      [{ _tag: "Success" }, { _tag: "Ignored" }, { _tag: "Failure" }, { _tag: "Failure" }]
    )
    assert.deepStrictEqual(Outcome.failure({ retryAfter: "20 seconds" }), {
      _tag: "Failure",
      retryAfter: Duration.seconds(20)
    })
  })
})
