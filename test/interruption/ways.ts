/** The ways in which a program is called through a breaker. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { CircuitBreaker } from "effect-circuit-breaker"
import { Outcome } from "effect-circuit-breaker"
import type { Program } from "./programs.ts"

export type Breaker = CircuitBreaker.CircuitBreaker

export interface Way {
  readonly protect: (breaker: Breaker, key: string, program: Program) => Program
  /** The same without a breaker. */
  readonly bare: (program: Program) => Program
  /** The most outcomes of one call: a stream may fail after its first chunk has settled it. */
  readonly outcomes: number
  /** Whether what is nested in a probe is part of it. */
  readonly nests: boolean
  /** Whether it has too many points to try all of them everywhere. */
  readonly isLong: boolean
}

export const classify = Outcome.ignoreWhen((error) => error === "not found")

/** Its owner settles it with its exit, unless it was interrupted. */
const admitted = (breaker: Breaker, key: string, program: Program): Program =>
  Effect.scoped(
    Effect.flatMap(breaker.admit(key), ({ settle }) =>
      Effect.matchCauseEffect(program, {
        onFailure: (cause) => {
          const told = Cause.isInterruptedOnly(cause)
            ? Effect.void
            : settle(classify(Effect.runSync(Effect.exit(Effect.failCause(cause)))))
          return Effect.zipRight(told, Effect.failCause(cause))
        },
        onSuccess: (value) => Effect.as(settle(Outcome.success), value)
      })
    )
  )

const firstOf = (stream: Stream.Stream<unknown, unknown>): Program =>
  Effect.map(Stream.runHead(stream), Option.getOrNull)

const lastOf = (stream: Stream.Stream<unknown, unknown>): Program =>
  Effect.map(Stream.runLast(stream), Option.getOrNull)

const chunkAnd = (program: Program): Stream.Stream<unknown, unknown> =>
  Stream.concat(Stream.make<[unknown]>("first"), Stream.fromEffect(program))

export const ways = {
  protect: {
    protect: (breaker, key, program) => breaker.protectWith(program, { key }),
    bare: (program) => program,
    outcomes: 1,
    nests: true,
    isLong: false
  },
  admit: { protect: admitted, bare: (program) => program, outcomes: 1, nests: false, isLong: false },
  "protectStream, for its first element": {
    protect: (breaker, key, program) => firstOf(breaker.protectStream(Stream.fromEffect(program), { key })),
    bare: (program) => firstOf(Stream.fromEffect(program)),
    outcomes: 1,
    nests: true,
    isLong: true
  },
  "protectStream, after a first chunk": {
    protect: (breaker, key, program) => lastOf(breaker.protectStream(chunkAnd(program), { key })),
    bare: (program) => lastOf(chunkAnd(program)),
    outcomes: 2,
    // Its first chunk has settled the probe by then.
    nests: false,
    isLong: true
  }
} satisfies Record<string, Way>
