import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { defaultKey } from "../breaker/circuits.ts"
import type { Administration } from "./administration.ts"
import { logChange } from "./audit.ts"
import { detailsOf } from "./details.ts"
import type { NotFound, TooMany } from "./errors.ts"
import { InvalidRequest, NotFound as Unknown } from "./errors.ts"
import type { Found } from "./live.ts"
import { findBreaker, findByKey, findCircuit, findForChange } from "./live.ts"
import type { Held } from "./overrides.ts"
import type { ChangeRequest, CircuitQuery, OverrideRequest, ReleaseRequest } from "./requests.ts"
import { limits } from "./requests.ts"
import type { Changed, CircuitDetails, Override } from "./schemas.ts"
import { bounded } from "./text.ts"

type Changed = typeof Changed.Type
type Details = typeof CircuitDetails.Type

/** The administration, and the settings that its answers depend on. */
interface Admin extends Administration {
  readonly exposeCauses: boolean
  readonly longestOverrideMillis: number
}

/** The operator who makes the request. The program may not know the name. */
type Operator = { readonly name: Option.Option<string> }

/**
 * Reads all details of a circuit. Reading never creates a circuit or changes its state.
 *
 * @internal
 */
export const read = (
  admin: Admin,
  { breaker, key }: typeof CircuitQuery.Type
): Effect.Effect<Details, NotFound> =>
  Effect.map(find(admin, { breaker, key }, findCircuit), (found) => fullyRead(admin, found))

const find = (
  admin: Admin,
  { breaker, key = defaultKey }: typeof CircuitQuery.Type,
  findIn: typeof findCircuit
): Effect.Effect<Found, NotFound> =>
  Effect.flatMap(findBreaker(admin.registry, breaker), (live) => findIn(live, key))

const fullyRead = (admin: Admin, found: Found): Details =>
  detailsOf(found, admin.observed, {
    exposeCauses: admin.exposeCauses,
    overrides: admin.overrides.of(found.live, found.key).map(({ override }) => override)
  })

/** @internal */
export const trip = (admin: Admin, request: typeof ChangeRequest.Type, operator: Operator) =>
  changeOnce(admin, "trip", request, operator)

/** @internal */
export const reset = (admin: Admin, request: typeof ChangeRequest.Type, operator: Operator) =>
  changeOnce(admin, "reset", request, operator)

const changeOnce = (
  admin: Admin,
  action: "trip" | "reset",
  request: typeof ChangeRequest.Type,
  operator: Operator
): Effect.Effect<Changed, NotFound | InvalidRequest> =>
  Effect.gen(function* () {
    const owner = yield* ownerOf(request, operator)
    const { circuit, key, live } = yield* find(admin, request, findForChange)
    yield* live.service[action](key)
    yield* logChange({ action, breaker: live.service.name, key, owner, reason: request.reason })
    // A reset has ended the isolations, so their overrides have to end too.
    yield* admin.overrides.prune
    const after = yield* findAfterwards(admin, { key, live })
    return {
      changed: Option.exists(after, (it) => it.circuit.generation !== circuit.generation),
      override: null,
      circuit: readAgain(admin, after)
    }
  }).pipe(Effect.uninterruptible)

/** @internal */
export const hold = (
  admin: Admin,
  kind: typeof Override.Type.kind,
  request: typeof OverrideRequest.Type,
  operator: Operator
): Effect.Effect<Changed, NotFound | InvalidRequest | TooMany> =>
  Effect.gen(function* () {
    const owner = yield* ownerOf(request, operator)
    const reason = bounded(request.reason, limits.reason)
    const millis = yield* expiryOf(admin, request.expiresInSeconds)
    const { key, live } = yield* find(admin, request, findForChange)
    yield* admin.overrides.prune
    const { override } = yield* admin.overrides.hold(live, key, { kind, owner, reason, millis })
    const { expiresAt, id } = override
    const action = kind === "Isolate" ? "isolate" : "disable"
    yield* logChange({ action, breaker: live.service.name, key, owner, reason, override: id, expiresAt })
    const after = yield* findAfterwards(admin, { key, live })
    return { changed: true, override, circuit: readAgain(admin, after) }
  }).pipe(Effect.uninterruptible)

/** @internal */
export const release = (
  admin: Admin,
  request: typeof ReleaseRequest.Type,
  operator: Operator
): Effect.Effect<Changed, NotFound | InvalidRequest> =>
  Effect.gen(function* () {
    const owner = yield* ownerOf(request, operator)
    const held: Held | undefined = yield* admin.overrides.release(request.id)
    if (held === undefined)
      return yield* new Unknown({ message: "There is no override with this id. It may have ended already" })
    const { key, live, override } = held
    yield* logChange({
      action: "release",
      breaker: live.service.name,
      key,
      owner,
      reason: request.reason,
      override: override.id
    })
    const after = yield* findAfterwards(admin, { key, live })
    return { changed: true, override, circuit: readAgain(admin, after) }
  }).pipe(Effect.uninterruptible)

/** Finds a circuit after a change, once the history contains the change. */
const findAfterwards = (admin: Admin, { key, live }: Pick<Found, "key" | "live">) => {
  const { history } = admin.observed
  const isRecorded = ({ circuit }: Found) =>
    circuit.generation === 0 || history.latestOf(live.service.name, key)?.generation === circuit.generation
  const find = Effect.zipRight(Effect.yieldNow(), Effect.option(findByKey(live, key)))
  // The attempts are limited, because another change may come in between, and a circuit that only the store knows has
  // no transitions here.
  return Effect.repeat(find, {
    until: Option.match({ onNone: () => true, onSome: isRecorded }),
    times: 20
  }).pipe(Effect.zipRight(Effect.option(findByKey(live, key))))
}

const readAgain = (admin: Admin, found: Option.Option<Found>): Details | null =>
  Option.match(found, { onNone: () => null, onSome: (it) => fullyRead(admin, it) })

/** The owner of a change. A name from the program takes precedence over the one in the request. */
const ownerOf = (
  request: { readonly owner?: string | undefined },
  operator: Operator
): Effect.Effect<string, InvalidRequest> =>
  Option.match(
    Option.orElse(operator.name, () => Option.fromNullable(request.owner)),
    {
      onNone: () => Effect.fail(new InvalidRequest({ message: "The owner is missing" })),
      onSome: (owner) => Effect.succeed(bounded(owner, limits.text))
    }
  )

const expiryOf = (
  { longestOverrideMillis }: Admin,
  seconds: number
): Effect.Effect<number, InvalidRequest> => {
  const most = Math.floor(longestOverrideMillis / 1_000)
  return seconds <= most
    ? Effect.succeed(seconds * 1_000)
    : Effect.fail(
        new InvalidRequest({
          message: `expiresInSeconds must be at most ${most} (longestOverride), received ${seconds}`
        })
      )
}
