/** Names of others in answers, and the order of a page. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { firstOf } from "../../src/internal/admin/firstOf.ts"
import { isShortened, labelOf, bounded, boundedLines } from "../../src/internal/admin/text.ts"

describe("a name in an answer", () => {
  it("12.2 is itself, whatever it holds, as long as it is short and well-formed", () => {
    for (const name of ["", "payments", "<b>", "a\nb", "\u202e", "🦀", "x".repeat(256)]) {
      assert.strictEqual(labelOf(name), name)
      assert.isFalse(isShortened(name))
    }
  })

  it("12.2 is shortened with a hash of the whole where it is long or no well-formed text", () => {
    const names = [
      "x".repeat(257),
      `${"x".repeat(256)}y`,
      `y${"x".repeat(256)}`,
      "\ud800",
      "\udc00",
      "a\ud800",
      labelOf("x".repeat(257)),
      labelOf(labelOf("x".repeat(257))),
      "🦀".repeat(200),
      `${"x".repeat(199)}🦀${"x".repeat(100)}`
    ]

    const labels = names.map(labelOf)

    assert.strictEqual(new Set(labels).size, names.length)
    for (const label of labels) {
      assert.isTrue(isShortened(label))
      assert.isAtMost(label.length, 218)
      assert.notMatch(label, /\p{Surrogate}/u)
    }
  })

  it("12.2 of many that differ only in the end keeps them apart", () => {
    const long = "x".repeat(300)

    const labels = new Set(Array.from({ length: 10_000 }, (_, i) => labelOf(`${long}${i}`)))

    assert.strictEqual(labels.size, 10_000)
  })
})

describe("a text of others", () => {
  it("12.2 is bounded, well-formed, and has what is invisible escaped", () => {
    assert.strictEqual(
      bounded("a\nb\u001b[31m\u2028\u202ec\ud800", 100),
      "a\\u000ab\\u001b[31m\\u2028\\u202ec\ufffd"
    )
    assert.strictEqual(bounded("x".repeat(10), 4), "xxxx…")
    assert.strictEqual(boundedLines("a\n\tb\r\u0000", 100), "a\n\tb\\u000d\\u0000")
  })
})

describe("the first of an order", () => {
  it("12.1 are those of the whole order", () => {
    const compare = (left: number, right: number) => left - right
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -20, max: 20 })), fc.nat(30), (items, most) => {
        assert.deepStrictEqual(firstOf(items, most, compare), items.toSorted(compare).slice(0, most))
      })
    )
  })

  it("12.1 are found without sorting the rest: most items are compared once", () => {
    let comparisons = 0
    const items = Array.from({ length: 10_000 }, (_, i) => i)

    firstOf(items, 50, (left, right) => {
      comparisons++
      return left - right
    })

    assert.isAtMost(comparisons, 11_000)
  })
})
