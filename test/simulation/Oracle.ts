/** Checks the invariants after every step of a fleet, and stops it when one is broken. */
import type { CompareAndSet } from "../../src/CircuitStore.ts"
import type { Fact } from "./Fact.ts"
import type { Disturbance, Fleet, Observer } from "./Fleet.ts"
import { calmCircuits, ofCalm } from "./calmInvariants.ts"
import type { Cover } from "./Coverage.ts"
import * as Invariants from "./invariants.ts"
import type { Ledger } from "./Ledger.ts"
import type { Stored } from "./VirtualStore.ts"
import type { VirtualNode } from "./VirtualNode.ts"
import type { Wrong } from "./views.ts"

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
  private readonly cover: Cover | undefined

  constructor(ledger: Ledger, cover?: Cover) {
    this.ledger = ledger
    this.cover = cover
  }

  noted(fleet: Fleet, node: VirtualNode, fact: Fact): void {
    for (const { name, wrongOf } of invariants.ofFacts[fact._tag]) {
      demand(name, wrongOf(fleet, this.ledger, node, fact))
    }
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
    const write = { request, before: old, after: next }
    for (const { name, wrongOf } of invariants.ofWrites) demand(name, wrongOf(fleet, ledger, write))
  }

  exchanged(fleet: Fleet, key: string): void {
    for (const { name, wrongOf } of invariants.ofWindows) demand(name, wrongOf(fleet, this.ledger, key))
  }

  disturbed(fleet: Fleet, by: Disturbance): void {
    this.ledger.disturbed(fleet, by)
    this.cover?.("fault", by._tag)
  }

  stepped(fleet: Fleet, node: VirtualNode | undefined): void {
    const { ledger } = this
    if (node !== undefined) this.followed(node)
    for (const { name, wrongOf } of invariants.ofMoments) demand(name, wrongOf(fleet, ledger, node))
    if (node === undefined) return
    for (const calm of calmCircuits(fleet, ledger, node)) {
      for (const { name, wrongOf } of invariants.ofCalm) demand(name, wrongOf(calm))
    }
  }

  private followed(node: VirtualNode): void {
    this.ledger.followWindows(node)
    if (this.answered.length === 0) return
    for (const key of this.answered) {
      for (const { name, wrongOf } of invariants.ofAnswers) demand(name, wrongOf(this.ledger, node, key))
    }
    this.answered = []
  }
}

const named = <Check>(
  checks: Readonly<Record<string, Check>>
): ReadonlyArray<{ readonly name: string; readonly wrongOf: Check }> =>
  Object.entries(checks).map(([name, wrongOf]) => ({ name, wrongOf }))

const aboutFact = (tag: Fact["_tag"]) =>
  named(Invariants.ofFacts).filter(({ name }) =>
    Object.entries(Invariants.factsOf).some(([of, tags]) => of === name && tags.includes(tag))
  )

const byFact: Readonly<Record<Fact["_tag"], ReturnType<typeof aboutFact>>> = {
  Stepped: aboutFact("Stepped"),
  Changed: aboutFact("Changed"),
  Recorded: aboutFact("Recorded"),
  Began: aboutFact("Began"),
  Started: aboutFact("Started"),
  Rejected: aboutFact("Rejected"),
  Settled: aboutFact("Settled"),
  Ended: aboutFact("Ended"),
  Reported: aboutFact("Reported"),
  Link: aboutFact("Link"),
  Listens: aboutFact("Listens")
}

/** In lists, because each is looked at thousands of times in a history. */
const invariants = {
  ofFacts: byFact,
  ofWrites: named(Invariants.ofWrites),
  ofWindows: named(Invariants.ofWindows),
  ofAnswers: named(Invariants.ofAnswers),
  ofMoments: named(Invariants.ofMoments),
  ofCalm: named(ofCalm)
}

const coverFact = (node: VirtualNode, fact: Fact, cover: Cover): void => {
  switch (fact._tag) {
    case "Stepped": {
      cover("event", fact.event._tag)
      for (const { _tag } of fact.commands) cover("command", _tag)
      const { standing } = node.members.get(fact.key)!.replica
      cover("standing", standing._tag)
      if (standing._tag === "Writing") for (const { _tag } of standing.changes) cover("change", _tag)
      return
    }
    case "Changed":
      if (fact.from._tag !== fact.to._tag) cover(`${fact.from._tag} to ${fact.to._tag} by ${fact.by}`)
      return
    case "Started":
      return cover(fact.isGranted ? "call granted a slot" : "call started")
    case "Rejected":
      return cover("call rejected:", fact.why)
    case "Link":
      return cover(fact.isFailing ? "store lost" : "store found")
    case "Listens":
      return cover(fact.isListening ? "listens" : "no longer listens")
    default:
      return
  }
}

const demand = (invariant: string, wrong: Wrong): void => {
  if (wrong !== undefined) throw new Broken(invariant, wrong)
}
