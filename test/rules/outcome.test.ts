import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import { Outcome } from "effect-circuit-breaker"

const interrupt = Cause.interrupt(FiberId.none)

/** What each classifier makes of an exit, with a predicate that holds for "bad". */
const verdicts = (exit: Exit.Exit<string, string>) => ({
  fromExit: Outcome.fromExit(exit)._tag,
  failWhen: Outcome.failWhen((error: string) => error === "bad")(exit)._tag,
  ignoreWhen: Outcome.ignoreWhen((error: string) => error === "bad")(exit)._tag
})

const all = (tag: Outcome.Outcome["_tag"]) => ({ fromExit: tag, failWhen: tag, ignoreWhen: tag })

describe("R3.1.4 classifiers", () => {
  it("R3.1.4 a success is a Success", () => {
    assert.deepStrictEqual(verdicts(Exit.succeed("bad")), all("Success"))
  })

  it("R3.1.4 an exit that is only interruption is Ignored", () => {
    assert.deepStrictEqual(verdicts(Exit.interrupt(FiberId.none)), all("Ignored"))
    assert.deepStrictEqual(verdicts(Exit.failCause(Cause.parallel(interrupt, interrupt))), all("Ignored"))
    assert.deepStrictEqual(verdicts(Exit.failCause(Cause.sequential(Cause.empty, interrupt))), all("Ignored"))
  })

  it("R3.1.4 a defect is a Failure, alone or beside anything", () => {
    const defect = Cause.die("a defect")
    assert.deepStrictEqual(verdicts(Exit.failCause(defect)), all("Failure"))
    assert.deepStrictEqual(verdicts(Exit.failCause(Cause.parallel(interrupt, defect))), all("Failure"))
    assert.deepStrictEqual(
      verdicts(Exit.failCause(Cause.sequential(Cause.fail("good"), defect))),
      all("Failure")
    )
    assert.deepStrictEqual(
      verdicts(Exit.failCause(Cause.sequential(Cause.fail("bad"), defect))),
      all("Failure")
    )
  })

  it("R3.1.4 a typed error counts if failWhen's predicate holds, or ignoreWhen's does not", () => {
    assert.deepStrictEqual(verdicts(Exit.fail("bad")), {
      fromExit: "Failure",
      failWhen: "Failure",
      ignoreWhen: "Ignored"
    })
    assert.deepStrictEqual(verdicts(Exit.fail("good")), {
      fromExit: "Failure",
      failWhen: "Ignored",
      ignoreWhen: "Failure"
    })
  })

  it("R3.1.4 an error that was interrupted too is judged by the error", () => {
    assert.deepStrictEqual(verdicts(Exit.failCause(Cause.parallel(Cause.fail("bad"), interrupt))), {
      fromExit: "Failure",
      failWhen: "Failure",
      ignoreWhen: "Ignored"
    })
  })

  it("R3.1.4 of several errors one that counts is enough", () => {
    const both = Exit.failCause(Cause.parallel(Cause.fail("good"), Cause.fail("bad")))
    assert.deepStrictEqual(verdicts(both), all("Failure"))
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
