/** The functions under test, so that a broken one can take the place of one that works. */
import * as Links from "../../src/internal/core/replica/link.ts"
import * as Activities from "../../src/internal/core/replica/activity.ts"
import * as Replicas from "../../src/internal/core/replica/replica.ts"
import * as Asking from "../../src/internal/core/replica/asking.ts"
import { step } from "../../src/internal/core/replica/step.ts"
import type { Stored } from "./VirtualStore.ts"
import * as Windows from "../../src/internal/core/windows/stored.ts"

/** The second machine, and what its driver and a store do with it. */
export interface Protocol {
  readonly step: typeof step
  readonly ask: typeof Asking.ask
  readonly unasked: typeof Asking.questionFailed
  readonly asksForSlot: typeof Asking.asksForSlot
  readonly merged: typeof Replicas.merged
  readonly dueAt: typeof Activities.dueAt
  readonly linked: typeof Links.answered
  readonly linkedByChange: typeof Links.changeReceived
  readonly applyReport: typeof Windows.applyReport
  /** Whether a write that expects this revision replaces what is stored. */
  readonly replaces: (stored: Stored, expected: string) => boolean
  /** Whether a call checks again that its slot is still one when it starts. */
  readonly checksSlotAtStart: boolean
  /** Whether a slot that comes too late for its call is given back. */
  readonly givesBackLateSlots: boolean
}

export const protocol: Protocol = {
  step,
  ask: Asking.ask,
  unasked: Asking.questionFailed,
  asksForSlot: Asking.asksForSlot,
  merged: Replicas.merged,
  dueAt: Activities.dueAt,
  linked: Links.answered,
  linkedByChange: Links.changeReceived,
  applyReport: Windows.applyReport,
  replaces: (stored, expected) => stored.revision === expected,
  checksSlotAtStart: true,
  givesBackLateSlots: true
}
