/** Checks the invariants after every step of a fleet, and stops it when one is broken. */
import type { CompareAndSet } from "../../src/CircuitStore.ts"
import type { Fact } from "./Fact.ts"
import type { Disturbance, Fleet, Observer } from "./Fleet.ts"
import { calmCircuits, ofCalm } from "./calmInvariants.ts"
import * as Invariants from "./invariants.ts"
import type { Ledger } from "./Ledger.ts"
import type { Stored } from "./VirtualStore.ts"
import type { VirtualNode } from "./VirtualNode.ts"

/** An invariant is broken. */
export class Broken extends Error {
  readonly invariant: string

  constructor(invariant: string, what: string) {
    super(`${invariant}: ${what}`)
    this.invariant = invariant
  }
}

export class Oracle implements Observer {
  readonly ledger: Ledger
  private answered: Array<string> = []
  private readonly cover: ((what: string) => void) | undefined

  constructor(ledger: Ledger, cover?: (what: string) => void) {
    this.ledger = ledger
    this.cover = cover
  }

  noted(fleet: Fleet, node: VirtualNode, fact: Fact): void {
    demand(Invariants.ofFacts, (wrong) => wrong(fleet, this.ledger, node, fact))
    this.ledger.noted(fleet, node, fact)
    if (fact._tag === "Stepped" && fact.event._tag === "Answered") this.answered.push(fact.key)
    if (this.cover !== undefined) coverFact(node, fact, this.cover)
  }

  written(fleet: Fleet, request: CompareAndSet, before: Stored, after: Stored): void {
    const { ledger } = this
    ledger.written(fleet, request, after)
    const isTaken = after.revision === request.revision && before.revision !== request.revision
    this.cover?.(isTaken ? "write taken" : "write refused")
    const [old, next] = [ledger.read(before.state), ledger.read(after.state)]
    if (!isTaken || old === undefined || next === undefined) return
    demand(Invariants.ofWrites, (wrong) => wrong(fleet, ledger, { request, before: old, after: next }))
  }

  exchanged(fleet: Fleet, key: string): void {
    demand(Invariants.ofWindows, (wrong) => wrong(fleet, this.ledger, key))
  }

  disturbed(fleet: Fleet, by: Disturbance): void {
    this.ledger.disturbed(fleet, by)
    this.cover?.(`fault ${by._tag}`)
  }

  stepped(fleet: Fleet, node: VirtualNode | undefined): void {
    if (node !== undefined) {
      this.ledger.followWindows(node)
      for (const key of this.answered) demand(Invariants.ofAnswers, (wrong) => wrong(this.ledger, node, key))
      this.answered = []
    }
    demand(Invariants.ofMoments, (wrong) => wrong(fleet, this.ledger, node))
    if (node === undefined) return
    for (const calm of calmCircuits(fleet, this.ledger, node)) demand(ofCalm, (wrong) => wrong(calm))
  }
}

const coverFact = (node: VirtualNode, fact: Fact, cover: (what: string) => void): void => {
  switch (fact._tag) {
    case "Stepped": {
      cover(`event ${fact.event._tag}`)
      for (const { _tag } of fact.commands) cover(`command ${_tag}`)
      const { standing } = node.members.get(fact.key)!.replica
      cover(`standing ${standing._tag}`)
      if (standing._tag === "Writing") for (const { _tag } of standing.changes) cover(`change ${_tag}`)
      return
    }
    case "Changed":
      if (fact.from._tag !== fact.to._tag) cover(`${fact.from._tag} to ${fact.to._tag} by ${fact.by}`)
      return
    case "Started":
      return cover(fact.isGranted ? "call granted a slot" : "call started")
    case "Rejected":
      return cover(`call rejected: ${fact.why}`)
    case "Link":
      return cover(fact.isFailing ? "store lost" : "store found")
    case "Listens":
      return cover(fact.isListening ? "listens" : "no longer listens")
    default:
      return
  }
}

const demand = <Check>(
  invariants: Readonly<Record<string, Check>>,
  wrongOf: (check: Check) => string | undefined
): void => {
  for (const name in invariants) {
    const wrong = wrongOf(invariants[name]!)
    if (wrong !== undefined) throw new Broken(name, wrong)
  }
}
