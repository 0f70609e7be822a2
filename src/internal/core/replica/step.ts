import type { Circuit } from "../circuit.ts"
import * as Machine from "../circuit.ts"
import { answered, faulted, unanswered, writeFailed, written } from "./answers.ts"
import type { Event, Of } from "./events.ts"
import { changeReceived, failuresAnnounced, storeLost } from "./notifications.ts"
import { controlled, opened, settled, slotAbandoned, slotRequested } from "./localEvents.ts"
import type { Progress } from "./progress.ts"
import type { Replica } from "./replica.ts"
import * as Activities from "./activity.ts"
import * as Steps from "./progress.ts"
import * as Replicas from "./replica.ts"
import type { Situation } from "./situation.ts"

/**
 * Takes the next step of a node: the only way in which its replica changes on an event.
 *
 * @internal
 */
export const step = (
  replica: Replica,
  circuit: Circuit<unknown>,
  event: Event,
  situation: Situation
): Progress => {
  const { now, settings } = situation
  const current = Machine.at(circuit, settings.rules, now)
  const node = Steps.make(Replicas.rejoined(replica, current, settings), circuit)
  switch (event._tag) {
    case "Settled":
      return settled(node, event, situation)
    case "Opened":
      return opened(node, event, situation)
    case "Controlled":
      return controlled(node, event.control, situation)
    case "SlotRequested":
      return slotRequested(node, event.request, situation)
    case "SlotAbandoned":
      return slotAbandoned(node, event.slot, situation)
    case "Answered":
      return answered(node, event, situation)
    case "Unanswered":
      return unanswered(node, event)
    case "Written":
      return written(node, event, situation)
    case "WriteFailed":
      return writeFailed(node, event)
    default:
      return received(node, event, situation)
  }
}

const received = (
  node: Progress,
  event: Of<"ChangeReceived" | "FailuresAnnounced" | "Faulted" | "StoreLost" | "ExchangeRequested">,
  situation: Situation
): Progress => {
  switch (event._tag) {
    case "ChangeReceived":
      return changeReceived(node, event, situation)
    case "FailuresAnnounced":
      return failuresAnnounced(node, event, situation)
    case "Faulted":
      return faulted(node, situation)
    case "StoreLost":
      return storeLost(node, situation)
    case "ExchangeRequested":
      return { ...node, replica: Activities.exchangeSoon(node.replica) }
  }
}
