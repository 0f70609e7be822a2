/** Protocols of which each breaks a rule of sharing, and must be noticed. */
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

/** What happens is not noticed, where that holds. */
const deafTo = (isMissed: (...of: Arguments) => boolean): Partial<Protocol> =>
  stepping((step, replica, circuit, event, situation) =>
    isMissed(replica, circuit, event, situation)
      ? { replica, circuit, commands: [] }
      : step(replica, circuit, event, situation)
  )

/** Another event is taken in. */
const hearing = (heard: (...of: Arguments) => Event): Partial<Protocol> =>
  stepping((step, replica, circuit, event, situation) =>
    step(replica, circuit, heard(replica, circuit, event, situation), situation)
  )

/** Something else is made of an answer of the store. */
const readingEntry = (read: (entry: Entry) => Entry): Partial<Protocol> =>
  hearing((_, __, event) =>
    event._tag === "Answered" || event._tag === "Written" ? { ...event, entry: read(event.entry) } : event
  )

const generations = { generation: Number.MAX_SAFE_INTEGER }

/** So early that everything is later. */
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

/** What a node knew before, where it has learned nothing. */
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
  "a change that comes late is news": stepping((step, replica, circuit, event, situation) =>
    event._tag === "ChangeReceived"
      ? unlessIgnored(replica, step(withOldest(replica), circuit, event, situation))
      : step(replica, circuit, event, situation)
  ),
  "an answer that was overtaken is taken in": stepping((step, replica, circuit, event, situation) => {
    if (event._tag !== "Answered" || event.entry.state === undefined)
      return step(replica, circuit, event, situation)
    const oldest = withOldest(replica)
    const asked = { ...event.asked, known: oldest.followed }
    return unlessIgnored(replica, step(oldest, circuit, { ...event, asked }, situation))
  }),
  "changes are not heard": deafTo((_, __, { _tag }) => _tag === "ChangeReceived"),
  "announcements are not heard": deafTo((_, __, { _tag }) => _tag === "FailuresAnnounced"),
  "failures are not announced": {
    ask: (...of) => {
      const asked = real.ask(...of)
      return { ...asked, question: { ...asked.question, announce: false } }
    }
  },
  "a report in doubt is sent as a new one": {
    ask: (replica, ...of) => {
      const asked = real.ask(replica, ...of)
      const { window } = asked.question
      const { inDoubt } = replica.reporting
      if (window.report === undefined || inDoubt?.number !== window.report.number) return asked
      const report = { ...window.report, base: inDoubt.number, number: inDoubt.number + 1 }
      return { ...asked, question: { ...asked.question, window: { ...window, report } } }
    }
  },
  "the store adds a report that it has added before": {
    applyReport: (stored, node, request, keeping) => {
      const { report } = request
      const told = stored?.reporters.find((it) => it.node === node)?.number ?? 0
      const again = report === undefined ? undefined : { ...report, base: told, number: told + 1 }
      return real.applyReport(stored, node, { ...request, report: again }, keeping)
    }
  },
  "a report is lost by the store, and acknowledged": {
    applyReport: (stored, node, request, keeping) => {
      const { report } = request
      const empty = report && { ...report, sections: report.sections.map((it) => ({ ...it, rows: [] })) }
      return real.applyReport(stored, node, { ...request, report: empty }, keeping)
    }
  },
  "the window of another generation counts": hearing((replica, circuit, event) => {
    if (event._tag !== "Answered" || event.entry.window === undefined) return event
    const epoch = circuit.generation + replica.generationOffset
    return { ...event, entry: { ...event.entry, window: { ...event.entry.window, epoch } } }
  }),
  "what all nodes count is not judged": stepping((step, ...of) => withoutCommand(step(...of), "Open")),
  "a node rests although it has failures": stepping((step, ...of) => {
    const stepped = step(...of)
    return of[2]._tag === "Answered" && stepped.circuit._tag === "Closed"
      ? { ...stepped, replica: { ...stepped.replica, activity: { _tag: "Idle" } } }
      : stepped
  }),
  "a node never rests": stepping((step, ...of) => {
    const stepped = step(...of)
    const { activity } = stepped.replica
    return activity._tag === "Exchanging"
      ? { ...stepped, replica: { ...stepped.replica, activity: { ...activity, quietSince: Infinity } } }
      : stepped
  }),
  "probes are decided by each node": { asksForSlot: () => false },
  "a slot is asked for before the opening is over": {
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
  "a slot is granted although the circuit has gone on": {
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
    checksSlotAtStart: false
  },
  "a probe's end is not written": deafTo(
    (_, __, event) => event._tag === "Settled" && event.before._tag === "HalfOpen"
  ),
  "leases never end": readingEntry((entry) => ({
    ...entry,
    leases: everybody.map((node) => ({ node, at: entry.now }))
  })),
  "leases end at once": readingEntry((entry) => ({ ...entry, leases: [] })),
  "leases are not renewed": {
    ask: (...of) => {
      const asked = real.ask(...of)
      return { ...asked, question: { ...asked.question, renew: false } }
    }
  },
  "a write replaces whatever is stored": { replaces: () => true },
  "a refused write is taken for one that was made": hearing((_, __, event) =>
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
  "what the store has lost is not given back": deafTo(
    (replica, _, event) =>
      event._tag === "Answered" && event.entry.revision === "" && latestStored(replica).revision !== ""
  ),
  "what a node has changed during an outage is not written": deafTo(
    (replica, _, event) => event._tag === "Answered" && replica.standing._tag === "Diverged"
  ),
  "an isolation is not written": deafTo(
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
  "a state is written that nobody understands": stepping((step, ...of) => {
    const stepped = step(...of)
    const commands = stepped.commands.map((it) => (it._tag === "Write" ? { ...it, state: "{}" } : it))
    return { ...stepped, commands }
  }),
  "a circuit is kept for a year": {
    ask: (...of) => {
      const asked = real.ask(...of)
      return { ...asked, question: { ...asked.question, keepMillis: yearMillis } }
    }
  },
  "clocks are taken for the same": {
    linked: (link, answer) => ({ ...real.linked(link, answer), clockOffset: 0 })
  },
  "the end of an outage is not noticed": {
    linked: (link, answer) => ({ ...real.linked(link, answer), isFailing: link.isFailing })
  }
}
