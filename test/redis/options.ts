/** The options of the tests' nodes and processes, unless a test has others. */
import { type CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import type * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import { wireVersion } from "../../src/internal/stores/wireVersion.ts"

export interface Options {
  readonly breaker?: CircuitBreaker.Options | undefined
  readonly store?: RedisCircuitStore.Options | undefined
}

export const syncMillis = 150

// A busy machine may answer or renew late, which must not count as a failure. A test of a deadline or of a lease has its
// own options.
export const deadlineMillis = 10_000
const leaseMillis = 60_000

export const storeOptions = (options: RedisCircuitStore.Options = {}): RedisCircuitStore.Options => ({
  syncInterval: syncMillis,
  deadline: deadlineMillis,
  ...(options.syncInterval === undefined ? { lease: leaseMillis } : {}),
  ...options
})

/** A busy machine may connect late. */
export const patientConnection = { connectTimeout: 30_000, socketTimeout: 30_000 }

export const breakerOptions = (options?: CircuitBreaker.Options): CircuitBreaker.Options => ({
  name: "payments",
  tripPolicy: TripPolicy.consecutive(5),
  openDuration: "10 minutes",
  ...options
})

/** A prefix without keys of another test or of an earlier run. */
export const newPrefix = (): string => `test-${globalThis.crypto.randomUUID()}:`

/** The channel on which processes publish the changes of a breaker's circuits. */
export const channelOf = (prefix: string, breaker = "payments"): string =>
  `${prefix}v${wireVersion}:0:${breaker}`
