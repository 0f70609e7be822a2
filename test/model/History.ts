/** A history: every command is given to the model and to the library, and what can be seen of both is compared. */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { CircuitOpenError } from "effect-circuit-breaker"
import { formOf, pick, type CallForm, type Command, type Key } from "./Command.ts"
import { describeExit, differencesOf, json, whatBecameOf } from "./Differences.ts"
import {
  describeCause,
  exitOf,
  Token,
  verdictOf,
  withRejection,
  type Classifier,
  type Ending
} from "./Ending.ts"
import { KeptRejections } from "./KeptRejections.ts"
import { Model, type Decision } from "./Model.ts"
import type { ModelCall, ModelHold } from "./ModelCircuit.ts"
import { slowThresholds } from "./ModelPolicy.ts"
import { plain, type RealBreaker, type RealCall } from "./RealBreaker.ts"
import { touchedBy } from "./requirements.ts"
import { breakerName, toModel, type Setup } from "./Setup.ts"
import { startsAt } from "../kit/ManualClock.ts"

export const keys: ReadonlyArray<Key> = ["default", "a", "b", "c"]

/** The part of a real breaker that a history uses. */
export type Subject = Pick<
  RealBreaker,
  | "clock"
  | "place"
  | "advance"
  | "start"
  | "trip"
  | "reset"
  | "isolate"
  | "disable"
  | "release"
  | "settleDown"
  | "close"
>

export interface InFlight {
  readonly name: string
  readonly key: Key
  readonly classifier: Classifier
  readonly model: ModelCall
  readonly real: RealCall
  readonly place: unknown
}

interface Hold {
  readonly key: Key
  readonly model: ModelHold
  readonly real: Scope.CloseableScope
}

export abstract class History<Real extends Subject, Step> {
  protected readonly model: Model
  protected readonly real: Real
  protected readonly differences: Array<string> = []
  private readonly setup: Setup
  private readonly steps: Array<string> = []
  private inFlight: Array<InFlight> = []
  private isolations: ReadonlyArray<Hold> = []
  private disablings: ReadonlyArray<Hold> = []
  private readonly rejections = new KeptRejections()
  private serial = 0
  private readonly note: (requirement: string) => void

  constructor(setup: Setup, real: Real, note: (requirement: string) => void) {
    this.setup = setup
    this.note = note
    this.model = new Model(toModel(setup), note)
    this.real = real
  }

  run(steps: ReadonlyArray<Step>): string | undefined {
    try {
      this.tellTime()
      for (const step of steps) {
        this.take(step)
        if (this.differences.length > 0) return this.report()
      }
      this.real.close()
    } catch (thrown) {
      this.differences.push(thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown))
    }
    return this.differences.length > 0 ? this.report() : undefined
  }

  protected abstract take(step: Step): void

  /** Everything that can be seen of the model and of the library. */
  protected abstract compare(): void

  protected perform(command: Command): void {
    switch (command._tag) {
      case "Start":
        this.startMore(command.key, command.how, command.calls)
        return
      case "Run": {
        for (const ending of command.endings) {
          this.runAtOnce(command.key, command.how, ending)
          this.compare()
        }
        return
      }
      case "Break":
        return this.breakOpen(command.key, command.how)
      case "Heal":
        return this.heal(command.key, command.how)
      case "Dawdle":
        return this.dawdle(command.key, command.how, command.endings, command.offset)
      case "Outstay":
        return this.outstay(command.key, command.how, command.offset, command.ending)
      case "HandOn":
        return this.handOn(command.key, command.how, command.ending)
      case "Settle": {
        const call = pick(this.settleable(this.inFlight), command.pick)
        if (call === undefined) return
        this.settle([call], [command.ending])
        return this.compare()
      }
      case "SettleAll": {
        const calls = this.settleable(this.inFlight)
        if (calls.length === 0) return
        this.settle(calls, command.endings)
        return this.compare()
      }
      case "AdvanceTo": {
        const instant = pick(this.model.instants(this.inFlight.map((call) => call.model)), command.pick)
        if (instant === undefined) return
        // The clock keeps to half milliseconds, which are exact in every unit; a bucket may end between two.
        return this.advance(Math.ceil(instant * 2) / 2 + command.offset - this.model.now)
      }
      case "Advance":
        return this.advance(command.millis)
      case "SetWallClock": {
        this.step(`the wall clock moves by ${command.by}`)
        this.note(`R3.2.2 the wall clock is set ${command.by < 0 ? "back" : "forward"}`)
        this.real.clock.wallMillis += command.by
        this.tellTime()
        return this.compare()
      }
      case "Trip": {
        this.step(`Trip ${command.key}`)
        this.model.trip(command.key)
        this.real.trip(command.key)
        return this.compare()
      }
      case "Reset":
        return this.reset(command.key)
      case "Isolate":
        return this.isolate(command.key)
      case "IsolateResetIsolate": {
        this.isolate(command.key)
        this.reset(command.key)
        return this.isolate(command.key)
      }
      case "Release": {
        const isolation = pick(this.isolations, command.pick)
        if (isolation === undefined) return
        return this.release(isolation)
      }
      case "Disable":
        return this.disable(command.key)
      case "Enable": {
        const disabling = pick(this.disablings, command.pick)
        if (disabling === undefined) return
        this.step(`Enable what was disabled of ${disabling.key}`)
        this.disablings = this.disablings.filter((other) => other !== disabling)
        this.model.enable(disabling.model)
        this.real.release(disabling.real)
        return this.compare()
      }
      case "DisableWhileIsolated": {
        this.isolate(command.key)
        this.disable(command.key)
        if (command.end === "Reset") return this.reset(command.key)
        this.isolations
          .filter(({ key }) => key === command.key)
          .forEach((isolation) => this.release(isolation))
        return
      }
    }
  }

  protected start(key: Key, how: CallForm): void {
    this.serial += 1
    const name = `call ${this.serial}`
    this.step(`${name} of ${key} starts (${formOf(how)})`)
    const decision = this.model.start(key)
    const real = this.real.start(key, how)
    if (decision._tag === "Rejected") return this.expectRejection(key, decision, real)
    this.expect(`${name}`, "runs", whatBecameOf(real))
    const { place } = this.real
    this.inFlight.push({ name, key, classifier: this.classifierOf(how), model: decision.call, real, place })
  }

  protected runAtOnce(key: Key, how: CallForm, ending: Ending): void {
    this.serial += 1
    const name = `call ${this.serial}`
    this.step(`${name} of ${key} (${formOf(how)}) ends at once: ${json(ending)}`)
    const decision = this.model.start(key)
    const { circuit } = decision._tag === "Ran" ? decision.call : decision
    const rejection = this.rejections.of(key, circuit, this.real.place)
    const token = new Token(withRejection(ending, rejection), this.serial)
    const exit = exitOf(token, breakerName, key)
    const real = this.real.start(key, how, exit)
    if (decision._tag === "Rejected") return this.expectRejection(key, decision, real)
    this.expect(`${name} was started`, true, real.started)
    this.expect(`${name}'s caller gets`, describeExit(exit), describeExit(real.exit()))
    this.end(decision.call, token, this.classifierOf(how), key)
  }

  private breakOpen(key: Key, how: CallForm): void {
    for (let i = 0; i < 10 && this.model.state(key)._tag === "Closed"; i++) {
      this.runAtOnce(key, how, { _tag: "Failure" })
      this.compare()
    }
  }

  private heal(key: Key, how: CallForm): void {
    this.awaitHalfOpen(key)
    for (let i = 0; i < 4 && this.model.state(key)._tag === "HalfOpen"; i++) {
      this.runAtOnce(key, how, { _tag: "Success" })
      this.compare()
    }
  }

  private dawdle(key: Key, how: CallForm, endings: ReadonlyArray<Ending>, offset: number): void {
    const slowerThan = slowThresholds(this.model.config.policy)[0]
    if (slowerThan === undefined) return
    this.awaitHalfOpen(key)
    const calls = this.startMore(key, how, endings.length)
    this.advance(slowerThan + offset)
    this.settle(this.settleable(calls), endings)
    this.compare()
  }

  private outstay(key: Key, how: CallForm, offset: number, ending: Ending): void {
    this.awaitHalfOpen(key)
    if (this.model.state(key)._tag !== "HalfOpen") return
    const probe = this.startMore(key, how, 1)
    this.advance(this.model.config.probeTimeoutMillis + offset)
    this.startMore(key, how, 1)
    this.settle(this.settleable(probe), [ending])
    this.compare()
  }

  private handOn(key: Key, how: CallForm, ending: Ending): void {
    this.awaitHalfOpen(key)
    const calls = this.startMore(key, how, 4)
    this.settle(this.settleable(calls), [ending])
    this.compare()
  }

  private awaitHalfOpen(key: Key): void {
    const state = this.model.state(key)
    if (state._tag === "Open") this.advance(state.retryAfter)
  }

  /** Those that were started are in flight, and the answer. */
  private startMore(key: Key, how: CallForm, calls: number): ReadonlyArray<InFlight> {
    const before = this.inFlight.length
    for (let i = 0; i < calls; i++) this.start(key, how)
    this.compare()
    return this.inFlight.slice(before)
  }

  private end(call: ModelCall, token: Token, classifier: Classifier, key: Key): void {
    const verdict = verdictOf(token, classifier, key)
    touchedBy(token.ending, verdict, classifier, call.circuit.held).forEach(this.note)
    this.model.settle(call, verdict)
  }

  private settleable(calls: ReadonlyArray<InFlight>): ReadonlyArray<InFlight> {
    return calls.filter((call) => !this.model.lostItsCircuit(call.model))
  }

  /** The calls end in this order, and no fiber runs before all of them have been told. */
  protected settle(calls: ReadonlyArray<InFlight>, endings: ReadonlyArray<Ending>): void {
    const expected = calls.map((call, index) => {
      this.serial += 1
      const rejection = this.rejections.of(call.key, call.model.circuit, call.place)
      const ending = withRejection(endings[index % endings.length] ?? { _tag: "Success" }, rejection)
      const token = new Token(ending, this.serial)
      this.step(`${call.name} of ${call.key} ends: ${json(token.ending)}`)
      this.end(call.model, token, call.classifier, call.key)
      if (token.ending._tag === "Interrupted") {
        call.real.interrupt(token.ending.dies ? token : undefined)
        return token.ending.dies ? `dies with ${describeCause(Cause.die(token))}, interrupted` : "interrupted"
      }
      const exit = exitOf(token, breakerName, call.key)
      call.real.settle(exit)
      return describeExit(exit)
    })
    this.real.settleDown()
    calls.forEach((call, index) =>
      this.expect(`${call.name}'s caller gets`, expected[index], describeExit(call.real.exit()))
    )
    this.inFlight = this.inFlight.filter((call) => !calls.includes(call))
  }

  private reset(key: Key): void {
    this.step(`Reset ${key}`)
    this.model.reset(key)
    this.real.reset(key)
    this.compare()
  }

  private isolate(key: Key): void {
    this.step(`Isolate ${key}`)
    const isolation = { key, model: this.model.isolate(key), real: this.real.isolate(key) }
    this.isolations = [...this.isolations, isolation]
    this.compare()
  }

  private release(isolation: Hold): void {
    this.step(`Release an isolation of ${isolation.key}`)
    this.isolations = this.isolations.filter((other) => other !== isolation)
    this.model.release(isolation.model)
    this.real.release(isolation.real)
    this.compare()
  }

  private disable(key: Key): void {
    this.step(`Disable ${key}`)
    const disabling = { key, model: this.model.disable(key), real: this.real.disable(key) }
    this.disablings = [...this.disablings, disabling]
    this.compare()
  }

  protected advance(millis: number): void {
    if (millis <= 0) return
    this.real.advance(millis)
    this.tellTime()
    this.step(`${millis} ms pass`)
    this.compare()
  }

  private tellTime(): void {
    this.model.now = this.real.clock.monotonicMillis - startsAt.monotonic
    this.model.wall = this.real.clock.wallMillis
  }

  private classifierOf(how: CallForm): Classifier {
    if (how.api === "admit") return "its owner"
    return how.classifies ? "call" : this.setup.classifies ? "breaker" : "default"
  }

  // Comparing

  private expectRejection(
    key: Key,
    { circuit, error }: Decision & { readonly _tag: "Rejected" },
    real: RealCall
  ): void {
    this.expect("the effect was started", false, real.started)
    const exit = real.exit()
    const failure =
      exit !== null && Exit.isFailure(exit) ? Chunk.toReadonlyArray(Cause.failures(exit.cause))[0] : undefined
    if (!(failure instanceof CircuitOpenError)) {
      return this.expect("the call", `rejected: ${json(error)}`, whatBecameOf(real))
    }
    this.rejections.keep(key, failure, circuit, this.real.place)
    const { _tag, breaker, state, retryAfter, message } = failure
    this.expect("the rejection", error, plain({ _tag, breaker, key: failure.key, state, retryAfter }))
    const saysWhat = message.includes(breaker) && message.includes(key) && !message.includes("\n")
    this.expect(`the message "${message}" is one line that names breaker and key`, true, saysWhat)
  }

  protected expect(what: string, model: unknown, real: unknown): void {
    this.differences.push(...differencesOf(what, model, real))
  }

  protected step(description: string): void {
    this.steps.push(`t=${this.model.now}  ${description}`)
  }

  private report(): string {
    const steps = this.steps.map((step, index) => `  ${String(index + 1).padStart(2)}. ${step}`)
    return [
      `breaker ${json(this.setup)}`,
      ...steps,
      "and then:",
      ...this.differences.map((difference) => `  ${difference}`)
    ].join("\n")
  }
}
