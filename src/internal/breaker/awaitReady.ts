import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Admission from "../core/admission.ts"
import { dayMillis } from "../core/millis.ts"
import type { Caller, Restore } from "../fiber/caller.ts"
import type { Breaker } from "./breaker.ts"
import { defaultKey } from "./circuits.ts"

/**
 * Waits until a circuit would admit a call, without taking a slot. The calling fiber sleeps until the time at which the
 * circuit is expected to be ready, or until the circuit changes, and then checks it again.
 *
 * @internal
 */
export const awaitReady = (breaker: Breaker, key: string = defaultKey): Effect.Effect<void> =>
  Effect.flatMap(waitOnce(breaker, key), (isReady) => (isReady ? Effect.void : awaitReady(breaker, key)))

// A waiter is added and removed within one uninterruptible region, so that an interruption cannot leave it behind.
const waitOnce = (breaker: Breaker, key: string): Effect.Effect<boolean> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.withFiberRuntime<boolean>((caller) => {
      if (breaker.settings.isDryRun) return Effect.succeed(true)
      const ready = breaker.coordinator?.ready(breaker.use(key, caller), caller) ?? Effect.void
      return Effect.zipRight(
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
    // A JavaScript timer cannot exceed about 24 days, so a longer wait is divided into days.
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
      : Admission.readyInMillis(breaker.seen(entry, now).circuit, breaker.settings.rules, now)
  // With `onStoreError: "reject"`, calls are rejected while the store fails, whatever the state of the circuit.
  return Math.max(circuitMillis, breaker.coordinator?.outageMillis ?? 0)
}
