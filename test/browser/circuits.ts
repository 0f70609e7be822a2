/** Circuits as the admin API answers with them. */
import type { Details, State } from "./FakeAdmin.ts"

const settings: Details["settings"] = {
  tripPolicy: { text: "failure rate of at least 50 % in 30 s, from 10 calls on", data: null },
  openMillis: 30_000,
  openText: "30 seconds",
  maxOpenMillis: 3_600_000,
  probes: 1,
  failuresToReopen: 1,
  probeTimeoutMillis: 60_000,
  recovery: null,
  mode: "enforce",
  capacity: 10_000,
  idleMillis: 3_600_000
}

export const closed = (breaker: string, key: string): Details => ({
  breaker,
  key,
  state: { _tag: "Closed", since: null },
  nearness: 0,
  spared: null,
  window: { calls: 12, failures: 0, slow: 0 },
  windowOf: "Process",
  totals: { succeeded: 1_204, failed: 3, ignored: 0, rejected: 0 },
  lastFailureAt: null,
  lastFailureText: null,
  rates: null,
  sharing: { shared: false, storeAnswers: null },
  at: Date.now(),
  generation: 1,
  settings,
  figures: [
    { policy: "failureRate", what: "share of failures in 30 s", value: 0, threshold: 0.5, unit: "Share" },
    { policy: "failureRate", what: "calls in 30 s", value: 12, threshold: 10, unit: "Count" }
  ],
  lastFailure: null,
  transitions: [],
  overrides: []
})

export const inState = (state: State, circuit: Details): Details => ({
  ...circuit,
  state,
  windowOf: null,
  nearness: null,
  spared: 0
})

export const open = (circuit: Details, retryAfterMillis = 30_000): Details => {
  const now = Date.now()
  const since = now - 4_000
  return {
    ...inState(
      { _tag: "Open", since, openings: 3, retryAfterMillis, nextProbeAt: now + retryAfterMillis },
      circuit
    ),
    spared: 1_873,
    totals: { ...circuit.totals, failed: 61, rejected: 1_873 },
    lastFailureAt: since,
    lastFailureText: "Error: connect ECONNREFUSED 10.2.0.7:443",
    lastFailure: {
      at: since,
      description: "connect ECONNREFUSED 10.2.0.7:443",
      cause: "Error: connect ECONNREFUSED 10.2.0.7:443\n    at charge (payments.ts:41:11)"
    },
    figures: [],
    transitions: [
      {
        breaker: circuit.breaker,
        key: circuit.key,
        from: "Closed",
        to: "Open",
        at: since,
        generation: 8,
        origin: "Local",
        retryAfterMillis: 34_000,
        openings: 3,
        reason: "Tripped"
      }
    ]
  }
}
