import { describe, expect, it } from "vitest"
import * as Rehearsal from "../../examples/fleet/Rehearsal.ts"
import * as Story from "../../examples/fleet/Story.ts"

describe("the script of the fleet demo", () => {
  it("T6 it runs as written if requests are answered well before the next call", () => {
    expect(Rehearsal.slowness(Story.fast, Story.fast.pause / 10)).toBe(1)
  })

  it("T6 it runs slower in proportion to the time that requests take", () => {
    const times = Rehearsal.slowness(Story.fast, 2 * Story.fast.pause)
    expect(times).toBe(4)
    expect(Rehearsal.isTooSlow(Story.fast, times)).toBe(false)

    const story = Story.slower(Story.fast, times)
    expect(story.pause).toBe(4 * Story.fast.pause)
    expect(story.open / story.pause).toBe(Story.fast.open / Story.fast.pause)
    expect(story.end / story.slice).toBe(Story.fast.end / Story.fast.slice)
  })

  it("T6 it is not shown if it would take too long to watch", () => {
    const times = Rehearsal.slowness(Story.normal, 10 * Story.normal.pause)
    expect(Rehearsal.isTooSlow(Story.normal, times)).toBe(true)
  })
})
