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
  const progress = Steps.make(Replicas.rejoined(replica, current, settings), circuit)
  switch (event._tag) {
    case "Settled":
      return settled(progress, event, situation)
    case "Opened":
      return opened(progress, event, situation)
    case "Controlled":
      return controlled(progress, event.control, situation)
    case "SlotRequested":
      return slotRequested(progress, event.request, situation)
    case "SlotAbandoned":
      return slotAbandoned(progress, event.slot, situation)
    case "Answered":
      return answered(progress, event, situation)
    case "Unanswered":
      return unanswered(progress, event)
    case "Written":
      return written(progress, event, situation)
    case "WriteFailed":
      return writeFailed(progress, event)
    default:
      return received(progress, event, situation)
  }
}

const received = (
  progress: Progress,
  event: Of<"ChangeReceived" | "FailuresAnnounced" | "Faulted" | "StoreLost" | "ExchangeRequested">,
  situation: Situation
): Progress => {
  switch (event._tag) {
    case "ChangeReceived":
      return changeReceived(progress, event, situation)
    case "FailuresAnnounced":
      return failuresAnnounced(progress, event, situation)
    case "Faulted":
      return faulted(progress, situation)
    case "StoreLost":
      return storeLost(progress, situation)
    case "ExchangeRequested":
      return Steps.withReplica(progress, Activities.exchangeSoon(progress.replica))
  }
}
