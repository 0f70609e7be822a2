/** Describes a history step by step: the time, the process, the action, and the state of all circuits after it. */
import * as Slots from "../../src/internal/core/slots.ts"
import type { Circuit } from "../../src/internal/core/circuit.ts"
import { decode } from "../../src/internal/core/wire/state.ts"
import type { Action } from "./Action.ts"
import type { Fleet } from "./Fleet.ts"
import type { History } from "./History.ts"
import { viewOf } from "./views.ts"
import type { Answer, Entry, Message, Request } from "./Message.ts"
import { isFault } from "./Message.ts"
import type { Failure } from "./play.ts"
import { play } from "./play.ts"
import type { Protocol } from "./Protocol.ts"
import { settingsOf } from "./Setup.ts"
import type { What } from "./World.ts"

/** Plays a history and describes it, up to the broken invariant. */
export const story = (history: History, protocol?: Protocol): string => {
  const lines: Array<string> = []
  let last = ""
  const tell = (fleet: Fleet, what: What): void => {
    states(fleet)
    lines.push(`${time(fleet.now)}  ${textOf(what)}`)
  }
  let seen: Fleet | undefined
  const states = (fleet: Fleet): void => {
    seen = fleet
    const now = statesOf(fleet)
    if (now !== last && lines.length > 0) lines[lines.length - 1] += `\n${" ".repeat(10)}${now}`
    last = now
  }
  const failure = play(history, protocol === undefined ? { tell } : { tell, protocol })
  if (seen !== undefined) states(seen)
  return [`seed ${history.seed}, ${JSON.stringify(history.setup)}`, ...lines, failed(failure)].join("\n")
}

const failed = (failure: Failure | undefined): string =>
  failure === undefined ? "Nothing is wrong." : `Wrong: ${failure.message}`

const time = (now: number): string => now.toFixed(1).padStart(8)

const textOf = (what: What): string => {
  switch (what._tag) {
    case "Action":
      return actionText(what.action)
    case "Message":
      return messageText(what.message)
    case "Lost":
      return `is lost: ${messageText(what.message)}`
    case "Wake":
      return `${what.node.settings.node} is woken by its clock`
  }
}

const actionText = (action: Action): string => {
  const { _tag, ...rest } = action
  const of = Object.entries(rest)
    .filter(([name]) => name !== "node")
    .map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`)
    .join(", ")
  return `* ${"node" in action ? `node ${action.node}: ` : ""}${_tag}${of === "" ? "" : `, ${of}`}`
}

const messageText = (message: Message): string => {
  const node = `n${message.node}.${message.life}`
  switch (message._tag) {
    case "Request":
      return `${node} > store ${requestText(message)}`
    case "Answer":
      return `${node} < store ${answerText(message)}`
    case "Notice": {
      const { change } = message
      const what = change._tag === "Changed" ? `${change.revision} ${stateText(change.state)}` : ""
      return `${node} receives ${change._tag} ${what}`
    }
    case "Subscribe":
      return `${node} > store subscribes`
    case "HangUp":
      return `${node} has lost its subscription`
  }
}

const requestText = ({ body, id }: Request): string => {
  if (body._tag === "Write") {
    const { expected, revision, state } = body.request
    return `[${id}] write ${expected || "nothing"} => ${revision} ${stateText(state)}`
  }
  const about = body.requests.map(({ announce, circuit, renew, revision, window }) => {
    const report = window?.report
    const told =
      report === undefined
        ? ""
        : ` report ${report.base}>${report.number} ${JSON.stringify(report.sections.map((it) => it.rows))}`
    return `${circuit.key} (knows ${revision || "nothing"}, epoch ${window?.epoch}${told}${announce ? ", announces" : ""}${renew ? ", renews" : ""})`
  })
  return `[${id}] asks ${about.join(" and ") || "whether the store is up"}`
}

const answerText = ({ body, id }: Answer): string =>
  body._tag === "Refused" ? `[${id}] refused` : `[${id}] ${body.entries.map(entryText).join(" and ")}`

const entryText = (entry: Entry): string => {
  if (isFault(entry)) return "a fault"
  const { leases, revision, state, window } = entry
  const windowText =
    window === undefined
      ? ""
      : `, epoch ${window.epoch} report ${window.latestReport}, ${window.exchanges} exchanges ${JSON.stringify(window.sections.map((it) => it.rows))}`
  const leased = leases.length === 0 ? "" : `, leases ${leases.map((it) => it.node)}`
  return `${revision || "nothing"} ${state === undefined ? "(known)" : stateText(state)}${windowText}${leased}`
}

const stateText = (state: string): string => {
  if (state === "") return ""
  const { circuit, disablers, isolators, probers, resets, restoredAt } = JSON.parse(state)
  const held = Object.entries({ probers, isolators, disablers })
    .filter(([, of]) => Object.keys(of).length > 0)
    .map(([name, of]) => `${name} ${JSON.stringify(of)}`)
  return [
    circuitText(circuit),
    ...held,
    resets > 0 ? `resets ${resets}` : "",
    restoredAt > 0 ? "restored" : ""
  ]
    .filter((it) => it !== "")
    .join(" ")
}

const circuitText = (circuit: Circuit<unknown>): string => {
  const name = `${circuit._tag} g${circuit.generation > 1e12 ? `E${circuit.generation % 1e9}` : circuit.generation} o${circuit.openings}`
  return circuit._tag === "HalfOpen"
    ? `${name} (slots ${Slots.toArray(circuit.slots).map(({ id }) => id)}; ${circuit.succeeded} good, ${circuit.failed} bad)`
    : name
}

const statesOf = (fleet: Fleet): string => {
  const nodes = fleet.living.flatMap((node) =>
    [...node.members.values()].map((member) => {
      const { activity, ownHolds, standing } = member.replica
      const link = `${node.link.isFailing ? "!" : ""}${node.isListening ? "" : "~"}`
      const keeps =
        ownHolds.isolations + ownHolds.disablings > 0
          ? ` holds ${ownHolds.isolations},${ownHolds.disablings}`
          : ""
      const circuit = viewOf(fleet, node, member)
      const counts =
        circuit._tag === "Closed"
          ? ` ${Object.values(node.rules.policy.counts(circuit.window, node.now))}`
          : ""
      return `${node.settings.node}${link} ${member.key} ${circuitText(circuit)}${counts} ${standing._tag}${keeps}${activity._tag === "Idle" ? " idle" : ""}`
    })
  )
  const stored = [...fleet.store.circuits].map(([key, { revision, state }]) => {
    const read = decode(state, { ...settingsOf(fleet.setup, fleet.setup.rules[0], ""), now: fleet.storeNow })
    return `${key} ${revision || "nothing"} ${read._tag === "State" ? circuitText(read.state.circuit) : read._tag}`
  })
  return `${nodes.join(" | ")} || store ${fleet.storeIs === "Up" ? "" : fleet.storeIs}: ${stored.join(" ")}`
}
