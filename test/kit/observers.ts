/** Records of a breaker's transitions, log lines and span events. Processes without a test runner use them, too. */
import * as assert from "node:assert"
import * as Arr from "effect/Array"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as HashMap from "effect/HashMap"
import * as HashSet from "effect/HashSet"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import type { Transition } from "effect-circuit-breaker"
import type { Breaker } from "./breakers.ts"
import { settled } from "./calls.ts"

/** The transitions from now on. */
export const watch = <R>(
  transitions: Stream.Stream<Transition.Transition, never, R>
): Effect.Effect<ReadonlyArray<Transition.Transition>, never, R | Scope.Scope> =>
  Effect.gen(function* () {
    const seen: Array<Transition.Transition> = []
    yield* transitions.pipe(
      Stream.runForEach((transition) => Effect.sync(() => seen.push(transition))),
      Effect.forkScoped
    )
    yield* settled
    return seen
  })

/** A transition as `"Closed > Open"`. */
export const pathOf = ({ from, to }: Pick<Transition.Transition, "from" | "to">): string => `${from} > ${to}`

/** The transitions that `action` leads to, as `"Closed > Open"`. */
export const transitionsOf = <A, E, R>(breaker: Breaker, action: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const seen = yield* watch(breaker.transitions)
    yield* action
    yield* settled
    return seen.map(pathOf)
  }).pipe(Effect.scoped)

/** Checks that `action` changes nothing observable in a breaker, and publishes nothing. */
export const leavesAsItWas = <A, E, R>(breaker: Breaker, action: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const before = yield* breaker.circuits
    const transitions = yield* transitionsOf(breaker, action)
    assert.deepStrictEqual(transitions, [])
    assert.deepStrictEqual(yield* breaker.circuits, before)
  })

export interface LogLine {
  readonly level: string
  readonly message: string
  readonly annotations: Record<string, unknown>
  readonly cause: Cause.Cause<unknown>
}

/** The log lines from now on, at every level, until the scope closes. */
export const recordLogs: Effect.Effect<ReadonlyArray<LogLine>, never, Scope.Scope> = Effect.gen(function* () {
  const lines: Array<LogLine> = []
  const logger = Logger.make<unknown, void>(({ annotations, cause, logLevel, message }) => {
    lines.push({
      level: logLevel._tag,
      message: Arr.ensure(message).join(" "),
      annotations: Object.fromEntries(HashMap.toEntries(annotations)),
      cause
    })
  })
  yield* Effect.locallyScoped(FiberRef.currentLoggers, HashSet.make(logger))
  yield* Effect.locallyScoped(FiberRef.currentMinimumLogLevel, LogLevel.All)
  return lines
})

export interface RecordedSpan {
  readonly name: string
  readonly events: Array<{ readonly name: string; readonly attributes: Record<string, unknown> | undefined }>
}

/** The spans that are started from now on, until the scope closes. */
export const recordSpans: Effect.Effect<ReadonlyArray<RecordedSpan>, never, Scope.Scope> = Effect.gen(
  function* () {
    const spans: Array<RecordedSpan> = []
    const native = yield* Effect.tracer
    const recording = Tracer.make({
      context: native.context,
      span: (name, ...rest) => {
        const recorded: RecordedSpan = { name, events: [] }
        spans.push(recorded)
        return Object.assign(native.span(name, ...rest), {
          event: (event: string, _: bigint, attributes?: Record<string, unknown>) => {
            recorded.events.push({ name: event, attributes })
          }
        })
      }
    })
    yield* Effect.withTracerScoped(recording)
    return spans
  }
)
