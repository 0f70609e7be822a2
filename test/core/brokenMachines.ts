/** For each invariant a machine that breaks it, most of them as a released breaker once did. */
import * as Circuit from "../../src/internal/core/circuit.ts"
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
  admit: (circuit, rules, now) => change(Circuit.admit(circuit, rules, now), rules, now)
})

const never = () => false
const always = () => true

export const brokenMachines: Record<Invariant, BrokenMachine> = {
  "the generation never falls and rises by one at most": {
    how: "a trip by hand counts as two",
    machine: { restart: (circuit, now) => ({ ...Circuit.restart(circuit, now), generation: 9 }) }
  },
  "a new state is a new generation": {
    how: "isolating leaves it as it was",
    machine: {
      isolate: (circuit) => ({ ...Circuit.isolate(circuit), generation: circuit.generation })
    }
  },
  "an opening and a recovery end when their time is over": {
    how: "a millisecond more is waited for",
    machine: { at: (circuit, rules, now) => Circuit.at(circuit, rules, now - 1) }
  },
  "a look changes nothing else": {
    how: "an opening that is over closes",
    machine: {
      at: (circuit, rules, now) => {
        const seen = Circuit.at(circuit, rules, now)
        return circuit._tag === "Open" && seen !== circuit ? Circuit.reset(circuit, rules, now) : seen
      }
    }
  },
  "asking for admission changes no state": {
    how: "a call that comes while HalfOpen closes",
    machine: admitThen(([decision, next], rules, now) => [
      decision,
      next._tag === "HalfOpen" ? Circuit.reset(next, rules, now) : next
    ])
  },
  "Closed and Disabled admit, Open and Isolated reject": {
    how: "Open lets one pass that asks early enough",
    machine: admitThen(([decision, next]) => [
      next._tag === "Open"
        ? { _tag: "Admitted", ticket: { generation: next.generation, slot: 0 } }
        : decision,
      next
    ])
  },
  "what is admitted while Disabled claims nothing": {
    how: "a call that comes while Disabled makes the circuit anew",
    machine: admitThen(([decision, next]) => [decision, next._tag === "Disabled" ? { ...next } : next])
  },
  "a rejection takes nothing": {
    how: "a rejected call refreshes the open time",
    machine: admitThen(([decision, next], _, now) => [
      decision,
      next._tag === "Open" ? { ...next, openedAt: now } : next
    ])
  },
  "an outcome lands if its generation stands and its slot is held, and only then": {
    how: "the slot of a probe is not asked for",
    machine: {
      lands: (circuit, _rules, ticket) => circuit.generation === ticket.generation
    }
  },
  "a late outcome changes nothing": {
    how: "every outcome lands",
    machine: { lands: always }
  },
  "nothing closes but the last probe, a reset, the last release or enable, or the end of a recovery": {
    how: "the first probe closes",
    machine: {
      settle: (circuit, rules, ticket, call) => Circuit.settle(circuit, { ...rules, probes: 1 }, ticket, call)
    }
  },
  "nothing recovers but after the last probe": {
    how: "the first probe begins to recover",
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
  "the last probe closes or begins to recover": {
    how: "one success more is asked for",
    machine: {
      settle: (circuit, rules, ticket, call) =>
        Circuit.settle(circuit, { ...rules, probes: rules.probes + 1 }, ticket, call)
    }
  },
  "a probe that ran as long as the policy calls slow has failed": {
    how: "a probe that answers closes, however late",
    machine: {
      settle: (circuit, rules, ticket, call) =>
        Circuit.settle(circuit, rules, ticket, { ...call, elapsedMillis: 0 })
    }
  },
  "a probe that has settled early takes no slot from another when it fails": {
    how: "it gives back whichever slot was taken first",
    machine: {
      settle: (circuit, rules, ticket, call) => {
        const oldest = circuit._tag === "HalfOpen" ? Slots.oldest(circuit.slots) : undefined
        const isSpent = ticket.slot === Circuit.spentSlot
        const slot = isSpent && oldest !== undefined ? oldest.id : ticket.slot
        return Circuit.settle(circuit, rules, { ...ticket, slot }, call)
      }
    }
  },
  "an outcome of a Disabled circuit changes nothing": {
    how: "a failure while Disabled is a step of the backoff",
    machine: settleThen((next, before) =>
      before._tag === "Disabled" ? { ...next, openings: next.openings + 1 } : next
    )
  },
  "an outcome trips when the failures that have landed say so, and only then": {
    how: "one failed probe is enough",
    machine: {
      trips: (circuit, rules, now) => Circuit.trips(circuit, { ...rules, failuresToReopen: 1 }, now)
    }
  },
  "nothing opens but an opening": {
    how: "settling opens at once",
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
    how: "whoever comes second opens too",
    machine: {
      open: (circuit, _, opening) => Circuit.open(circuit, circuit.generation, opening)
    }
  },
  "an opening is one step of the backoff": {
    how: "the backoff starts over with each close",
    machine: {
      nextOpening: (circuit, now) => (circuit._tag === "Closed" ? 1 : Circuit.nextOpening(circuit, now))
    }
  },
  "nothing else moves the backoff": {
    how: "every good probe sets it back",
    machine: settleThen((next, before) => (next._tag === before._tag ? next : { ...next, openings: 0 }))
  },
  "Isolated ends with a reset or its last release, and then at once": {
    how: "a release ends whatever isolation there is",
    machine: {
      release: (circuit, rules, _, now) =>
        circuit._tag === "Isolated" ? Circuit.release(circuit, rules, circuit.since, now) : circuit
    }
  },
  "what was isolated is Disabled if it is kept so, or else Closed": {
    how: "a release closes",
    machine: {
      release: (circuit, rules, since, now) => {
        const next = Circuit.release(circuit, rules, since, now)
        return next._tag === "Disabled" ? Circuit.close(circuit, rules, now) : next
      }
    }
  },
  "Disabled ends with its last enable, and then at once, or is isolated": {
    how: "the first enable ends it for all",
    machine: {
      enable: (circuit, rules, now) =>
        Circuit.enable(circuit._tag === "Disabled" ? { ...circuit, disablers: 1 } : circuit, rules, now)
    }
  },
  "disabling disables at once, and leaves what is isolated as it is": {
    how: "disabling ends an isolation",
    machine: {
      disable: (circuit) =>
        circuit._tag === "Isolated"
          ? { ...circuit, _tag: "Disabled", generation: circuit.generation + 1 }
          : Circuit.disable(circuit)
    }
  },
  "an isolation isolates, and a reset closes what is not kept disabled": {
    how: "a reset enables",
    machine: {
      reset: (circuit, rules, now) => ({ ...Circuit.close(circuit, rules, now), openings: 0, openMillis: 0 })
    }
  },
  "running and succeeded probes are never more than probes": {
    how: "those that succeeded are not counted",
    machine: {
      admit: (circuit, rules, now) =>
        Circuit.admit(
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
  "HalfOpen admits while there is room, and only then": {
    how: "a failed probe is counted as if it ran on",
    machine: {
      admit: (circuit, rules, now) =>
        Circuit.admit(
          circuit,
          circuit._tag === "HalfOpen" ? { ...rules, probes: rules.probes - circuit.failed } : rules,
          now
        )
    }
  },
  "it is Isolated while somebody isolates it, or else Disabled while somebody disables it, and no longer": {
    how: "an enable under an isolation is forgotten",
    machine: {
      enable: (circuit, rules, now) =>
        circuit._tag === "Isolated" ? circuit : Circuit.enable(circuit, rules, now)
    }
  },
  "looking twice is looking once": {
    how: "a HalfOpen circuit is made anew each time",
    machine: {
      at: (circuit, rules, now) => {
        const seen = Circuit.at(circuit, rules, now)
        return seen._tag === "HalfOpen" ? { ...seen } : seen
      }
    }
  },
  "at the end no slot is held": {
    how: "only a success gives its slot back, and leases never end",
    machine: {
      at: (circuit, rules, now) => Circuit.at(circuit, { ...rules, probeTimeoutMillis: Infinity }, now),
      settle: (circuit, rules, ticket, call) =>
        call.outcome._tag === "Success" ? Circuit.settle(circuit, rules, ticket, call) : circuit
    }
  },
  "at the end the circuit heals, unless it is held": {
    how: "no outcome ever lands",
    machine: { lands: never }
  }
}
