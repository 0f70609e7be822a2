/** For each invariant a machine that breaks it, most of them as a released breaker once did. */
import * as Admission from "../../src/internal/core/admission.ts"
import * as Circuit from "../../src/internal/core/circuit.ts"
import * as ManualControl from "../../src/internal/core/manualControl.ts"
import * as Slots from "../../src/internal/core/slots.ts"
import type { AnyCircuit, Asked, Rules } from "./circuits.ts"
import type { Machine } from "./Explorer.ts"
import type { Invariant } from "./invariants.ts"

interface BrokenMachine {
  readonly how: string
  readonly machine: Partial<Machine>
}

/** `settle` with something else made of what it answers. */
const settleThen = (change: (next: AnyCircuit, before: AnyCircuit) => AnyCircuit): Partial<Machine> => ({
  settle: (circuit, rules, ticket, call) => change(Circuit.settle(circuit, rules, ticket, call), circuit)
})

/** `admit` with something else made of what it answers. */
const admitThen = (change: (asked: Asked, rules: Rules, now: number) => Asked): Partial<Machine> => ({
  admit: (circuit, rules, now) => change(Admission.admit(circuit, rules, now), rules, now)
})

const never = () => false
const always = () => true

export const brokenMachines: Record<Invariant, BrokenMachine> = {
  "the generation never falls and rises by one at most": {
    how: "a trip by hand counts as two",
    machine: { restart: (circuit, now) => ({ ...ManualControl.restart(circuit, now), generation: 9 }) }
  },
  "a new state is a new generation": {
    how: "an isolation keeps the generation",
    machine: {
      isolate: (circuit) => ({ ...ManualControl.isolate(circuit), generation: circuit.generation })
    }
  },
  "an opening and a recovery end exactly when their time has passed": {
    how: "they end a millisecond late",
    machine: { at: (circuit, rules, now) => Circuit.at(circuit, rules, now - 1) }
  },
  "a read at a later time changes nothing else": {
    how: "an opening that has ended closes the circuit",
    machine: {
      at: (circuit, rules, now) => {
        const seen = Circuit.at(circuit, rules, now)
        return circuit._tag === "Open" && seen !== circuit ? ManualControl.reset(circuit, rules, now) : seen
      }
    }
  },
  "an admission changes no state": {
    how: "a call while HalfOpen closes the circuit",
    machine: admitThen(([decision, next], rules, now) => [
      decision,
      next._tag === "HalfOpen" ? ManualControl.reset(next, rules, now) : next
    ])
  },
  "Closed and Disabled admit, Open and Isolated reject": {
    how: "Open admits calls",
    machine: admitThen(([decision, next]) => [
      next._tag === "Open"
        ? { _tag: "Admitted", ticket: { generation: next.generation, slot: 0 } }
        : decision,
      next
    ])
  },
  "an admission while Disabled claims nothing": {
    how: "a call while Disabled makes another circuit object",
    machine: admitThen(([decision, next]) => [decision, next._tag === "Disabled" ? { ...next } : next])
  },
  "a rejection takes nothing": {
    how: "a rejected call refreshes the open time",
    machine: admitThen(([decision, next], _, now) => [
      decision,
      next._tag === "Open" ? { ...next, openedAt: now } : next
    ])
  },
  "an outcome counts if and only if its generation is current and its slot is held": {
    how: "the slot of a probe is not checked",
    machine: {
      stillCounts: (circuit, _rules, ticket) => circuit.generation === ticket.generation
    }
  },
  "a late outcome changes nothing": {
    how: "every outcome counts",
    machine: { stillCounts: always }
  },
  "only the last probe, a reset, the last release or enable, or the end of a recovery closes": {
    how: "the first probe closes the circuit",
    machine: {
      settle: (circuit, rules, ticket, call) => Circuit.settle(circuit, { ...rules, probes: 1 }, ticket, call)
    }
  },
  "a recovery starts only after the last probe": {
    how: "the first probe starts the recovery",
    machine: {
      settle: (circuit, rules, ticket, call) =>
        Circuit.settle(
          circuit,
          { ...rules, probes: 1, recovery: { durationMillis: 5000, from: 1 } },
          ticket,
          call
        )
    }
  },
  "the last probe closes the circuit or starts its recovery": {
    how: "one success more is needed",
    machine: {
      settle: (circuit, rules, ticket, call) =>
        Circuit.settle(circuit, { ...rules, probes: rules.probes + 1 }, ticket, call)
    }
  },
  "a probe that is slow by the policy has failed": {
    how: "a probe that succeeds closes the circuit, however slow it was",
    machine: {
      settle: (circuit, rules, ticket, call) =>
        Circuit.settle(circuit, rules, ticket, { ...call, elapsedMillis: 0 })
    }
  },
  "a probe that has settled early takes no slot from another when it fails": {
    how: "it frees the slot that was taken first",
    machine: {
      settle: (circuit, rules, ticket, call) => {
        const oldest = circuit._tag === "HalfOpen" ? Slots.oldest(circuit.slots) : undefined
        const isAnswered = ticket.slot === Circuit.answeredSlot
        const slot = isAnswered && oldest !== undefined ? oldest.id : ticket.slot
        return Circuit.settle(circuit, rules, { ...ticket, slot }, call)
      }
    }
  },
  "an outcome of a Disabled circuit changes nothing": {
    how: "a failure while Disabled is a backoff step",
    machine: settleThen((next, before) =>
      before._tag === "Disabled" ? { ...next, openings: next.openings + 1 } : next
    )
  },
  "an outcome trips if and only if the landed failures reach the threshold": {
    how: "one failed probe is enough",
    machine: {
      trips: (circuit, rules, now) => Circuit.trips(circuit, { ...rules, failuresToReopen: 1 }, now)
    }
  },
  "only an opening opens": {
    how: "settling opens the circuit at once",
    machine: settleThen((next, before) =>
      next._tag === "HalfOpen" && before._tag === "HalfOpen" && next.failed > before.failed
        ? Circuit.open(next, next.generation, {
            openings: next.openings + 1,
            openMillis: next.openMillis,
            openedAt: 0
          })
        : next
    )
  },
  "a generation is opened once": {
    how: "a second opening of the same generation opens too",
    machine: {
      open: (circuit, _, opening) => Circuit.open(circuit, circuit.generation, opening)
    }
  },
  "an opening is one backoff step": {
    how: "the backoff starts over with each close",
    machine: {
      nextOpening: (circuit, now) => (circuit._tag === "Closed" ? 1 : Circuit.nextOpening(circuit, now))
    }
  },
  "nothing else changes the backoff": {
    how: "every successful probe resets it",
    machine: settleThen((next, before) => (next._tag === before._tag ? next : { ...next, openings: 0 }))
  },
  "Isolated ends at once with a reset or its last release, and not before": {
    how: "a release ends any isolation",
    machine: {
      release: (circuit, rules, _, now) =>
        circuit._tag === "Isolated" ? ManualControl.release(circuit, rules, circuit.since, now) : circuit
    }
  },
  "after its isolation a circuit is Disabled if it has a disabling, else Closed": {
    how: "a release closes the circuit",
    machine: {
      release: (circuit, rules, since, now) => {
        const next = ManualControl.release(circuit, rules, since, now)
        return next._tag === "Disabled" ? Circuit.close(circuit, rules, now) : next
      }
    }
  },
  "Disabled ends at once with its last enable, or with an isolation, and not before": {
    how: "the first enable ends all disablings",
    machine: {
      enable: (circuit, rules, now) =>
        ManualControl.enable(circuit._tag === "Disabled" ? { ...circuit, disablers: 1 } : circuit, rules, now)
    }
  },
  "a disabling disables at once, and leaves an Isolated circuit as it is": {
    how: "disabling ends an isolation",
    machine: {
      disable: (circuit) =>
        circuit._tag === "Isolated"
          ? { ...circuit, _tag: "Disabled", generation: circuit.generation + 1 }
          : ManualControl.disable(circuit)
    }
  },
  "an isolation isolates, and a reset closes a circuit without a disabling": {
    how: "a reset ends disablings",
    machine: {
      reset: (circuit, rules, now) => ({ ...Circuit.close(circuit, rules, now), openings: 0, openMillis: 0 })
    }
  },
  "running and succeeded probes are never more than probes": {
    how: "succeeded probes are not counted",
    machine: {
      admit: (circuit, rules, now) =>
        Admission.admit(
          circuit,
          circuit._tag === "HalfOpen" ? { ...rules, probes: rules.probes + circuit.succeeded } : rules,
          now
        )
    }
  },
  "a slot is held by each probe that runs, and by nothing else": {
    how: "an Ignored probe keeps its slot",
    machine: {
      settle: (circuit, rules, ticket, call) =>
        call.outcome._tag === "Ignored" ? circuit : Circuit.settle(circuit, rules, ticket, call)
    }
  },
  "HalfOpen admits if and only if a slot is free": {
    how: "a failed probe is counted as running",
    machine: {
      admit: (circuit, rules, now) =>
        Admission.admit(
          circuit,
          circuit._tag === "HalfOpen" ? { ...rules, probes: rules.probes - circuit.failed } : rules,
          now
        )
    }
  },
  "a circuit is Isolated while there is an isolation, else Disabled while there is a disabling": {
    how: "an enable under an isolation is ignored",
    machine: {
      enable: (circuit, rules, now) =>
        circuit._tag === "Isolated" ? circuit : ManualControl.enable(circuit, rules, now)
    }
  },
  "two reads are the same as one": {
    how: "each read makes another HalfOpen object",
    machine: {
      at: (circuit, rules, now) => {
        const seen = Circuit.at(circuit, rules, now)
        return seen._tag === "HalfOpen" ? { ...seen } : seen
      }
    }
  },
  "at the end no slot is held": {
    how: "only a success frees its slot, and leases never expire",
    machine: {
      at: (circuit, rules, now) => Circuit.at(circuit, { ...rules, probeTimeoutMillis: Infinity }, now),
      settle: (circuit, rules, ticket, call) =>
        call.outcome._tag === "Success" ? Circuit.settle(circuit, rules, ticket, call) : circuit
    }
  },
  "at the end the circuit heals, unless it has a hold": {
    how: "no outcome ever counts",
    machine: { stillCounts: never }
  }
}
