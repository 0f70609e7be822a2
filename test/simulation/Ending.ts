/** The end of a history: without further faults all nodes agree, and then all circuits become idle. */
import * as Activities from "../../src/internal/core/replica/activity.ts"
import type { Action } from "./Action.ts"
import type { CallPlan } from "./Fact.ts"
import {
  differenceOf,
  hasJustExpired,
  isFollowing,
  isUnder,
  messageMillis,
  renewedMillis,
  viewOf
} from "./views.ts"
import type { Oracle } from "./Oracle.ts"
import { Broken } from "./Oracle.ts"
import {
  deadlineMillis,
  longestOpenMillis,
  probeTimeoutMillis,
  recoveryMillis,
  syncMillis,
  withinMillis
} from "./Setup.ts"
import type { World } from "./World.ts"

/** Two intervals, and the time that the answers take. */
const agreedAfterMillis = 2 * syncMillis + 3 * deadlineMillis

/** By then every message has arrived, all subscriptions have been renewed, and all calls have ended. */
const lateMillis = 700

/** Longer than any opening. */
const healingMillis = 2 * longestOpenMillis + recoveryMillis

/** Longer than the store keeps any data: a window, three openings, a probe. */
const keptMillis = withinMillis + 1_000 + 4 * longestOpenMillis + probeTimeoutMillis

export const endInvariants = [
  "S12 in the end all nodes agree with the store",
  "S12 in the end every circuit heals",
  "S3 in the end a failure concerns all nodes",
  "S15 in the end a hold lasts while its node lives",
  "S1 in the end no activity waits",
  "S2 in the end no more requests are made",
  "S2 in the end the store is empty"
] as const

type EndInvariant = (typeof endInvariants)[number]

export class Ending {
  private readonly world: World
  private readonly oracle: Oracle

  constructor(world: World, oracle: Oracle) {
    this.world = world
    this.oracle = oracle
  }

  /** The faults end. Two intervals later every node knows the state of every circuit. */
  agree(): void {
    this.world.settleDown()
    // Some processes may be frozen.
    this.world.runUntil(Math.max(this.world.fleet.now, this.oracle.ledger.calmSince))
    this.upgradeAll()
    this.pass(lateMillis)
    // A node without failures does not ask the store after its connection was cut; its next call does.
    this.everywhere((node, key) => ({ _tag: "Read", node, key }))
    this.pass(agreedAfterMillis)
    this.demandAgreement()
  }

  /** All holds end and all calls succeed: in the end nothing happens, and the store is empty. */
  rest(): void {
    this.hold()
    this.releaseAll()
    this.heal(1)
    this.announce()
    this.heal(6)
    this.demandAgreement()
    this.comeToRest()
  }

  private pass(millis: number): void {
    this.world.runUntil(this.world.fleet.now + millis)
  }

  private act(action: Action): void {
    this.world.perform({ afterMillis: 0, action })
  }

  private everywhere(actionOf: (node: number, key: number) => Action): void {
    const { fleet } = this.world
    fleet.nodes.forEach((node, i) => {
      if (node === undefined) return
      for (let key = 0; key < fleet.setup.keys; key++) this.act(actionOf(i, key))
    })
  }

  /** At least one process runs, and all run under the same rules. */
  private upgradeAll(): void {
    const { living, nodes } = this.world.fleet
    if (living.length === 0) return this.act({ _tag: "Start", node: 0, upgrades: true })
    if (new Set(living.map(({ settings }) => settings.rulesName)).size === 1) return
    nodes.forEach((node, i) => {
      if (node === undefined) return
      this.act({ _tag: "Crash", node: i })
      this.act({ _tag: "Start", node: i, upgrades: true })
    })
  }

  private demandAgreement(): void {
    const { fleet } = this.world
    const { ledger } = this.oracle
    const isWriting = fleet.living.some((node) =>
      [...node.members.values()].some(({ replica }) => replica.standing._tag === "Writing")
    )
    // A lease may have expired just now.
    if (isWriting) this.pass(2 * messageMillis)
    for (const key of fleet.keys) {
      const { read } = ledger.stored(fleet, key)
      for (const node of fleet.living) {
        const member = node.members.get(key)!
        const { standing } = member.replica
        if (
          standing._tag === "LocallyOpen" ||
          hasJustExpired(fleet, key) ||
          (read !== undefined && !isUnder(node, read))
        )
          continue
        const wrong =
          read === undefined
            ? "the store has no state"
            : !isFollowing(node, member) || standing._tag === "Diverged"
              ? `${node.settings.node} is ${standing._tag}`
              : differenceOf(fleet, { node, member, read, writtenFor: ledger.writtenFor(fleet, key) })
        if (wrong !== undefined) fail("S12 in the end all nodes agree with the store", `${wrong} (${key})`)
      }
    }
  }

  /** A hold lasts for longer than a lease, on all nodes. */
  private hold(): void {
    const { fleet } = this.world
    if (!fleet.living.some(({ holds }) => holds.length > 0)) return
    this.pass(2 * renewedMillis)
    const members = fleet.living.flatMap((node) => [...node.members.values()])
    for (const { key, replica } of members) {
      const { disablings, isolations } = replica.ownHolds
      const held = isolations > 0 ? ["Isolated"] : disablings > 0 ? ["Isolated", "Disabled"] : undefined
      const other = members.find(
        (it) => it.key === key && held !== undefined && !held.includes(it.circuit._tag)
      )
      if (other !== undefined)
        fail("S15 in the end a hold lasts while its node lives", `${key} is ${other.circuit._tag}`)
    }
  }

  private releaseAll(): void {
    const { fleet } = this.world
    fleet.nodes.forEach((node, i) => {
      for (const { key, kind } of node?.holds ?? []) {
        const control = kind === "Isolation" ? "Release" : "Enable"
        this.act({ _tag: "Control", node: i, key: fleet.keys.indexOf(key), control })
      }
    })
  }

  /**
   * Every circuit closes while all nodes make successful calls. Six of each are more than any window of the latest calls
   * holds.
   */
  private heal(calls: 1 | 6): void {
    const until = this.world.fleet.now + healingMillis
    // A success may complete the minimum of calls of a rate, and so open the circuit.
    for (;;) {
      this.everywhere((node, key) => calling({ node, key, calls, outcome: "Success" }))
      this.pass(calls === 1 ? 100 : syncMillis)
      const open = this.notClosed
      if (open === undefined) return
      if (this.world.fleet.now > until) fail("S12 in the end every circuit heals", open)
    }
  }

  /** One node sees a failure of each circuit, which is Closed on all nodes. All of them then exchange it. */
  private announce(): void {
    const { fleet } = this.world
    const node = fleet.nodes.findIndex((it) => it !== undefined)
    for (let key = 0; key < fleet.setup.keys; key++) {
      this.act(calling({ node, key, calls: 1, outcome: "Failure" }))
    }
    this.pass(2 * syncMillis)
    // With a quorum, failures of too few nodes concern those nodes only.
    if (fleet.setup.quorum > 1) return
    for (const { members, settings } of fleet.living) {
      for (const { key, replica } of members.values()) {
        if (Activities.isExchanging(replica)) continue
        fail("S3 in the end a failure concerns all nodes", `${key} is idle at ${settings.node}`)
      }
    }
  }

  private get notClosed(): string | undefined {
    const { fleet } = this.world
    for (const node of fleet.living) {
      for (const member of node.members.values()) {
        const { _tag } = viewOf(fleet, node, member)
        if (_tag !== "Closed") return `${member.key} is ${_tag} at ${node.settings.node}`
      }
    }
    return undefined
  }

  private comeToRest(): void {
    const { fleet } = this.world
    const [waiting] = fleet.living.flatMap((node) => [...node.waits])
    if (waiting !== undefined) fail("S1 in the end no activity waits", waiting._tag)
    // Under write-through, circuits are exchanged for as long as the breaker lives.
    if (fleet.setup.writesThrough) return
    this.pass(withinMillis + 4 * syncMillis)
    const before = this.world.requests
    this.pass(5 * syncMillis)
    const asked = this.world.requests - before
    if (asked > 0 || this.world.isBusy)
      fail("S2 in the end no more requests are made", `${asked} requests in five intervals`)
    this.pass(keptMillis)
    fleet.store.sweep(fleet.storeNow)
    if (fleet.store.circuits.size > 0)
      fail("S2 in the end the store is empty", JSON.stringify([...fleet.store.circuits]))
  }
}

const fail = (invariant: EndInvariant, what: string): never => {
  throw new Broken(invariant, what)
}

const calling = ({
  calls,
  key,
  node,
  outcome
}: Pick<Extract<Action, { readonly _tag: "Call" }>, "calls" | "key" | "node"> &
  Pick<CallPlan, "outcome">): Action => ({
  _tag: "Call",
  node,
  key,
  calls,
  plan: { outcome, millis: 1, hintMillis: 0 }
})
