/**
 * The reference implementation of DESIGN.md, section 3: slow, obvious, mutable, with its history kept.
 * It knows no Effect and shares nothing with `src`. Times are milliseconds since the breaker was made.
 */
import {
  ModelCircuit,
  wholeMillis,
  type Held,
  type ModelCall,
  type ModelHold,
  type Verdict
} from "./ModelCircuit.ts"
import { ModelCircuits } from "./ModelCircuits.ts"
import { records, slowerThan, trips } from "./ModelPolicy.ts"
import type { PlainRejection, PlainSnapshot, PlainState } from "./Observation.ts"

export type Decision =
  | { readonly _tag: "Ran"; readonly call: ModelCall }
  | { readonly _tag: "Rejected"; readonly circuit: ModelCircuit; readonly error: PlainRejection }

export class Model extends ModelCircuits {
  // Calls

  start(key: string): Decision {
    const circuit = this.use(key)
    const held = circuit.held
    switch (held._tag) {
      case "Closed":
        this.note("R3.1.3 Closed admits")
        return this.admit(circuit)
      case "Open": {
        const left = held.openedAt + held.length - this.now
        if (left <= 1) this.note("R3.2.2 rejected within the last millisecond of an opening")
        return this.reject(circuit, "Open", wholeMillis(left))
      }
      case "Isolated":
        return this.reject(circuit, "Isolated", Infinity)
      case "Disabled":
        this.note("R3.3 Disabled admits")
        return this.admit(circuit)
      case "HalfOpen": {
        const live = held.probes.filter((probe) => circuit.hasLease(probe, this.now))
        if (live.length + held.succeeded >= this.config.probes) {
          if (live.length > 0) this.note("R3.2.3 rejected while every probe slot is taken")
          if (held.succeeded > 0) this.note("R3.2.3 rejected although one more success is awaited")
          if (live.some((probe) => probe.startedAt + this.config.probeTimeoutMillis - this.now <= 1))
            this.note("R3.2.5 rejected within the last millisecond of a lease")
          return this.reject(circuit, "HalfOpen", 0)
        }
        if (held.probes.length + held.succeeded >= this.config.probes)
          this.note("R3.2.5 an expired slot is taken by the next caller")
        if (live.length > 0) this.note("R3.2.3 a second probe runs beside the first")
        const decision = this.admit(circuit)
        held.probes = [...live, decision.call]
        return decision
      }
      case "Recovering": {
        held.arrivals += 1
        const before = held.reached
        held.reached = Math.floor(held.arrivals * circuit.share(held.startedAt, this.now))
        if (held.reached > before) {
          this.note("R3.2.9 Recovering admits a share")
          return this.admit(circuit)
        }
        this.note("R3.2.9 Recovering rejects the rest")
        return this.reject(circuit, "Recovering", 0)
      }
    }
  }

  settle(call: ModelCall, verdict: Verdict): void {
    if (!call.counted) {
      this.note("observe: the outcome of a would-be rejection counts nowhere")
      return
    }
    const circuit = call.circuit
    const held = circuit.held
    if (this.circuitsByKey.get(circuit.key) !== circuit) {
      this.note("R3.2.6 an outcome for a circuit that was dropped")
      return
    }
    if (call.generation !== circuit.generation) {
      this.note(`R3.2.6 late ${verdict._tag} while ${held._tag}`)
      return
    }
    // Its recovery is over although no call has said so yet: the outcome is from before the close.
    if (held._tag === "Recovering" && circuit.seen(this.now)._tag === "Closed") {
      this.note("R3.2.6 an outcome admitted while Recovering counts after the recovery ended")
      return
    }
    if (held._tag === "HalfOpen") {
      if (!held.probes.includes(call) || !circuit.hasLease(call, this.now)) {
        this.note(
          held.probes.includes(call)
            ? `R3.2.5 late ${verdict._tag} of a probe without a lease`
            : `R3.2.5 late ${verdict._tag} of a probe whose slot was taken over`
        )
        return
      }
      held.probes = held.probes.filter((probe) => probe !== call)
      this.count(circuit, verdict)
      this.settleProbe(circuit, held, this.verdictOnProbe(call, verdict))
      return
    }
    this.count(circuit, verdict)
    if (held._tag === "Disabled") {
      this.note(`R3.3 ${verdict._tag} while Disabled counts in the totals alone`)
      return
    }
    if (verdict._tag === "Ignored") {
      this.note("R3.1.4 an Ignored outcome leaves the window alone")
      return
    }
    const outcome = { kind: verdict._tag, at: this.now, elapsed: this.now - call.startedAt }
    if (!records(this.config.policy, outcome)) return
    if (verdict._tag === "Interrupted") this.note("R3.1.4 an interrupted slow call is recorded")
    if (circuit.isEmptiedByAge(this.now)) this.note("R3.2.10 an idle gap has emptied the window")
    circuit.outcomes.push(outcome)
    if (trips(this.config.policy, circuit.outcomes, this.now)) {
      this.note(`R3.2.1 ${this.config.policy._tag} trips while ${held._tag}`)
      if (verdict._tag !== "Failure") this.note(`R3.2.1 ${verdict._tag} trips a rate`)
      if (verdict._tag === "Success" && this.config.policy._tag === "AllOf")
        this.note("R3.2.1 Success completes AllOf")
      this.open(circuit, "Tripped", verdict)
    }
  }

  /**
   * Whether the call's circuit was dropped while it ran, and its key has had no other since. The contract leaves open
   * what becomes of its outcome.
   */
  lostItsCircuit(call: ModelCall): boolean {
    const { circuit, generation } = call
    const current = this.find(circuit.key)
    return current === undefined && generation === circuit.generation
  }

  private verdictOnProbe(call: ModelCall, verdict: Verdict): Verdict {
    if (verdict._tag === "Ignored" || verdict._tag === "Failure") return verdict
    if (this.now - call.startedAt < slowerThan(this.config.policy)) return verdict
    this.note(`R3.2.11 a slow probe has failed: ${verdict._tag}`)
    return { _tag: "Failure" }
  }

  private settleProbe(circuit: ModelCircuit, held: Held & { _tag: "HalfOpen" }, verdict: Verdict): void {
    switch (verdict._tag) {
      case "Success": {
        held.succeeded += 1
        if (held.succeeded < this.config.probes) {
          this.note("R3.2.3 a probe succeeds and more are awaited")
        } else if (this.config.recovery === undefined) {
          this.note("R3.2.3 the last probe closes")
          this.move(circuit, { _tag: "Closed", since: this.now })
        } else {
          this.note("R3.2.9 the last probe starts Recovering")
          this.move(circuit, { _tag: "Recovering", startedAt: this.now, arrivals: 0, reached: 0 })
        }
        return
      }
      case "Failure": {
        held.failed += 1
        if (held.failed < this.config.failuresToReopen) {
          this.note("R3.2.3 a probe fails and more failures are needed")
        } else {
          this.note("R3.2.3 the last failure reopens")
          this.open(circuit, "ProbeFailed", verdict)
        }
        return
      }
      default:
        this.note(`R3.2.4 ${verdict._tag} probe gives its slot back`)
    }
  }

  // Manual control

  trip(key: string): void {
    const circuit = this.use(key)
    const held = circuit.held
    if (held._tag === "Isolated" || held._tag === "Disabled") {
      this.note(`R3.3 trip on ${held._tag} does nothing`)
      return
    }
    this.note(`R3.3 trip on ${held._tag}`)
    if (held._tag === "Open") {
      this.move(
        circuit,
        { _tag: "Open", openedAt: this.now, length: held.length },
        { retryAfter: held.length, openings: circuit.openings, reason: "Manual" }
      )
      return
    }
    this.open(circuit, "Manual", undefined)
  }

  reset(key: string): void {
    const circuit = this.use(key)
    this.note(`R3.3 reset on ${circuit.held._tag}`)
    if (circuit.held._tag === "Isolated" && circuit.disablers.size > 0)
      this.note("R3.3 reset on Isolated leaves it Disabled")
    circuit.openings = 0
    circuit.lastLength = 0
    circuit.isolators.clear()
    this.moveToRest(circuit)
  }

  isolate(key: string): ModelHold {
    const circuit = this.use(key)
    const hold = { circuit }
    circuit.isolators.add(hold)
    if (circuit.held._tag === "Isolated") {
      this.note("R3.3 nested isolate")
    } else {
      this.note(`R3.3 isolate on ${circuit.held._tag}`)
      this.move(circuit, { _tag: "Isolated" })
    }
    return hold
  }

  release(hold: ModelHold): void {
    const { circuit } = hold
    if (!circuit.isolators.delete(hold)) {
      this.note(
        circuit.isolators.size > 0
          ? "R3.3 release after a reset leaves a newer isolation alone"
          : "R3.3 release after a reset does nothing"
      )
      return
    }
    this.touch(circuit)
    if (circuit.isolators.size > 0) {
      this.note("R3.3 release of a nested isolation keeps it Isolated")
    } else {
      this.note(
        circuit.disablers.size > 0
          ? "R3.3 the last release leaves it Disabled"
          : "R3.3 the last release closes"
      )
      this.moveToRest(circuit)
    }
  }

  disable(key: string): ModelHold {
    const circuit = this.use(key)
    const hold = { circuit }
    circuit.disablers.add(hold)
    this.note(circuit.disablers.size > 1 ? "R3.3 nested disable" : `R3.3 disable on ${circuit.held._tag}`)
    if (circuit.held._tag !== "Isolated" && circuit.held._tag !== "Disabled") this.moveToRest(circuit)
    return hold
  }

  enable(hold: ModelHold): void {
    const { circuit } = hold
    if (!circuit.disablers.delete(hold)) {
      this.note("R3.3 enable of a circuit that was dropped")
      return
    }
    this.touch(circuit)
    if (circuit.disablers.size > 0) {
      this.note("R3.3 enable of a nested disable keeps it so")
    } else if (circuit.held._tag === "Isolated") {
      this.note("R3.3 enable while Isolated")
    } else {
      this.note("R3.3 the last enable closes")
      this.moveToRest(circuit)
    }
  }

  /** Moves a circuit to its state without isolations. */
  private moveToRest(circuit: ModelCircuit): void {
    this.move(
      circuit,
      circuit.disablers.size > 0 ? { _tag: "Disabled" } : { _tag: "Closed", since: this.now }
    )
  }

  // Reading

  state(key: string): PlainState {
    const circuit = this.find(key)
    if (circuit === undefined) return { _tag: "Closed" }
    const state = circuit.state(this.now)
    if (state._tag !== circuit.held._tag)
      this.note(`R3.2.2 ${circuit.held._tag} reads as ${state._tag} when over`)
    return state
  }

  snapshot(key: string): PlainSnapshot {
    // A key never called reads as a circuit just made, which is not kept.
    return (this.find(key) ?? new ModelCircuit(this.config, key, this.now)).snapshot(this.now)
  }

  circuits(): ReadonlyArray<PlainSnapshot> {
    return [...this.circuitsByKey.keys()]
      .filter((key) => this.find(key) !== undefined)
      .map((key) => this.snapshot(key))
  }

  /** Every instant of the next minutes at which something changes by the passing of time alone, soonest first. */
  instants(inFlight: ReadonlyArray<ModelCall>): ReadonlyArray<number> {
    const all = [...this.circuitsByKey.values()].flatMap((circuit) => circuit.instants(this.now, inFlight))
    return [...new Set(all)]
      .filter((instant) => instant > this.now && instant < this.now + 600_000)
      .toSorted((a, b) => a - b)
  }

  // The machine

  private admit(circuit: ModelCircuit): Decision & { _tag: "Ran" } {
    const call = { circuit, generation: circuit.generation, startedAt: this.now, counted: true }
    return { _tag: "Ran", call }
  }

  private reject(circuit: ModelCircuit, state: PlainRejection["state"], retryAfter: number): Decision {
    circuit.totals.rejected += 1
    this.note(`R3.1.1 rejected while ${state}`)
    if (!this.config.observe) {
      const breaker = this.config.breaker
      return {
        _tag: "Rejected",
        circuit,
        error: { _tag: "CircuitOpenError", breaker, key: circuit.key, state, retryAfter }
      }
    }
    this.note("observe: a would-be rejection runs")
    return { _tag: "Ran", call: { ...this.admit(circuit).call, counted: false } }
  }

  private count(circuit: ModelCircuit, verdict: Verdict): void {
    switch (verdict._tag) {
      case "Success":
        circuit.totals.succeeded += 1
        return
      case "Failure":
        circuit.totals.failed += 1
        circuit.lastFailure = { at: this.wall, cause: verdict.cause }
        return
      default:
        circuit.totals.ignored += 1
    }
  }

  private open(
    circuit: ModelCircuit,
    reason: "Tripped" | "ProbeFailed" | "Manual",
    verdict: Verdict | undefined
  ): void {
    const held = circuit.held
    const healed = held._tag === "Closed" && this.now - held.since >= circuit.lastLength
    if (held._tag === "Closed" && circuit.openings > 0)
      this.note(healed ? "R3.2.7 the backoff is back at 0" : "R3.2.7 the backoff survives the close")
    circuit.openings = healed ? 1 : circuit.openings + 1
    const delay = this.config.openMillis(circuit.openings)
    if (delay !== this.config.openMillis(1)) this.note("R3.2.7 a later opening has another length")
    let length = delay
    if (verdict?._tag === "Failure" && verdict.retryAfter !== undefined) {
      length = Math.max(delay, Math.min(verdict.retryAfter, this.config.maxOpenMillis))
      if (length === delay) this.note("R3.2.8 a hint never shortens an opening")
      else if (length === verdict.retryAfter) this.note("R3.2.8 a hint lengthens an opening")
      else this.note("R3.2.8 a hint is capped by maxOpenDuration")
    }
    circuit.lastLength = length
    this.move(
      circuit,
      { _tag: "Open", openedAt: this.now, length },
      { retryAfter: length, openings: circuit.openings, reason }
    )
  }
}
