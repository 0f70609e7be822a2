/** Makes the faults happen. Each of them ends by itself. */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type { Fault } from "./faults.ts"
import type { Fleet, Member } from "./Fleet.ts"
import type { Part } from "./Load.ts"

type Round = Omit<Part, "process" | "life">

/**
 * Makes the faults of a round happen, each at its time, and waits until the last one is over. On a busy machine a process
 * may start again so late that the next fault of the same target has to wait.
 */
export const inject = (
  fleet: Fleet,
  faults: ReadonlyArray<Fault>,
  round: Round
): Effect.Effect<void, string> =>
  Effect.forEach(
    Object.values(Arr.groupBy(faults, ({ target }) => target)),
    (ofTarget) =>
      Effect.forEach(
        ofTarget,
        (fault) => Effect.zipRight(until(round.beganAt + fault.from), happen(fleet, fault, round)),
        { discard: true }
      ),
    { concurrency: "unbounded", discard: true }
  )

const until = (time: number): Effect.Effect<void> =>
  Effect.suspend(() => Effect.sleep(Math.max(0, time - Date.now())))

const happen = ({ members, server }: Fleet, fault: Fault, round: Round): Effect.Effect<unknown, string> => {
  const millis = fault.to - fault.from
  const between = (begin: Effect.Effect<void>, end: Effect.Effect<void>) =>
    Effect.all([begin, Effect.sleep(millis), end])
  const { command } = server
  switch (fault.kind) {
    case "server killed, back with its data":
      return between(server.kill, server.start)
    case "server killed, back empty":
      return between(server.kill, server.startEmpty)
    case "server frozen":
      return between(server.freeze, server.thaw)
    case "server paused":
      return Effect.zipRight(command("CLIENT", "PAUSE", millis, "ALL"), Effect.sleep(millis))
    case "all connections killed":
      return command("CLIENT", "KILL", "TYPE", "normal")
    case "all subscriptions killed":
      return command("CLIENT", "KILL", "TYPE", "pubsub")
    case "scripts flushed":
      return command("SCRIPT", "FLUSH")
    case "data flushed":
      return command("FLUSHALL")
    default:
      return happenTo(members[fault.process!]!, fault, round)
  }
}

const happenTo = (member: Member, fault: Fault, round: Round): Effect.Effect<unknown, string> => {
  const { proxy } = member
  const lasting = Effect.sleep(fault.to - fault.from)
  switch (fault.kind) {
    case "connections delayed":
      return Effect.all([proxy.delay(fault.delayMillis), lasting, proxy.mend])
    case "connections cut":
      return Effect.all([proxy.cut, lasting, proxy.mend])
    case "connections reset":
      return proxy.reset
    case "connections silent":
      return Effect.all([proxy.hush, lasting, proxy.reset])
    case "process frozen":
      return Effect.all([member.process.freeze, lasting, member.process.thaw])
    case "process killed":
      return Effect.all([member.kill, lasting, member.start, Effect.suspend(() => member.begin(round))])
    default:
      return Effect.dieMessage(`${fault.kind} does not happen to a process`)
  }
}
