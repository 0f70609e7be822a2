import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as LastCall from "../../../src/internal/core/windows/lastCalls.ts"
import type { Counts } from "../../../src/internal/core/windows/window.ts"
import { check } from "../check.ts"
import { none } from "../policies/fixtures.ts"
import type { Recorded } from "./Recording.ts"
import { ofSlowCalls } from "./Recording.ts"

describe("LastCalls", () => {
  const sizes = [1, 2, 15, 16, 17, 31, 32, 33, 48, 1024, 1025, 10_000]

  const ofLatest = (calls: number) => ofSlowCalls({ _tag: "Calls", calls })

  /** Counts of the latest `size` calls, by sums over all of them rather than by a ring. */
  class Sums {
    private readonly failures = [0]
    private readonly slow = [0]

    add({ failed, slow }: Recorded): void {
      this.failures.push(this.failures.at(-1)! + Number(failed))
      this.slow.push(this.slow.at(-1)! + Number(slow))
    }

    latest(size: number): Counts {
      const end = this.failures.length - 1
      const start = Math.max(0, end - size)
      return {
        calls: end - start,
        failures: this.failures[end]! - this.failures[start]!,
        slow: this.slow[end]! - this.slow[start]!
      }
    }
  }

  it("are empty at first", () => assert.deepStrictEqual(ofLatest(3).counts(0), none))

  it("count the same as a count of all the latest calls", () => {
    const batches = fc.array(
      fc.record({ failed: fc.boolean(), slow: fc.boolean(), times: fc.integer({ min: 1, max: 20 }) }),
      { maxLength: 30 }
    )
    check(
      fc.property(fc.constantFrom(1, 2, 15, 16, 17, 31, 32, 33, 48), batches, (size, history) => {
        const sums = new Sums()
        let recording = ofLatest(size)
        for (const { failed, slow, times } of history) {
          for (let i = 0; i < times; i++) {
            recording = recording.add({ at: 0, failed, slow })
            sums.add({ at: 0, failed, slow })
            assert.deepStrictEqual(recording.counts(0), sums.latest(size))
          }
        }
      }),
      150
    )
  })

  it("wrap round a ring of any size, up to 10,000", () => {
    for (const size of sizes) {
      const sums = new Sums()
      let recording = ofLatest(size)
      for (let i = 0; i < 2 * size + 40; i++) {
        const call = { at: i, failed: i % 3 === 0, slow: i % 7 < 2 }
        recording = recording.add(call)
        sums.add(call)
        if (i % 97 < 2 || i % size < 2 || size - (i % size) < 2) {
          assert.deepStrictEqual(recording.counts(i), sums.latest(size))
        }
      }
      assert.deepStrictEqual(recording.counts(0), sums.latest(size))
    }
  })

  it("of a full ring without a mark, a plain success changes nothing", () => {
    const plain = { at: 0, failed: false, slow: false }
    for (const size of [1, 16, 17, 100]) {
      let recording = ofLatest(size)
      for (let i = 0; i < size; i++) {
        const next = recording.add(plain)
        assert.notStrictEqual(next.window, recording.window)
        recording = next
      }
      assert.strictEqual(recording.add(plain).window, recording.window)
      for (const mark of [{ failed: true }, { slow: true }]) {
        const marked = recording.add({ ...plain, ...mark })
        assert.deepStrictEqual(marked.counts(0), {
          calls: size,
          failures: Number("failed" in mark),
          slow: Number("slow" in mark)
        })
        assert.notStrictEqual(marked.add(plain).window, marked.window)
      }
    }
  })

  it("leave older versions as they were, and each version evicts its own oldest call", () => {
    const size = 1030
    const sums = new Sums()
    const versions = [ofLatest(size)]
    for (let i = 0; i < 3 * size; i++) {
      versions.push(versions.at(-1)!.add({ at: i, failed: i % 2 === 0, slow: i % 5 === 0 }))
    }
    versions.forEach((recording, i) => {
      assert.deepStrictEqual(recording.counts(0), sums.latest(size))
      sums.add({ at: i, failed: i % 2 === 0, slow: i % 5 === 0 })
    })
    for (const i of [1, 17, 1029, 1030, 1031, 2500]) {
      let recording = versions[i]!
      for (let more = 0; more < size; more++) recording = recording.add({ at: 0, failed: true, slow: true })
      assert.deepStrictEqual(recording.counts(0), { calls: size, failures: size, slow: size })
    }
  })

  it("take two bits a call", () => {
    let recording = ofLatest(1600)
    for (let i = 0; i < 3200; i++) recording = recording.add({ at: i, failed: i % 3 === 0, slow: false })
    const words = JSON.stringify(recording.window).match(/-?\d+/g)!
    assert.isAtMost(words.length, 100 + 10)
  })

  it("copy no marks if none changes", () => {
    let window = LastCall.empty
    for (let i = 0; i < 500; i++) window = LastCall.record(window, 500, i === 499, false)
    const next = LastCall.record(window, 500, false, false)
    assert.notStrictEqual(next, window)
    assert.strictEqual(next.marks, window.marks)
  })
})
