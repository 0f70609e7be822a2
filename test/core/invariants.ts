/** What holds after every step, in whatever order the steps come; each by its name. */
import type { AnyCircuit, Rules } from "./circuits.ts"
import { success } from "./circuits.ts"
import type { Machine, Situation } from "./Explorer.ts"
import type { Move } from "./Ledger.ts"
import { isDue, isLive, openingsAfter } from "./Ledger.ts"

/** The failures in a row that trip a Closed or Recovering circuit in the scenarios. */
export const failuresToTrip = 2

const isLastProbe = ({ event, from, ledger }: Move, rules: Rules): boolean =>
  event._tag === "Outcome" &&
  event.isLive &&
  event.outcome === "Success" &&
  from._tag === "HalfOpen" &&
  ledger.probesSucceeded + 1 === rules.probes

const isLastRelease = ({ event, ledger }: Move): boolean =>
  event._tag === "Release" && ledger.holders === 1 && ledger.isolation === event.isolation

/** What has landed decides, whichever outcome it was that made it enough: an opening may still be under way. */
const shouldTrip = ({ event, from, ledger, to }: Move, rules: Rules): boolean => {
  if (event._tag !== "Outcome" || !event.isLive || to.generation !== from.generation) return false
  const failed = Number(event.outcome === "Failure")
  if (from._tag === "HalfOpen") return ledger.probesFailed + failed >= rules.failuresToReopen
  return event.outcome !== "Success" && ledger.streak + failed >= failuresToTrip
}

const changesState = ({ from, to }: Move): boolean => to.generation !== from.generation

/** Of each move: what must be so. */
export const ofMoves = {
  "the generation never falls and rises by one at most": ({ from, to }) =>
    to.generation === from.generation || to.generation === from.generation + 1,

  "a new state is a new generation": ({ from, to }) =>
    to.generation !== from.generation || to._tag === from._tag,

  "an opening and a recovery end when their time is over": (move, rules) =>
    move.event._tag !== "Look" || changesState(move) === isDue(move.from, move.ledger, move.now, rules),

  "a look changes nothing else": ({ event, from, to }) =>
    event._tag !== "Look" ||
    to.generation === from.generation ||
    to._tag === (from._tag === "Open" ? "HalfOpen" : "Closed"),

  "asking for admission changes no state": (move) => move.event._tag !== "Admission" || !changesState(move),

  "Closed admits, Open and Isolated reject": ({ event, from }) =>
    event._tag !== "Admission" ||
    from._tag === "HalfOpen" ||
    from._tag === "Recovering" ||
    (event.decision._tag === "Admitted") === (from._tag === "Closed"),

  "a rejection takes nothing": ({ event, from, to }) =>
    event._tag !== "Admission" ||
    event.decision._tag === "Admitted" ||
    from._tag === "Recovering" ||
    to === from,

  "an outcome lands if its generation stands and its slot is held, and only then": ({ event }) =>
    event._tag !== "Outcome" || event.lands === event.isLive,

  "a late outcome changes nothing": ({ event, from, to }) =>
    event._tag !== "Outcome" || event.isLive || (to === from && !event.trips),

  "nothing closes but the last probe, a reset, the last release or the end of a recovery": (move, rules) =>
    !changesState(move) ||
    move.to._tag !== "Closed" ||
    move.event._tag === "Reset" ||
    isLastRelease(move) ||
    (isLastProbe(move, rules) && rules.recovery === undefined) ||
    (move.event._tag === "Look" && move.from._tag === "Recovering"),

  "nothing recovers but after the last probe": (move, rules) =>
    !changesState(move) ||
    move.to._tag !== "Recovering" ||
    (isLastProbe(move, rules) && rules.recovery !== undefined),

  "the last probe closes or begins to recover": (move, rules) =>
    !isLastProbe(move, rules) || changesState(move),

  "an outcome trips when the failures that have landed say so, and only then": (move, rules) =>
    move.event._tag !== "Outcome" || move.event.trips === shouldTrip(move, rules),

  "nothing opens but an opening": ({ event, from, to }) =>
    to._tag !== "Open" || to === from || event._tag === "Opening" || event._tag === "Restart",

  "a generation is opened once": ({ event, from, to }) =>
    event._tag !== "Opening" ||
    (event.opening.generation === from.generation
      ? to._tag === "Open" && to.generation === from.generation + 1
      : to === from),

  "an opening is one step of the backoff": (move) =>
    move.event._tag !== "Opening" ||
    !changesState(move) ||
    move.to.openings === openingsAfter(move.from, move.ledger, move.event.opening.since),

  "nothing else moves the backoff": (move) =>
    move.event._tag === "Opening" ||
    move.to.openings === (move.event._tag === "Reset" ? 0 : move.ledger.openings),

  "Isolated ends with a reset or its last release, and then at once": (move) =>
    move.from._tag !== "Isolated" ||
    changesState(move) === (move.event._tag === "Reset" || isLastRelease(move)),

  "an isolation isolates, and a reset closes": ({ event, from, to }) =>
    (event._tag !== "Isolate" || to._tag === "Isolated") &&
    (event._tag !== "Reset" || (to._tag === "Closed" && to.generation === from.generation + 1))
} satisfies Record<string, (move: Move, rules: Rules) => boolean>

/** Of each situation, as a reader sees it. */
export const ofSituations = {
  "running and succeeded probes are never more than probes": (situation, rules, machine) =>
    machine.at(situation.circuit, rules, situation.now)._tag !== "HalfOpen" ||
    liveProbes(situation, rules) + situation.ledger.probesSucceeded <= rules.probes,

  "a slot is held by each probe that runs, and by nothing else": (situation, rules, machine) => {
    const seen = machine.at(situation.circuit, rules, situation.now)
    return (
      seen._tag !== "HalfOpen" ||
      (seen.slots.count === liveProbes(situation, rules) &&
        seen.succeeded === situation.ledger.probesSucceeded)
    )
  },

  "HalfOpen admits while there is room, and only then": (situation, rules, machine) => {
    const [decision, next] = machine.admit(situation.circuit, rules, situation.now)
    const hasRoom = liveProbes(situation, rules) + situation.ledger.probesSucceeded < rules.probes
    const wasOpen = situation.circuit._tag === "Open"
    return next._tag !== "HalfOpen" || (decision._tag === "Admitted") === (wasOpen || hasRoom)
  },

  "looking twice is looking once": ({ circuit, now }, rules, machine) => {
    const seen = machine.at(circuit, rules, now)
    return machine.at(seen, rules, now) === seen
  }
} satisfies Record<string, (situation: Situation, rules: Rules, machine: Machine) => boolean>

/** Of each ending, when every call has settled. */
export const ofEndings = {
  "at the end no slot is held": ({ circuit, now }, rules, machine) => {
    const seen = machine.at(circuit, rules, now)
    return seen._tag !== "HalfOpen" || seen.slots.count === 0
  },

  "at the end the circuit heals, unless it is held": (situation, rules, machine) =>
    situation.ledger.holders > 0 || heals(situation, rules, machine)
} satisfies Record<string, (situation: Situation, rules: Rules, machine: Machine) => boolean>

export type Invariant = keyof typeof ofMoves | keyof typeof ofSituations | keyof typeof ofEndings

const liveProbes = ({ calls, circuit, now }: Situation, rules: Rules): number =>
  calls.filter((call) => call._tag === "Running" && call.isProbe && isLive(call, circuit, now, rules)).length

/** Whether nothing but successes, and time, close it again. */
const heals = ({ circuit: last, ledger, now: end }: Situation, rules: Rules, machine: Machine): boolean => {
  let circuit: AnyCircuit = last
  let now = end + ledger.openMillis
  for (let probe = 0; probe <= rules.probes; probe++) {
    const [decision, next] = machine.admit(circuit, rules, now)
    circuit = next
    if (circuit._tag === "Closed") return decision._tag === "Admitted"
    if (decision._tag === "Rejected") return circuit._tag === "Recovering"
    if (!machine.lands(circuit, rules, decision.ticket, now)) return false
    circuit = machine.settle(circuit, rules, decision.ticket, success(now))
    if (circuit._tag === "Recovering") now += rules.recovery!.durationMillis
  }
  return machine.at(circuit, rules, now)._tag === "Closed"
}
