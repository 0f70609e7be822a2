/** The sweep finds lost slots: a call is made wrongly and rightly from the core alone. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Admission from "../../src/internal/core/admission.ts"
import * as Circuit from "../../src/internal/core/circuit.ts"
import type { Call } from "../../src/internal/core/policies/policy.ts"
import { halfOpen, ignored, openMillis, probing, rulesWith, success } from "../core/circuits.ts"
import { leastOperations } from "../kit/PointScheduler.ts"
import type { Program } from "./programs.ts"
import { bodies, endless, Stage } from "./programs.ts"
import { sweep } from "./Sweep.ts"

const rules = rulesWith()

class Probed {
  circuit: Circuit.Circuit<unknown> = halfOpen(rules)

  take(): Circuit.Ticket {
    const [decision, next] = Admission.admit(this.circuit, rules, openMillis)
    if (decision._tag === "Rejected") throw new Error("rejected")
    this.circuit = next
    return decision.ticket
  }

  giveBack(ticket: Circuit.Ticket, exit: Exit.Exit<unknown, unknown>): void {
    const call: Call = (Exit.isSuccess(exit) ? success : ignored)(openMillis)
    this.circuit = Circuit.settle(this.circuit, rules, ticket, call)
  }
}

type Protection = (probed: Probed, body: Program) => Program

const wrong: Record<string, Protection> = {
  "takes the slot before the mask": (probed, body) =>
    Effect.suspend(() => {
      const ticket = probed.take()
      return Effect.onExit(body, (exit) => Effect.sync(() => probed.giveBack(ticket, exit)))
    }),
  "takes the slot in an operation of its own": (probed, body) =>
    Effect.flatMap(
      Effect.sync(() => probed.take()),
      (ticket) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.onExit(restore(body), (exit) => Effect.sync(() => probed.giveBack(ticket, exit)))
        )
    ),
  "gives the slot back without a mask": (probed, body) =>
    Effect.suspend(() => {
      const ticket = probed.take()
      return Effect.matchCauseEffect(body, {
        onFailure: (cause) => {
          probed.giveBack(ticket, Exit.failCause(cause))
          return Effect.failCause(cause)
        },
        onSuccess: (value) => {
          probed.giveBack(ticket, Exit.succeed(value))
          return Effect.succeed(value)
        }
      })
    })
}

const right: Protection = (probed, body) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.suspend(() => {
      const ticket = probed.take()
      return Effect.onExit(restore(body), (exit) => Effect.sync(() => probed.giveBack(ticket, exit)))
    })
  )

const lostBy = (protection: Protection, operationsAtATime: number, apart = 1) => {
  let lost = 0
  let offsets = 0
  for (const [i, [what, body]] of Object.entries(bodies).entries()) {
    if (endless.includes(what)) continue
    const points = { first: 1 + (i % apart), apart }
    offsets += sweep(
      operationsAtATime,
      () => {
        const probed = new Probed()
        const stage = new Stage()
        return {
          program: protection(probed, body(stage)),
          events: stage.events,
          afterwards: () => {
            lost += probing(probed.circuit, rules, openMillis)
          }
        }
      },
      points
    ).offsets
  }
  return { lost, offsets }
}

describe.each([leastOperations, Infinity])("the sweep, %d operations at a time", (operationsAtATime) => {
  for (const [how, protection] of Object.entries(wrong)) {
    it(`R3.2.4 the sweep finds slots lost by a call that ${how}`, () => {
      const { lost, offsets } = lostBy(protection, operationsAtATime)
      assert.isAtLeast(lost, Object.keys(bodies).length - endless.length)
      assert.isBelow(lost, offsets)
    })
  }

  it("R3.2.4 the sweep finds lost slots also at every fifth point", () => {
    for (const [how, protection] of Object.entries(wrong)) {
      assert.isAtLeast(lostBy(protection, operationsAtATime, 5).lost, 1, how)
    }
  })

  it("R3.2.4 the sweep finds no lost slot of a call that takes and releases it within the mask", () => {
    const { lost, offsets } = lostBy(right, operationsAtATime)
    assert.strictEqual(lost, 0)
    assert.isAtLeast(offsets, 100)
  })
})
