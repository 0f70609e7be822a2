import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Machine from "../core/circuit.ts"
import { dayMillis } from "../core/millis.ts"
import type { Caller } from "../fiber/caller.ts"
import type { Restore } from "./begin.ts"
import type { Breaker } from "./breaker.ts"
import { defaultKey } from "./circuits.ts"

/**
 * Waits in the fiber that asks, for the time that the circuit itself names or for its next change. It takes no slot.
 *
 * @internal
 */
export const awaitReady = (breaker: Breaker, key: string = defaultKey): Effect.Effect<void> =>
  Effect.flatMap(waitOnce(breaker, key), (isReady) => (isReady ? Effect.void : awaitReady(breaker, key)))

// Asking for the signal and forgetting it are one region: an interruption between them would leave it behind.
const waitOnce = (breaker: Breaker, key: string): Effect.Effect<boolean> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.withFiberRuntime<boolean>((caller) => {
      if (breaker.settings.observe) return Effect.succeed(true)
      const ready = breaker.coordinator?.ready(breaker.use(key, caller), caller)
      return ready === undefined
        ? waitForChange(breaker, key, caller, restore)
        : Effect.zipRight(
            restore(ready),
            Effect.suspend(() => waitForChange(breaker, key, caller, restore))
          )
    })
  )

const waitForChange = (
  breaker: Breaker,
  key: string,
  caller: Caller,
  restore: Restore
): Effect.Effect<boolean> => {
  const millis = readyInMillis(breaker, key, caller)
  if (millis <= 0) return Effect.succeed(true)
  const changed = breaker.waiters.add(key, caller.id())
  return Deferred.await(changed).pipe(
    // A timer holds no longer than some 24 days, so a longer wait is taken a day at a time.
    Effect.timeoutOption(Math.min(Math.ceil(millis), dayMillis)),
    restore,
    Effect.ensuring(Effect.sync(() => breaker.waiters.forget(key, changed))),
    Effect.as(false)
  )
}

const readyInMillis = (breaker: Breaker, key: string, caller: Caller): number => {
  const now = breaker.now(caller)
  const entry = breaker.circuits.find(key, now)
  const circuitMillis =
    entry === undefined
      ? 0
      : Machine.readyInMillis(breaker.seen(entry, now).circuit, breaker.settings.rules, now)
  // While the store cannot be asked, calls may be rejected whatever the circuit.
  return Math.max(circuitMillis, breaker.coordinator?.outageMillis ?? 0)
}
