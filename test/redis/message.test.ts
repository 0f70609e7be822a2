/** Messages on a channel, on which a client with the right to publish can send anything. */
import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import type { CircuitStore } from "effect-circuit-breaker"
import * as fc from "fast-check"
import { decodeMessage } from "../../src/internal/stores/redis/message.ts"
import { check } from "../core/check.ts"
import { anyText } from "../kit/text.ts"

// `deepStrictEqual` takes an Option of some value and none for the same.
const read = (message: string) => Option.getOrUndefined(decodeMessage(message))

const failing = { _tag: "Failing", key: "eu", listeners: 2 }
const changed = { _tag: "Changed", key: "eu", now: 1_700_000_000_000, revision: "a-1", state: "{}" }

/** Values of fields that the library never writes. */
const wrong = fc.oneof(
  fc.constantFrom(null, true, -1, 0.5, 1e300, "many", "", [], {}, [1], { key: "eu" }),
  fc.jsonValue({ maxDepth: 2 })
)

/** Texts of any kind: garbage, JSON of any shape, and messages with fields that are wrong, missing or unknown. */
const messages = fc.oneof(
  anyText(),
  fc.json(),
  fc
    .tuple(
      fc.constantFrom(failing, changed),
      fc.dictionary(fc.constantFrom("_tag", "key", "listeners", "now", "revision", "state", "more"), wrong)
    )
    .map(([message, fields]) => JSON.stringify({ ...message, ...fields })),
  fc
    .tuple(fc.constantFrom(failing, changed), fc.nat(100))
    .map(([message, length]) => JSON.stringify(message).slice(0, length))
)

const isChange = (change: CircuitStore.Change): boolean => {
  switch (change._tag) {
    case "Listening":
      return false
    case "Failing": {
      const { key, listeners } = change
      return (
        typeof key === "string" &&
        (listeners === undefined || (Number.isInteger(listeners) && listeners >= 0))
      )
    }
    case "Changed": {
      const { key, now, revision, state } = change
      return Number.isFinite(now) && [key, revision, state].every((it) => typeof it === "string")
    }
  }
}

describe("F6 a message", () => {
  it("F6 that the scripts publish is decoded", () => {
    assert.deepStrictEqual<unknown>(read(JSON.stringify(failing)), failing)
    assert.deepStrictEqual<unknown>(read(JSON.stringify(changed)), changed)
    const { listeners: _, ...uncounted } = failing
    assert.deepStrictEqual<unknown>(read(JSON.stringify(uncounted)), uncounted)
  })

  const ignored: ReadonlyArray<string> = [
    "",
    "Failing",
    '{"_tag":"Failing"',
    "null",
    "7",
    '"Failing"',
    "[]",
    "{}",
    '{"_tag":"Listening","key":"k"}',
    '{"_tag":"Opened","key":"k"}',
    '{"_tag":"Failing","key":null}',
    '{"_tag":"Failing","listeners":2}',
    '{"_tag":"Failing","key":"k","listeners":"many"}',
    '{"_tag":"Failing","key":"k","listeners":null}',
    '{"_tag":"Failing","key":"k","listeners":-1}',
    '{"_tag":"Failing","key":"k","listeners":0.5}',
    '{"_tag":"Failing","key":"k","listeners":1e300}',
    '{"_tag":"Changed","key":"k"}',
    '{"_tag":"Changed","key":7,"now":1,"revision":"a","state":""}',
    '{"_tag":"Changed","key":"k","now":"1","revision":"a","state":""}',
    '{"_tag":"Changed","key":"k","now":1e999,"revision":"a","state":""}',
    '{"_tag":"Changed","key":"k","now":1,"revision":1,"state":""}',
    '{"_tag":"Changed","key":"k","now":1,"revision":"a","state":{}}'
  ]
  for (const message of ignored) {
    it(`F6 ${JSON.stringify(message)} is ignored`, () => {
      assert.isUndefined(read(message))
    })
  }

  it("F6 of any text is decoded to a change or to nothing", () => {
    let changes = 0
    check(
      fc.property(messages, (text) => {
        const change = read(text)
        if (change === undefined) return
        changes++
        assert.isTrue(isChange(change), text)
      }),
      3_000
    )
    assert.isAbove(changes, 100)
  })
})
