/** The functions under test, each of which a test can replace by a broken one. */
import { ticketOf } from "../../src/internal/core/replica/claims.ts"
import * as Links from "../../src/internal/core/replica/link.ts"
import * as Activities from "../../src/internal/core/replica/activity.ts"
import * as Replicas from "../../src/internal/core/replica/replica.ts"
import * as Asking from "../../src/internal/core/replica/asking.ts"
import { step } from "../../src/internal/core/replica/step.ts"
import type { Stored } from "./VirtualStore.ts"
import * as Windows from "../../src/internal/core/windows/stored.ts"

/** The functions of the replica, and those of its driver and of a store. */
export interface Protocol {
  readonly step: typeof step
  readonly ask: typeof Asking.ask
  readonly asksForSlot: typeof Asking.asksForSlot
  readonly merged: typeof Replicas.merged
  readonly ticketOf: typeof ticketOf
  readonly dueAt: typeof Activities.dueAt
  readonly linked: typeof Links.answered
  readonly linkedByChange: typeof Links.changeReceived
  readonly applyReport: typeof Windows.applyReport
  /** Whether a write that expects this revision replaces the stored state. */
  readonly replaces: (stored: Stored, expected: string) => boolean
}

export const protocol: Protocol = {
  step,
  ask: Asking.ask,
  asksForSlot: Asking.asksForSlot,
  merged: Replicas.merged,
  ticketOf,
  dueAt: Activities.dueAt,
  linked: Links.answered,
  linkedByChange: Links.changeReceived,
  applyReport: Windows.applyReport,
  replaces: (stored, expected) => stored.revision === expected
}
