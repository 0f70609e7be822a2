import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import type { Registry } from "../../CircuitBreakerRegistry.ts"
import type { Circuit } from "../core/circuit.ts"
import { disablersOf } from "../core/manualControl.ts"
import { logChange } from "./audit.ts"
import { TooMany } from "./errors.ts"
import type { Live } from "./live.ts"
import type { Override } from "./schemas.ts"
import { labelOf } from "./text.ts"

type Override = typeof Override.Type

/**
 * An isolation or a disabling that an operator made, and its circuit.
 *
 * @internal
 */
export interface Held {
  readonly override: Override
  readonly live: Live
  readonly key: string
}

interface Holding extends Held {
  readonly scope: Scope.CloseableScope
}

interface Request {
  readonly kind: Override["kind"]
  readonly owner: string
  readonly reason: string
  readonly millis: number
}

interface Options {
  readonly registry: Registry
  /** The scope of the administration. All overrides end when it closes. */
  readonly scope: Scope.Scope
  readonly most: number
  /** Runs after an override has begun or ended. */
  readonly onChange: Effect.Effect<void>
}

/**
 * The overrides of an administration. Each outlives its request, and ends at its expiry, when it is released, or when
 * it is no longer in force, such as after a reset.
 *
 * @internal
 */
export class Overrides {
  private readonly options: Options
  private readonly holdings = new Map<string, Holding>()
  /** The number of overrides that are about to begin. */
  private beginning = 0

  constructor(options: Options) {
    this.options = options
  }

  get size(): number {
    return this.holdings.size
  }

  get all(): ReadonlyArray<Held> {
    return Array.from(this.holdings.values())
  }

  of(live: Live, key: string): ReadonlyArray<Held> {
    return this.all.filter((held) => held.live.service === live.service && held.key === key)
  }

  /** Begins an override. Interrupting the request does not end it. */
  hold(live: Live, key: string, request: Request): Effect.Effect<Held, TooMany> {
    const { most } = this.options
    return Effect.suspend(() => {
      if (this.holdings.size + this.beginning >= most)
        return Effect.fail(
          new TooMany({ message: `There are already ${most} overrides, which is the limit` })
        )
      this.beginning++
      return Effect.ensuring(
        this.begin(live, key, request),
        Effect.sync(() => this.beginning--)
      )
    }).pipe(Effect.uninterruptible)
  }

  /** Ends an override, if it has not ended. */
  release(id: string): Effect.Effect<Held | undefined> {
    return Effect.suspend(() => {
      const holding = this.holdings.get(id)
      if (holding === undefined) return Effect.succeed(undefined)
      // It is removed first, so that nothing ends it a second time.
      this.holdings.delete(id)
      return Scope.close(holding.scope, Exit.void).pipe(
        Effect.zipRight(this.options.onChange),
        Effect.as(holding)
      )
    }).pipe(Effect.uninterruptible)
  }

  /** Ends the overrides that are no longer in force, such as after a reset, or whose breaker is no longer live. */
  readonly prune: Effect.Effect<void> = Effect.suspend(() =>
    this.holdings.size === 0
      ? Effect.void
      : Effect.flatMap(this.options.registry.breakers, (services) => {
          const live = new Set<unknown>(services)
          const ended = this.all.filter((held) => !live.has(held.live.service) || !isInForce(held))
          return Effect.forEach(ended, ({ override }) => this.release(override.id), { discard: true })
        })
  )

  private expire(id: string): Effect.Effect<void> {
    return Effect.flatMap(this.release(id), (held) => {
      if (held === undefined) return Effect.void
      const { key, live, override } = held
      const { owner, reason } = override
      return logChange({ action: "expire", breaker: live.service.name, key, owner, reason, override: id })
    })
  }

  private begin(live: Live, key: string, request: Request): Effect.Effect<Held> {
    const { kind, millis, owner, reason } = request
    return Effect.gen(this, function* () {
      const scope = yield* Scope.fork(this.options.scope, ExecutionStrategy.sequential)
      yield* Scope.extend(kind === "Isolate" ? live.service.isolate(key) : live.service.disable(key), scope)
      const since = yield* Clock.currentTimeMillis
      const override: Override = {
        id: yield* newId,
        kind,
        breaker: labelOf(live.service.name),
        key: labelOf(key),
        owner,
        reason,
        since,
        expiresAt: since + millis
      }
      this.holdings.set(override.id, { override, live, key, scope })
      const expiry = Effect.zipRight(Effect.sleep(millis), this.expire(override.id))
      // The scope interrupts this wait if the override is released earlier.
      yield* Effect.forkIn(Effect.interruptible(expiry), scope)
      yield* this.options.onChange
      return { override, live, key }
    })
  }
}

const isInForce = ({ key, live: { inside }, override }: Held): boolean => {
  // The time 0 turns off the check for idle circuits, because a circuit with an override is never dropped as idle.
  const circuit: Circuit<unknown> | undefined = inside.circuits.find(key, 0)?.current
  if (circuit === undefined) return false
  return override.kind === "Isolate" ? circuit._tag === "Isolated" : disablersOf(circuit) > 0
}

/** The id is random and not a sequence, because an operator's page may show overrides of an earlier process. */
const newId = Effect.map(Effect.replicateEffect(Random.nextIntBetween(0, 0x1_0000_0000), 3), (words) =>
  words.map((word) => word.toString(16).padStart(8, "0")).join("")
)
