import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Change, Store } from "../../CircuitStore.ts"
import { faultOfEntry } from "../core/wire/entry.ts"
import { decodeNotification } from "../core/wire/notification.ts"
import { isRecord, messageOf, shown } from "../core/wire/values.ts"
import { CircuitStoreError } from "../stores/error.ts"
import type { Answer } from "./answer.ts"

/**
 * The store of a breaker, whose answers and notifications can be relied on. A program may have written the store
 * itself, and another program may have written its content. A store that throws, that interrupts itself or that answers
 * something else than the operation promises has failed with a {@link CircuitStoreError}, and an operation that cannot
 * be interrupted is left behind at the deadline like any other.
 *
 * @internal
 */
export const checked = (store: Store): Store => ({
  coordination: store.coordination,
  exchange: (requests) =>
    Effect.flatMap(
      attempt(() => store.exchange(requests)),
      (answers) =>
        Array.isArray(answers) ? Effect.succeed(checkedAnswers(answers)) : Effect.fail(noList(answers))
    ),
  compareAndSet: (request) =>
    Effect.map(
      attempt(() => store.compareAndSet(request)),
      checkedAnswer
    ),
  changes: (breaker) =>
    Stream.suspend(() => store.changes(breaker)).pipe(
      Stream.filterMap(checkedChange),
      Stream.concat(Stream.fail(hasEnded)),
      Stream.catchAllCause((cause) => Stream.fail(errorOf(cause)))
    )
})

/** The operation is a fiber of its own, which the caller does not wait for when it is interrupted. */
const attempt = <A>(
  operation: () => Effect.Effect<A, CircuitStoreError>
): Effect.Effect<A, CircuitStoreError> =>
  Effect.flatMap(
    Effect.disconnect(Effect.exit(Effect.suspend(operation))),
    Exit.mapErrorCause((cause) => Cause.fail(errorOf(cause)))
  )

/** The same list if all answers are valid, as they are from a store of this package. */
const checkedAnswers = (answers: ReadonlyArray<Answer>): ReadonlyArray<Answer> =>
  answers.every((answer) => checkedAnswer(answer) === answer) ? answers : answers.map(checkedAnswer)

const checkedAnswer = (answer: Answer): Answer => {
  if (isError(answer)) return answer
  const fault = faultOfEntry(answer)
  return fault === undefined
    ? answer
    : new CircuitStoreError({ message: `the answer is no entry of a circuit: ${fault}` })
}

const checkedChange = (change: Change): Option.Option<Change> =>
  isRecord(change) && change["_tag"] === "Listening"
    ? Option.some({ _tag: "Listening" })
    : Option.fromNullable(decodeNotification(change))

/** Recognizes the error of another copy of this package, too. */
const isError = (value: unknown): value is CircuitStoreError =>
  isRecord(value) && value["_tag"] === "CircuitStoreError" && typeof value["message"] === "string"

const errorOf = (cause: Cause.Cause<unknown>): CircuitStoreError => {
  if (Cause.isInterruptedOnly(cause)) return new CircuitStoreError({ message: "the store was interrupted" })
  const error = Cause.squash(cause)
  if (isError(error)) return error
  return new CircuitStoreError({ message: `the store threw: ${messageOf(error)}`, cause: error })
}

const noList = (answer: unknown): CircuitStoreError =>
  new CircuitStoreError({ message: `the answer is no list of entries: it is ${shown(answer)}` })

const hasEnded = new CircuitStoreError({ message: "the notifications have ended" })
