/**
 * A history of a fleet that shares in the background, where what a node knows of the others may be a moment old: no
 * model says what happens, but what must never happen is known.
 */
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { Transition } from "effect-circuit-breaker"
import { type CircuitBreaker, CircuitOpenError, CircuitStore } from "effect-circuit-breaker"
import type { CallForm, Command, Key } from "./Command.ts"
import { exitOf, Token, verdictOf, type Ending } from "./Ending.ts"
import { Holds } from "./Holds.ts"
import { FlakyStore, type Fate } from "./FlakyStore.ts"
import type { FleetCommand } from "./FleetHistory.ts"
import { describeExit } from "./Differences.ts"
import type { ModelConfig } from "./ModelCircuit.ts"
import { slowerThan } from "./ModelPolicy.ts"
import type { RealCall } from "./RealBreaker.ts"
import { RealFleet } from "./RealFleet.ts"
import { breakerName, toModel, type Setup } from "./Setup.ts"
import { startsAt } from "../kit/ManualClock.ts"
import { World } from "./World.ts"

/** A command, or a change for the store. */
export type TrialStep = FleetCommand | { readonly store: "flaky" | "sound" }

/** The first violation, described by the list of steps that led to it. */
export const runTrial = (
  setup: Setup,
  steps: ReadonlyArray<TrialStep>,
  fates: (step: number) => Fate,
  note: (event: string) => void
): string | undefined => new FleetTrial(setup, fates, note).run(steps)

const key: Key = "a"
const size = 3
const syncMillis = 400
const deadlineMillis = 100
/** A call that waits for the store at the end of an outage waits no longer than the deadline. */
const quietMillis = 2 * syncMillis + deadlineMillis

interface Started {
  readonly call: RealCall
  readonly isProbe: boolean
  readonly at: number
  /** The number of changes of the circuit's state before the call was admitted. */
  readonly epoch: number
  readonly how: CallForm
}

class FleetTrial {
  private readonly setup: Setup
  private readonly config: ModelConfig
  private readonly world: World
  private readonly fleet: RealFleet
  private readonly links: ReadonlyArray<FlakyStore>
  private readonly note: (event: string) => void
  private readonly told: Array<string> = []
  private readonly objections: Array<string> = []
  private readonly latest: Array<Transition.Transition | undefined> = []
  /** The latest opening that each node has published; NaN where an outage has hidden which it was. */
  private readonly openings: Array<number> = []
  private inFlight: ReadonlyArray<Started> = []
  private readonly holds = new Holds()
  private serial = 0
  /** The way in which calls are made now. */
  private how: CallForm = asEffect
  private epoch = 0
  /** Probes that have succeeded since the circuit last opened, and what was done by hand that closes or opens it. */
  private succeeded = 0
  private closedByHand = false
  private trippedByHand = false
  /** All nodes have known of each other's changes since they last agreed. */
  private isInTouch = true
  private wasResetUnheard = false

  constructor(setup: Setup, fates: (step: number) => Fate, note: (event: string) => void) {
    const world = new World()
    this.world = world
    // The store is asked several times at most, and each time for no longer than the deadline.
    world.patienceMillis = 5 * deadlineMillis
    // No node dies here: a lease that runs out during an outage is another matter.
    const options = { syncInterval: syncMillis, deadline: deadlineMillis, lease: "1 hour" } as const
    const store = world.run(CircuitStore.makeMemory(options))
    this.setup = setup
    this.config = toModel(setup)
    this.note = note
    let drawn = 0
    this.links = Array.from({ length: size }, (_, node) => {
      const draw = (of: string) => {
        const fate = fates(drawn++)
        this.told.push(`          ${of} of node ${node} is ${fate}`)
        return fate
      }
      return new FlakyStore(store, draw)
    })
    const stores = this.links.map((link) => link.store)
    this.fleet = new RealFleet(setup, [key], world, stores, 37.5)
  }

  run(steps: ReadonlyArray<TrialStep>): string | undefined {
    try {
      // Every node knows the circuit, and receives its changes from now on.
      this.askAll()
      for (const step of steps) {
        this.take(step)
        if (this.objections.length > 0) return this.report()
      }
      this.take({ store: "sound" })
      this.pass(quietMillis)
      this.fleet.close()
    } catch (thrown) {
      this.objections.push(thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown))
    }
    return this.objections.length > 0 ? this.report() : undefined
  }

  private take(step: TrialStep): void {
    if ("store" in step) {
      this.tell(`the store is ${step.store}`)
      for (const link of this.links) link.isFlaky = step.store === "flaky"
      if (step.store === "flaky") this.isInTouch = false
      return
    }
    this.fleet.chosen = step.node % size
    this.perform(step.command)
  }

  private perform(command: Command): void {
    this.how = "how" in command && command.how.api === "admit" ? inTwoSteps : asEffect
    switch (command._tag) {
      case "Start":
        for (let i = 0; i < command.calls; i++) this.start()
        return
      case "Run":
        for (const ending of command.endings) this.runAtOnce(ending)
        return
      case "Break":
        for (let i = 0; i < 10 && this.state()._tag === "Closed"; i++) this.runAtOnce({ _tag: "Failure" })
        return
      case "Heal":
        return this.heal()
      case "Dawdle":
      case "Outstay":
        this.start()
        return this.pass(this.config.probeTimeoutMillis + command.offset)
      case "HandOn":
        return this.start()
      case "Settle": {
        const started = this.inFlight[command.pick % this.inFlight.length]
        if (started !== undefined) this.settle([started], [command.ending])
        return
      }
      case "SettleAll":
        return this.settle(this.inFlight, command.endings)
      case "AdvanceTo": {
        const state = this.state()
        return this.pass(
          state._tag === "Open"
            ? Duration.toMillis(state.retryAfter) + command.offset
            : (command.pick + 1) * 100 + command.offset
        )
      }
      case "Advance":
        return this.pass(command.millis)
      case "Trip":
        this.trippedByHand = true
        return this.control("Trip", () => this.fleet.trip(key))
      case "Reset":
        return this.reset()
      case "Isolate":
        return this.isolate()
      case "IsolateResetIsolate":
        this.isolate()
        this.reset()
        return this.isolate()
      case "Release":
        return this.giveBack("Release", this.holds.isolation(command.pick))
      case "Disable":
        return this.disable()
      case "Enable":
        return this.giveBack("Enable", this.holds.disabling(command.pick))
      case "DisableWhileIsolated":
        this.isolate()
        this.disable()
        return command.end === "Reset" ? this.reset() : this.giveBack("Release", this.holds.latestIsolation)
      case "SetWallClock":
        return
    }
  }

  private start(): void {
    const { call, isProbe } = this.call(undefined)
    if (call.started) {
      const at = this.fleet.clock.monotonicMillis
      this.inFlight = [...this.inFlight, { call, isProbe, at, epoch: this.epoch, how: this.how }]
    }
    this.tell(`call ${this.serial} ${call.started ? "starts" : "is rejected"}`)
    this.check()
  }

  private runAtOnce(ending: Ending): void {
    const token = new Token(ending, this.serial + 1)
    const before = this.epoch
    const { call, isProbe } = this.call(exitOf(token, breakerName, key))
    this.tell(
      `call ${this.serial} ${call.started ? `ends at once: ${JSON.stringify(ending)}` : "is rejected"}`
    )
    if (call.started && (before === this.epoch || !this.isInTouch)) this.count(isProbe, token, this.how)
    this.check()
  }

  private call(exit: Exit.Exit<unknown, unknown> | undefined): { call: RealCall; isProbe: boolean } {
    this.serial += 1
    const isProbe = this.state()._tag === "HalfOpen"
    const call = this.fleet.start(key, this.how, exit)
    this.world.awaitUntil(() => call.started || call.exit() !== null)
    if (call.started) {
      if (exit !== undefined) this.checkExit(call, exit)
      return { call, isProbe }
    }
    const end = call.exit()
    const error =
      end !== null && Exit.isFailure(end) && end.cause._tag === "Fail" ? end.cause.error : undefined
    if (!(error instanceof CircuitOpenError)) this.objections.push("a call was neither started nor rejected")
    return { call, isProbe }
  }

  /** The calls end at once, and what their nodes make of it meets in the store. */
  private settle(all: ReadonlyArray<Started>, endings: ReadonlyArray<Ending>): void {
    this.inFlight = this.inFlight.filter((started) => !all.includes(started))
    const expected = all.map((started, index) => {
      this.serial += 1
      const token = new Token(endings[index % endings.length] ?? { _tag: "Success" }, this.serial)
      const { call } = started
      this.tell(`a call of node ${this.fleet.nodeOf(call)} ends: ${JSON.stringify(token.ending)}`)
      if (this.holdsSlot(started) && !this.isSlow(started)) this.count(true, token, started.how)
      if (token.ending._tag === "Interrupted") {
        call.interrupt(token.ending.dies ? token : undefined)
        return undefined
      }
      const exit = exitOf(token, breakerName, key)
      call.settle(exit)
      return exit
    })
    this.fleet.settleDown()
    all.forEach(({ call }, index) => {
      const exit = expected[index]
      if (exit !== undefined) this.checkExit(call, exit)
      else if (call.exit() === null) this.objections.push("a call was interrupted, and goes on")
    })
    this.check()
  }

  private checkExit(call: RealCall, own: Exit.Exit<unknown, unknown>): void {
    const exit = describeExit(call.exit())
    if (exit !== describeExit(own)) this.objections.push(`the caller gets: ${exit}`)
  }

  private count(isProbe: boolean, token: Token, how: CallForm): void {
    const classifier = how === inTwoSteps ? "its owner" : this.setup.classifies ? "breaker" : "default"
    // Out of touch, a node may learn only with a call that the circuit is half-open.
    const mayBeProbe = isProbe || !this.isInTouch
    if (mayBeProbe && verdictOf(token, classifier, key)._tag === "Success") this.succeeded += 1
  }

  /** A slow probe has failed. */
  private isSlow({ at }: Started): boolean {
    return this.fleet.clock.monotonicMillis - at >= slowerThan(this.config.policy)
  }

  /** Every node tries a probe, and those that run succeed together. */
  private heal(): void {
    const state = this.state()
    if (state._tag === "Open") this.pass(Duration.toMillis(state.retryAfter))
    for (let i = 0; i < 4 && this.state()._tag === "HalfOpen"; i++) {
      const before = this.inFlight
      for (let node = 0; node < size; node++) {
        this.fleet.chosen = node
        this.start()
      }
      const probes = this.inFlight.filter((started) => !before.includes(started))
      this.settle(probes, [{ _tag: "Success" }])
    }
  }

  private pass(millis: number): void {
    if (millis <= 0) return
    this.fleet.advance(millis)
    this.tell(`${millis} ms pass`)
    this.check()
    if (millis >= quietMillis && this.links.every((link) => !link.isFlaky)) this.checkAgreement()
  }

  private reset(): void {
    this.closedByHand = true
    this.wasResetUnheard ||= !this.isInTouch
    this.holds.reset()
    this.control("Reset", () => this.fleet.reset(key))
  }

  private isolate(): void {
    this.control("Isolate", () => this.holds.isolate(this.fleet.isolate(key)))
  }

  private disable(): void {
    this.control("Disable", () => this.holds.disable(this.fleet.disable(key)))
  }

  private giveBack(what: "Release" | "Enable", hold: Scope.CloseableScope | undefined): void {
    if (hold === undefined) return
    this.closedByHand = this.holds.giveBack(hold) || this.closedByHand
    this.control(`${what} what node ${this.fleet.nodeOf(hold)} holds`, () => this.fleet.release(hold))
  }

  private control(what: string, step: () => void): void {
    this.tell(what)
    step()
    this.fleet.settleDown()
    this.check()
  }

  private check(): void {
    const news = this.fleet.nodes.map((node) => node.takeTransitions())
    news.forEach((transitions, node) =>
      transitions.forEach((transition) => {
        const openings =
          transition.to === "Open" ? ` (${transition.reason}, opening ${transition.openings})` : ""
        this.told.push(`          node ${node} publishes ${transition.from} > ${transition.to}${openings}`)
        this.checkTransition(node, transition, this.latest[node])
        this.latest[node] = transition
      })
    )
    const all = news.flat()
    for (const { from, to } of all) this.note(`${from} to ${to}`)
    if (all.some(({ to }) => to !== "HalfOpen")) {
      this.epoch += 1
      if (this.isInTouch) this.succeeded = 0
    }
    if (!this.isInTouch) return
    this.closedByHand = false
    this.trippedByHand = false
    this.checkProbes()
    this.checkHolds()
  }

  private checkTransition(
    node: number,
    transition: Transition.Transition,
    previous: Transition.Transition | undefined
  ): void {
    const { from, generation, to } = transition
    const object = (what: string) => this.objections.push(`node ${node}: ${from} > ${to}: ${what}`)
    if (from !== (previous?.to ?? "Closed") || generation !== (previous?.generation ?? 0) + 1)
      object("does not follow from its previous transition")
    const isHealed = this.succeeded >= this.config.probes || this.closedByHand
    if (
      (to === "Closed" || to === "Recovering") &&
      !(from === "Closed" || from === "Recovering") &&
      !isHealed
    )
      object(`only ${this.succeeded} probes have succeeded`)
    if (!this.isInTouch) return
    if (!edges[from].includes(to)) object("the machine has no such transition")
    if (from === "Closed" && to === "Closed" && !this.closedByHand) object("nobody has reset it")
    if (transition.to === "Open") {
      const { openings, reason, retryAfter } = transition
      const known = this.openings[node] ?? 0
      if (from === "Open" && (reason !== "Manual" || !this.trippedByHand)) object("nobody has tripped it")
      const follows = [1, known + 1].includes(openings) || (from === "Open" && openings === known)
      if (!follows && !Number.isNaN(known)) object(`opening ${openings} after opening ${known}`)
      const least = this.config.openMillis(openings)
      if (Duration.toMillis(retryAfter) < least)
        object(`opening ${openings} lasts ${Duration.toMillis(retryAfter)} ms, and not ${least}`)
      this.openings[node] = openings
    }
  }

  private holdsSlot({ at, epoch, isProbe }: Started): boolean {
    const now = this.fleet.clock.monotonicMillis
    // On its own, a node has slots of its own, whatever becomes of the others' circuits.
    const isSame = epoch === this.epoch || !this.isInTouch
    return isProbe && isSame && now < at + this.config.probeTimeoutMillis
  }

  private checkProbes(): void {
    const running = this.inFlight.filter((started) => this.holdsSlot(started))
    if (running.length > 1) this.note("several probes run")
    if (running.length + this.succeeded > this.config.probes)
      this.objections.push(`${running.length} probes run and ${this.succeeded} have succeeded`)
    this.states().forEach((state, node) => {
      if (state._tag !== "HalfOpen") return
      if (state.probing !== running.length || state.succeeded !== this.succeeded)
        this.objections.push(
          `node ${node} knows of ${state.probing} and ${state.succeeded}, not of ${running.length} probes and ${this.succeeded} successes`
        )
    })
  }

  private checkHolds(): void {
    const held = this.holds.state
    this.states().forEach(({ _tag }, node) => {
      const isHeld = _tag === "Isolated" || _tag === "Disabled"
      if (held === undefined ? isHeld : _tag !== held)
        this.objections.push(`node ${node} is ${_tag} while it should be ${held ?? "held by nobody"}`)
    })
  }

  /** A call of each node that counts nowhere, and before which the node asks the store if it may have missed something. */
  private askAll(): void {
    for (let node = 0; node < size; node++) {
      this.fleet.chosen = node
      this.runAtOnce({ _tag: "InterruptsItself" })
    }
  }

  private checkAgreement(): void {
    // A node that sees no failures does not ask after it has been cut off; its next call does.
    if (!this.isInTouch) this.askAll()
    const [first, ...others] = this.states()
    others.forEach((other, index) => {
      if (JSON.stringify(other) !== JSON.stringify(first))
        this.objections.push(`node 0 is ${JSON.stringify(first)}, node ${index + 1} ${JSON.stringify(other)}`)
    })
    this.note(this.isInTouch ? "agreement after a quiet time" : "agreement after an outage")
    if (this.isInTouch) return
    this.isInTouch = true
    this.epoch += 1
    // A reset and an isolation by nodes that could not know of each other may be applied in either order.
    if (this.wasResetUnheard) this.reset()
    this.wasResetUnheard = false
    this.succeeded = first !== undefined && first._tag === "HalfOpen" ? first.succeeded : 0
    this.states().forEach((state, node) => {
      this.openings[node] = "openings" in state ? state.openings : NaN
    })
    this.checkHolds()
  }

  private states(): ReadonlyArray<CircuitBreaker.CircuitState> {
    return this.fleet.nodes.map((node) => node.state(key))
  }

  private state(): CircuitBreaker.CircuitState {
    return this.states()[this.fleet.chosen] ?? { _tag: "Closed" }
  }

  private tell(what: string): void {
    const now = this.fleet.clock.monotonicMillis - startsAt.monotonic
    this.told.push(`t=${now}  node ${this.fleet.chosen}: ${what}`)
  }

  private report(): string {
    return [
      `breaker ${JSON.stringify(this.setup)}`,
      ...this.told.map((step, index) => `  ${String(index + 1).padStart(2)}. ${step}`),
      "and then:",
      ...this.objections.map((objection) => `  ${objection}`)
    ].join("\n")
  }
}

type Tag = CircuitBreaker.CircuitState["_tag"]

/** Those of the machine. */
const edges: Readonly<Record<Tag, ReadonlyArray<Tag>>> = {
  Closed: ["Closed", "Open", "Isolated", "Disabled"],
  Open: ["HalfOpen", "Open", "Closed", "Isolated", "Disabled"],
  HalfOpen: ["Open", "Recovering", "Closed", "Isolated", "Disabled"],
  Recovering: ["Open", "Closed", "Isolated", "Disabled"],
  Isolated: ["Closed", "Disabled"],
  Disabled: ["Closed", "Isolated", "Disabled"]
}

const asEffect: CallForm = { api: "method", classifies: false }

const inTwoSteps: CallForm = { api: "admit", classifies: false }
