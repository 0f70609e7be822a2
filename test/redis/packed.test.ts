/** The lists that the scripts read and write, as bytes: no server is needed. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { pack, unpack } from "../../src/internal/stores/redis/packed.ts"
import { check } from "../core/check.ts"

const bytes = (...all: ReadonlyArray<number>) => Buffer.from(all)

describe("F4 packed lists", () => {
  it("F4 a list of numbers is read back as it was", () => {
    check(
      fc.property(fc.array(fc.double()), (numbers) => {
        assert.deepStrictEqual(unpack(pack(numbers)), numbers)
      }),
      1_000
    )
  })

  it("F4 every form of a number and of a text is read", () => {
    const values: ReadonlyArray<readonly [form: Buffer, value: number | string]> = [
      [bytes(0x7f), 127],
      [bytes(0xff), -1],
      [bytes(0xe0), -32],
      [bytes(0xcc, 0xff), 255],
      [bytes(0xcd, 0xff, 0xfe), 65_534],
      [bytes(0xce, 0xff, 0xff, 0xff, 0xfe), 4_294_967_294],
      [bytes(0xcf, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), Number.MAX_SAFE_INTEGER],
      [bytes(0xd0, 0x80), -128],
      [bytes(0xd1, 0x80, 0), -32_768],
      [bytes(0xd2, 0x80, 0, 0, 0), -2_147_483_648],
      [bytes(0xd3, 0xff, 0xe0, 0, 0, 0, 0, 0, 1), Number.MIN_SAFE_INTEGER],
      [bytes(0xca, 0x3f, 0, 0, 0), 0.5],
      [bytes(0xca, 0x7f, 0x80, 0, 0), Infinity],
      [bytes(0xcb, 0x3f, 0xb9, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a), 0.1],
      [bytes(0xa0), ""],
      [bytes(0xa2, 0xc3, 0xbc), "ü"],
      [bytes(0xd9, 1, 0x61), "a"],
      [bytes(0xda, 0, 1, 0x61), "a"],
      [bytes(0xdb, 0, 0, 0, 1, 0x61), "a"]
    ]
    for (const [form, value] of values) {
      assert.deepStrictEqual(unpack(Buffer.concat([bytes(0x91), form])), [value])
    }
    const all = Buffer.concat(values.map(([form]) => form))
    for (const head of [bytes(0xdc, 0, values.length), bytes(0xdd, 0, 0, 0, values.length)]) {
      assert.deepStrictEqual(
        unpack(Buffer.concat([head, all])),
        values.map(([, value]) => value)
      )
    }
  })

  it("F4 a value that is no list of numbers and texts, or a truncated one, is read as empty", () => {
    for (const it of [
      bytes(),
      bytes(5),
      bytes(0x81, 1, 1),
      bytes(0x91),
      bytes(0x91, 0xc0),
      bytes(0x91, 0x91, 1),
      bytes(0x92, 1, 0xcb, 0),
      bytes(0x91, 0xa5, 0x61),
      bytes(0xdd, 0xff, 0xff, 0xff, 0xff)
    ]) {
      assert.deepStrictEqual(unpack(it), [])
    }
    check(
      fc.property(fc.uint8Array(), (it) => {
        assert.isAtMost(unpack(Buffer.from(it)).length, it.length)
      }),
      2_000
    )
  })
})
