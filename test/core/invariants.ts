/** The invariants after every step, in any order of the steps, by their names. */
import type { AnyCircuit, Rules } from "./circuits.ts"
import { success } from "./circuits.ts"
import type { Machine } from "./Explorer.ts"
import type { Move } from "./Ledger.ts"
import { isDue, isAnswered, isLive, openingsAfter, verdictOn } from "./Ledger.ts"
import type { Situation } from "./Situation.ts"

/** The bad calls in a row that trip a Closed or Recovering circuit in the scenarios. */
export const failuresToTrip = 2

const isLastProbe = ({ event, from, ledger }: Move, rules: Rules): boolean =>
  event._tag === "Outcome" &&
  event.isLive &&
  from._tag === "HalfOpen" &&
  verdictOn(event.call, from._tag, rules) === "good" &&
  ledger.probesSucceeded + 1 === rules.probes

const isLastRelease = ({ event, ledger }: Move): boolean =>
  event._tag === "Release" && ledger.holders === 1 && ledger.isolation === event.isolation

const isLastEnable = ({ event, ledger }: Move): boolean => event._tag === "Enable" && ledger.disablers === 1

/** The landed outcomes decide, whichever of them reached the threshold: an opening may still be in progress. */
const shouldTrip = ({ event, from, ledger, to }: Move, rules: Rules): boolean => {
  if (event._tag !== "Outcome" || !event.isLive || to.generation !== from.generation) return false
  if (from._tag === "Disabled") return false
  const verdict = verdictOn(event.call, from._tag, rules)
  const failed = Number(verdict === "bad")
  if (from._tag === "HalfOpen") return ledger.probesFailed + failed >= rules.failuresToReopen
  return verdict !== "good" && ledger.streak + failed >= failuresToTrip
}

/** The state of a circuit as soon as it has no isolation. */
const onceReleased = ({ disablers }: Move["ledger"]): AnyCircuit["_tag"] =>
  disablers > 0 ? "Disabled" : "Closed"

const changesState = ({ from, to }: Move): boolean => to.generation !== from.generation

/** The invariants of each move. */
export const ofMoves = {
  "the generation never falls and rises by one at most": ({ from, to }) =>
    to.generation === from.generation || to.generation === from.generation + 1,

  "a new state is a new generation": ({ from, to }) =>
    to.generation !== from.generation || to._tag === from._tag,

  "an opening and a recovery end exactly when their time has passed": (move, rules) =>
    move.event._tag !== "Look" || changesState(move) === isDue(move.from, move.ledger, move.now, rules),

  "a read at a later time changes nothing else": ({ event, from, to }) =>
    event._tag !== "Look" ||
    to.generation === from.generation ||
    to._tag === (from._tag === "Open" ? "HalfOpen" : "Closed"),

  "an admission changes no state": (move) => move.event._tag !== "Admission" || !changesState(move),

  "Closed and Disabled admit, Open and Isolated reject": ({ event, from }) =>
    event._tag !== "Admission" ||
    from._tag === "HalfOpen" ||
    from._tag === "Recovering" ||
    (event.decision._tag === "Admitted") === (from._tag === "Closed" || from._tag === "Disabled"),

  "an admission while Disabled claims nothing": ({ event, from, to }) =>
    event._tag !== "Admission" || from._tag !== "Disabled" || to === from,

  "a rejection takes nothing": ({ event, from, to }) =>
    event._tag !== "Admission" ||
    event.decision._tag === "Admitted" ||
    from._tag === "Recovering" ||
    to === from,

  "an outcome counts if and only if its generation is current and its slot is held": ({ event }) =>
    event._tag !== "Outcome" || event.stillCounts === event.isLive,

  "a late outcome changes nothing": ({ event, from, to }) =>
    event._tag !== "Outcome" || event.isLive || (to === from && !event.trips),

  "only the last probe, a reset, the last release or enable, or the end of a recovery closes": (
    move,
    rules
  ) =>
    !changesState(move) ||
    move.to._tag !== "Closed" ||
    move.event._tag === "Reset" ||
    isLastRelease(move) ||
    isLastEnable(move) ||
    (isLastProbe(move, rules) && rules.recovery === undefined) ||
    (move.event._tag === "Look" && move.from._tag === "Recovering"),

  "a recovery starts only after the last probe": (move, rules) =>
    !changesState(move) ||
    move.to._tag !== "Recovering" ||
    (isLastProbe(move, rules) && rules.recovery !== undefined),

  "the last probe closes the circuit or starts its recovery": (move, rules) =>
    !isLastProbe(move, rules) || changesState(move),

  "a probe that is slow by the policy has failed": ({ event, from, to }, rules) =>
    event._tag !== "Outcome" ||
    !event.isLive ||
    from._tag !== "HalfOpen" ||
    event.call.elapsedMillis < rules.policy.slowerThanMillis ||
    (event.call.outcome._tag === "Ignored" && !event.call.interrupted) ||
    (to._tag === "HalfOpen" && to.failed === from.failed + 1 && to.succeeded === from.succeeded),

  "a probe that has settled early takes no slot from another when it fails": ({ event, from, to }) =>
    event._tag !== "Outcome" ||
    !event.isAnswered ||
    from._tag !== "HalfOpen" ||
    (to._tag === "HalfOpen" && to.slots === from.slots && to.succeeded === from.succeeded),

  "an outcome of a Disabled circuit changes nothing": ({ event, from, to }) =>
    event._tag !== "Outcome" || from._tag !== "Disabled" || (to === from && !event.trips),

  "an outcome trips if and only if the landed failures reach the threshold": (move, rules) =>
    move.event._tag !== "Outcome" || move.event.trips === shouldTrip(move, rules),

  "only an opening opens": ({ event, from, to }) =>
    to._tag !== "Open" || to === from || event._tag === "Opening" || event._tag === "Restart",

  "a generation is opened once": ({ event, from, to }) =>
    event._tag !== "Opening" ||
    (event.opening.generation === from.generation
      ? to._tag === "Open" && to.generation === from.generation + 1
      : to === from),

  "an opening is one backoff step": (move) =>
    move.event._tag !== "Opening" ||
    !changesState(move) ||
    move.to.openings === openingsAfter(move.from, move.ledger, move.event.opening.since),

  "nothing else changes the backoff": (move) =>
    move.event._tag === "Opening" ||
    move.to.openings === (move.event._tag === "Reset" ? 0 : move.ledger.openings),

  "Isolated ends at once with a reset or its last release, and not before": (move) =>
    move.from._tag !== "Isolated" ||
    changesState(move) === (move.event._tag === "Reset" || isLastRelease(move)),

  "after its isolation a circuit is Disabled if it has a disabling, else Closed": (move) =>
    move.from._tag !== "Isolated" || !changesState(move) || move.to._tag === onceReleased(move.ledger),

  "Disabled ends at once with its last enable, or with an isolation, and not before": (move) =>
    move.from._tag !== "Disabled" ||
    (move.to._tag !== "Disabled") === (isLastEnable(move) || move.event._tag === "Isolate"),

  "a disabling disables at once, and leaves an Isolated circuit as it is": ({ event, from, to }) =>
    event._tag !== "Disable" ||
    (from._tag === "Isolated"
      ? to._tag === "Isolated" && to.holders === from.holders && to.generation === from.generation
      : to._tag === "Disabled"),

  "an isolation isolates, and a reset closes a circuit without a disabling": ({ event, from, ledger, to }) =>
    (event._tag !== "Isolate" || to._tag === "Isolated") &&
    (event._tag !== "Reset" || (to._tag === onceReleased(ledger) && to.generation === from.generation + 1))
} satisfies Record<string, (move: Move, rules: Rules) => boolean>

/** The invariants of each situation, as a reader sees it. */
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

  "HalfOpen admits if and only if a slot is free": (situation, rules, machine) => {
    const [decision, next] = machine.admit(situation.circuit, rules, situation.now)
    const hasRoom = liveProbes(situation, rules) + situation.ledger.probesSucceeded < rules.probes
    const wasOpen = situation.circuit._tag === "Open"
    return next._tag !== "HalfOpen" || (decision._tag === "Admitted") === (wasOpen || hasRoom)
  },

  "a circuit is Isolated while there is an isolation, else Disabled while there is a disabling": (
    { circuit, ledger, now },
    rules,
    machine
  ) => {
    const { _tag } = machine.at(circuit, rules, now)
    const held = ledger.holders > 0 ? "Isolated" : ledger.disablers > 0 ? "Disabled" : undefined
    return held === undefined ? _tag !== "Isolated" && _tag !== "Disabled" : _tag === held
  },

  "two reads are the same as one": ({ circuit, now }, rules, machine) => {
    const seen = machine.at(circuit, rules, now)
    return machine.at(seen, rules, now) === seen
  }
} satisfies Record<string, (situation: Situation, rules: Rules, machine: Machine) => boolean>

/** The invariants of each ending, when every call has settled. */
export const ofEndings = {
  "at the end no slot is held": ({ circuit, now }, rules, machine) => {
    const seen = machine.at(circuit, rules, now)
    return seen._tag !== "HalfOpen" || seen.slots.count === 0
  },

  "at the end the circuit heals, unless it has a hold": (situation, rules, machine) =>
    situation.ledger.holders + situation.ledger.disablers > 0 || heals(situation, rules, machine)
} satisfies Record<string, (situation: Situation, rules: Rules, machine: Machine) => boolean>

export type Invariant = keyof typeof ofMoves | keyof typeof ofSituations | keyof typeof ofEndings

const liveProbes = ({ calls, circuit, now }: Situation, rules: Rules): number =>
  calls.filter(
    (call) =>
      call._tag === "Running" && call.isProbe && !isAnswered(call) && isLive(call, circuit, now, rules)
  ).length

/** Whether nothing but successes, and time, close it again. */
const heals = ({ circuit: last, ledger, now: end }: Situation, rules: Rules, machine: Machine): boolean => {
  let circuit: AnyCircuit = last
  let now = end + ledger.openMillis
  for (let probe = 0; probe <= rules.probes; probe++) {
    const [decision, next] = machine.admit(circuit, rules, now)
    circuit = next
    if (circuit._tag === "Closed") return decision._tag === "Admitted"
    if (decision._tag === "Rejected") return circuit._tag === "Recovering"
    if (!machine.stillCounts(circuit, rules, decision.ticket, now)) return false
    circuit = machine.settle(circuit, rules, decision.ticket, success(now))
    if (circuit._tag === "Recovering") now += rules.recovery!.durationMillis
  }
  return machine.at(circuit, rules, now)._tag === "Closed"
}
