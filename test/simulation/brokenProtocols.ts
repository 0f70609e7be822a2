/** Protocols that each break a rule of sharing, which a test has to detect. */
import { yearMillis } from "../../src/internal/core/millis.ts"
import type { Command, Progress } from "../../src/internal/core/replica/progress.ts"
import type { Writing } from "../../src/internal/core/replica/replica.ts"
import { latestStored } from "../../src/internal/core/replica/replica.ts"
import type { Entry, Event } from "../../src/internal/core/replica/events.ts"
import type { Protocol } from "./Protocol.ts"
import { protocol as real } from "./Protocol.ts"

type Step = Protocol["step"]
type Arguments = Parameters<Step>

const stepping = (broken: (step: Step, ...of: Arguments) => Progress): Partial<Protocol> => ({
  step: (...of) => broken(real.step, ...of)
})

/** Ignores the events for which the condition holds. */
const ignoring = (isIgnored: (...of: Arguments) => boolean): Partial<Protocol> =>
  stepping((step, replica, circuit, event, situation) =>
    isIgnored(replica, circuit, event, situation)
      ? { replica, circuit, commands: [] }
      : step(replica, circuit, event, situation)
  )

/** Replaces the event. */
const replacing = (replaced: (...of: Arguments) => Event): Partial<Protocol> =>
  stepping((step, replica, circuit, event, situation) =>
    step(replica, circuit, replaced(replica, circuit, event, situation), situation)
  )

/** Replaces the store's answer. */
const replacingEntry = (replaced: (entry: Entry) => Entry): Partial<Protocol> =>
  replacing((_, __, event) =>
    event._tag === "Answered" || event._tag === "Written" ? { ...event, entry: replaced(event.entry) } : event
  )

const generations = { generation: Number.MAX_SAFE_INTEGER }

/** The replica with a known state that is older than any other. */
const withOldest = (replica: Arguments[0]): Arguments[0] => {
  const old = <A extends Writing["base"]>(known: A): A => ({
    ...known,
    at: -Infinity,
    shared: { ...known.shared, circuit: { ...known.shared.circuit, generation: 0 } }
  })
  const { followed, standing } = replica
  return {
    ...replica,
    followed: old(followed),
    standing: standing._tag === "Writing" ? { ...standing, base: old(standing.base) } : standing
  }
}

/** Keeps the earlier known state if the step has not replaced it. */
const unlessIgnored = (before: Arguments[0], stepped: Progress): Progress =>
  latestStored(stepped.replica).at === -Infinity
    ? { ...stepped, replica: { ...stepped.replica, followed: before.followed, standing: before.standing } }
    : stepped

const everybody = Array.from({ length: 24 }, (_, i) => `n${i % 4}.${Math.floor(i / 4) + 1}`)

const withoutCommand = (stepped: Progress, tag: Command["_tag"]): Progress => ({
  ...stepped,
  commands: stepped.commands.filter(({ _tag }) => _tag !== tag)
})

export const brokenProtocols: Readonly<Record<string, Partial<Protocol>>> = {
  "an outdated notification is followed": stepping((step, replica, circuit, event, situation) =>
    event._tag === "ChangeReceived"
      ? unlessIgnored(replica, step(withOldest(replica), circuit, event, situation))
      : step(replica, circuit, event, situation)
  ),
  "an outdated answer is followed": stepping((step, replica, circuit, event, situation) => {
    if (event._tag !== "Answered" || event.entry.state === undefined)
      return step(replica, circuit, event, situation)
    const oldest = withOldest(replica)
    const asked = { ...event.asked, stored: oldest.followed }
    return unlessIgnored(replica, step(oldest, circuit, { ...event, asked }, situation))
  }),
  "a state that was followed before is followed as a new one": stepping(
    (step, replica, circuit, event, situation) => {
      const { followed } = replica
      const isKnown = event._tag === "Answered" && event.entry.revision === followed.revision
      return isKnown && replica.standing._tag === "InSync"
        ? step(
            { ...replica, followed: { ...withOldest(replica).followed, revision: "" } },
            circuit,
            event,
            situation
          )
        : step(replica, circuit, event, situation)
    }
  ),
  "notifications of changes are ignored": ignoring((_, __, { _tag }) => _tag === "ChangeReceived"),
  "announcements are ignored": ignoring((_, __, { _tag }) => _tag === "FailuresAnnounced"),
  "failures are not announced": {
    ask: (...of) => {
      const asked = real.ask(...of)
      return { ...asked, request: { ...asked.request, announce: false } }
    }
  },
  "a report in doubt is repeated as a new one": {
    ask: (replica, ...of) => {
      const asked = real.ask(replica, ...of)
      const { window } = asked.request
      const { inDoubt } = replica.reporting
      if (window.report === undefined || inDoubt?.number !== window.report.number) return asked
      const report = { ...window.report, base: inDoubt.number, number: inDoubt.number + 1 }
      return { ...asked, request: { ...asked.request, window: { ...window, report } } }
    }
  },
  "the store adds a repeated report again": {
    applyReport: (stored, node, request, keeping) => {
      const { report } = request
      const told = stored?.reporters.find((it) => it.node === node)?.number ?? 0
      const again = report === undefined ? undefined : { ...report, base: told, number: told + 1 }
      return real.applyReport(stored, node, { ...request, report: again }, keeping)
    }
  },
  "the store acknowledges a report without its counts": {
    applyReport: (stored, node, request, keeping) => {
      const { report } = request
      const empty = report && { ...report, sections: report.sections.map((it) => ({ ...it, rows: [] })) }
      return real.applyReport(stored, node, { ...request, report: empty }, keeping)
    }
  },
  "the window of another generation is counted": replacing((replica, circuit, event) => {
    if (event._tag !== "Answered" || event.entry.window === undefined) return event
    const epoch = circuit.generation + replica.generationOffset
    return { ...event, entry: { ...event.entry, window: { ...event.entry.window, epoch } } }
  }),
  "the counts of all nodes are not judged": stepping((step, ...of) => withoutCommand(step(...of), "Open")),
  "a circuit is idle although its node has failures": stepping((step, ...of) => {
    const stepped = step(...of)
    return of[2]._tag === "Answered" && stepped.circuit._tag === "Closed"
      ? { ...stepped, replica: { ...stepped.replica, activity: { _tag: "Idle" } } }
      : stepped
  }),
  "a circuit never becomes idle": stepping((step, ...of) => {
    const stepped = step(...of)
    const { activity } = stepped.replica
    return activity._tag === "Exchanging"
      ? { ...stepped, replica: { ...stepped.replica, activity: { ...activity, quietSince: Infinity } } }
      : stepped
  }),
  "each node decides on its probes alone": { asksForSlot: () => false },
  "a slot is requested before the opening has ended": {
    asksForSlot: (replica, circuit, situation) =>
      real.asksForSlot(replica, circuit, { ...situation, now: situation.now + 200 }),
    step: (replica, circuit, event, situation) =>
      real.step(
        replica,
        circuit,
        event,
        event._tag === "SlotRequested" ? { ...situation, now: situation.now + 200 } : situation
      )
  },
  "a slot is granted although the circuit has changed": {
    ...stepping((step, ...of) => {
      const stepped = step(...of)
      const ticket = { generation: stepped.circuit.generation, slot: 1 }
      const isGone = stepped.circuit._tag === "Open" && !of[3].isFailing
      return {
        ...stepped,
        commands: stepped.commands.map((it) =>
          it._tag === "Answer" && it.decision === undefined && isGone
            ? { ...it, decision: { _tag: "Admitted", ticket } }
            : it
        )
      }
    }),
    ticketOf: (decision) => (decision?._tag === "Admitted" ? decision.ticket : undefined)
  },
  "a probe's outcome is not written": ignoring(
    (_, __, event) => event._tag === "Settled" && event.before._tag === "HalfOpen"
  ),
  "leases never expire": replacingEntry((entry) => ({
    ...entry,
    leases: everybody.map((node) => ({ node, at: entry.now }))
  })),
  "leases expire at once": replacingEntry((entry) => ({ ...entry, leases: [] })),
  "leases are not renewed": {
    ask: (...of) => {
      const asked = real.ask(...of)
      return { ...asked, request: { ...asked.request, renew: false } }
    }
  },
  "a write replaces any state": { replaces: () => true },
  "a refused write is taken for an accepted one": replacing((_, __, event) =>
    event._tag === "Written" ? { ...event, entry: { ...event.entry, revision: event.revision } } : event
  ),
  "a revision is used again": stepping((step, replica, circuit, event, situation) =>
    step(replica, circuit, event, { ...situation, revision: situation.settings.node })
  ),
  "a trip counts in any generation": stepping((step, ...of) => {
    const stepped = step(...of)
    const { standing } = stepped.replica
    if (standing._tag !== "Writing") return stepped
    const changes = standing.changes.map((it) => (it._tag === "Opens" ? { ...it, ...generations } : it))
    return { ...stepped, replica: { ...stepped.replica, standing: { ...standing, changes } } }
  }),
  "a lost state is not restored": ignoring(
    (replica, _, event) =>
      event._tag === "Answered" && event.entry.revision === "" && latestStored(replica).revision !== ""
  ),
  "a change during an outage is not written afterwards": ignoring(
    (replica, _, event) => event._tag === "Answered" && replica.standing._tag === "Diverged"
  ),
  "an isolation is not written": ignoring(
    (_, __, event) => event._tag === "Controlled" && event.control === "Isolate"
  ),
  "a reset does not end the isolations of other nodes": stepping(
    (step, replica, circuit, event, situation) => {
      const stepped = step(replica, circuit, event, situation)
      const isOther = event._tag === "ChangeReceived" || event._tag === "Answered"
      return isOther && stepped.replica.ownHolds.isolations < replica.ownHolds.isolations
        ? { ...stepped, replica: { ...stepped.replica, ownHolds: replica.ownHolds } }
        : stepped
    }
  ),
  "a state is written that cannot be decoded": stepping((step, ...of) => {
    const stepped = step(...of)
    const commands = stepped.commands.map((it) => (it._tag === "Write" ? { ...it, state: "{}" } : it))
    return { ...stepped, commands }
  }),
  "the store keeps a circuit for a year": {
    ask: (...of) => {
      const asked = real.ask(...of)
      return { ...asked, request: { ...asked.request, keepMillis: yearMillis } }
    }
  },
  "the clock offset is ignored": {
    linked: (link, answer) => ({ ...real.linked(link, answer), clockOffset: 0 })
  },
  "the end of an outage is not noticed": {
    linked: (link, answer) => ({ ...real.linked(link, answer), isFailing: link.isFailing })
  }
}
