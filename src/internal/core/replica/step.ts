import type { Circuit } from "../circuit.ts"
import * as Machine from "../circuit.ts"
import { answered, leftAlone, unwritten, written } from "./answers.ts"
import type { Event, Of } from "./events.ts"
import { changeHeard, failuresHeard, storeLost } from "./news.ts"
import { controlled, opened, settled, slotAbandoned } from "./own.ts"
import type { Replica, Stepped } from "./replica.ts"
import * as Replicas from "./replica.ts"
import type { Situation } from "./situation.ts"
import * as Writes from "./writing.ts"

/**
 * The next step of a node.
 *
 * @internal
 */
export const step = (
  replica: Replica,
  circuit: Circuit<unknown>,
  event: Event,
  situation: Situation
): Stepped => {
  const { now, settings } = situation
  const here = Machine.at(circuit, settings.rules, now)
  const node = Replicas.stepped(Replicas.healed(replica, here, settings), circuit)
  switch (event._tag) {
    case "Settled":
      return settled(node, event, situation)
    case "Opened":
      return opened(node, event, situation)
    case "Controlled":
      return controlled(node, event.control, situation)
    case "SlotRequested":
      return Writes.push(node, { _tag: "TakesSlot", request: event.request }, situation)
    case "SlotAbandoned":
      return slotAbandoned(node, event.slot, situation)
    case "Answered":
      return answered(node, event, situation)
    case "Written":
      return written(node, event, situation)
    case "Unwritten":
      return unwritten(node, event.revision)
    default:
      return heard(node, event, situation)
  }
}

const heard = (
  node: Stepped,
  event: Of<"ChangeHeard" | "FailuresHeard" | "Faulted" | "StoreLost" | "Hurried">,
  situation: Situation
): Stepped => {
  switch (event._tag) {
    case "ChangeHeard":
      return changeHeard(node, event, situation)
    case "FailuresHeard":
      return failuresHeard(node, event, situation)
    case "Faulted":
      return leftAlone(node)
    case "StoreLost":
      return storeLost(node, situation)
    case "Hurried":
      return { ...node, replica: Replicas.hurried(node.replica) }
  }
}
