/** A window as a store keeps it. The laws of stores define how an answer shows it. */
import { assert, describe, it } from "@effect/vitest"
import type { StoredWindow } from "../../../src/internal/core/windows/stored.ts"
import { applyReport, entryOf, unexpired } from "../../../src/internal/core/windows/stored.ts"
import { reportOf } from "../../kit/entries.ts"

const keepMillis = 100

/** The window after a report of a failed call, each of the nodes' first. */
const after = (window: StoredWindow | undefined, node: string, now: number) =>
  applyReport(window, node, reportOf(1), { now, keepMillis })!

describe("R3.2.1 a stored window", () => {
  it("R3.2.1 drops the data of nodes that have been silent for the time to live", () => {
    let window: StoredWindow | undefined
    for (let now = 1; now <= 1_000; now++) window = after(window, `node ${now}`, now)
    assert.strictEqual(window?.exchanges, 1_000)
    assert.strictEqual(window?.reporters.length, keepMillis)
    assert.strictEqual(entryOf(window!, "node 950", 1_000).latestReport, 1)
    assert.strictEqual(entryOf(window!, "node 900", 1_000).latestReport, 0)
    assert.deepStrictEqual(entryOf(window!, "x", 1_000).failing, ["node 999", "node 1000"])
  })

  it("R3.2.1 is kept for the longest time to live that was requested, and then starts empty", () => {
    const long = applyReport(undefined, "one", reportOf(1), { now: 10, keepMillis: 500 })!
    const window = after(long, "two", 20)
    assert.strictEqual(window.expiresAt, 510)
    assert.strictEqual(unexpired(window, 509), window)
    assert.isUndefined(unexpired(window, 510))
    const fresh = after(window, "three", 510)
    assert.deepStrictEqual([fresh.exchanges, fresh.reporters.length], [1, 1])
  })

  it("R3.2.1 is the same object if a request does not change it", () => {
    const window = applyReport(undefined, "one", { ...reportOf(1), epoch: 5 }, { now: 1, keepMillis })
    const keeping = { now: 2, keepMillis }
    assert.strictEqual(applyReport(window, "one", { ...reportOf(1), epoch: 4 }, keeping), window)
    assert.strictEqual(applyReport(window, "two", { ...reportOf(1), report: undefined }, keeping), window)
    assert.isUndefined(applyReport(undefined, "two", { ...reportOf(1), report: undefined }, keeping))
  })
})
