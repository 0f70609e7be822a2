import { globalValue } from "effect/GlobalValue"
import type * as Tracer from "effect/Tracer"
import type { StateTag } from "../../Transition.ts"
import type { Caller } from "../fiber/caller.ts"
import { clockOf } from "../fiber/caller.ts"

/**
 * Adds an event to the caller's span, if one is open. A tracer that throws does not affect the call.
 *
 * @internal
 */
export const addSpanEvent = (caller: Caller, name: string, attributes: Record<string, unknown>): void => {
  const span = openSpan(caller)
  if (span === undefined) return
  try {
    span.event(name, clockOf(caller).unsafeCurrentTimeNanos(), attributes)
  } catch {
    // A defect of the tracer must not fail the call.
  }
}

/**
 * The attributes of the event of a rejection.
 *
 * @internal
 */
export interface RejectedCall {
  readonly breaker: string
  readonly key: string
  readonly state: StateTag
}

/**
 * Adds one event to the caller's span for all rejections by a circuit. Later rejections increase its `count`, which a
 * tracer shows if it keeps the attributes object. An attribute of the span counts the rejections of all circuits.
 *
 * @internal
 */
export const addRejection = (caller: Caller, circuit: object, rejected: RejectedCall): void => {
  const span = openSpan(caller)
  if (span === undefined) return
  let rejections = rejectionsBySpan.get(span)
  if (rejections === undefined) {
    rejections = { count: 0, events: new Map() }
    rejectionsBySpan.set(span, rejections)
  }
  rejections.count++
  const event = rejections.events.get(circuit)
  if (event === undefined) {
    const first = { ...rejected, count: 1 }
    rejections.events.set(circuit, first)
    addSpanEvent(caller, "circuit_breaker.rejected", first)
  } else {
    event.count++
  }
  setSpanAttribute(span, "circuit_breaker.rejections", rejections.count)
}

interface Rejections {
  count: number
  readonly events: Map<object, { count: number }>
}

// All copies of this package share it, because a span may have rejections by the breakers of several.
const rejectionsBySpan = globalValue(
  "effect-circuit-breaker/span/rejections/1",
  () => new WeakMap<Tracer.Span, Rejections>()
)

/** @internal */
export const hasOpenSpan = (caller: Caller): boolean => openSpan(caller) !== undefined

const openSpan = (caller: Caller): Tracer.Span | undefined => {
  const span = caller.currentSpan
  return span?._tag === "Span" ? span : undefined
}

const setSpanAttribute = (span: Tracer.Span, name: string, value: unknown): void => {
  try {
    span.attribute(name, value)
  } catch {
    // A defect of the tracer must not fail the call.
  }
}
