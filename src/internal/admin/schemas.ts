// The public types are made of these, so they are not stripped from the declarations.
import * as Schema from "effect/Schema"

/**
 * The names of the states, in the order of how much they hurt.
 */
export const StateTag = Schema.Literal("Isolated", "Open", "HalfOpen", "Recovering", "Disabled", "Closed")

/** Times are in epoch milliseconds; `null` where this process does not know. */
const Time = Schema.Number
const KnownTime = Schema.NullOr(Time)

export const State = Schema.Union(
  Schema.TaggedStruct("Closed", { since: KnownTime }),
  Schema.TaggedStruct("Open", {
    since: KnownTime,
    openings: Schema.Number,
    retryAfterMillis: Schema.Number,
    nextProbeAt: Time
  }),
  Schema.TaggedStruct("HalfOpen", {
    since: KnownTime,
    openings: Schema.Number,
    probing: Schema.Number,
    succeeded: Schema.Number,
    failed: Schema.Number,
    // Zero while a slot is free.
    retryAfterMillis: Schema.Number,
    nextProbeAt: Time
  }),
  Schema.TaggedStruct("Recovering", {
    since: KnownTime,
    openings: Schema.Number,
    // The share of calls that is admitted, from 0 to 1.
    admitting: Schema.Number,
    closesAt: Time
  }),
  Schema.TaggedStruct("Isolated", { since: KnownTime, holders: Schema.Number }),
  Schema.TaggedStruct("Disabled", { since: KnownTime, holders: Schema.Number })
).annotations({ identifier: "CircuitAdminState" })

export const Sharing = Schema.Struct({
  shared: Schema.Boolean,
  // `null` where there is no store.
  storeAnswers: Schema.NullOr(Schema.Boolean)
})

const Counts = Schema.Struct({ calls: Schema.Number, failures: Schema.Number, slow: Schema.Number })

const Totals = Schema.Struct({
  succeeded: Schema.Number,
  failed: Schema.Number,
  ignored: Schema.Number,
  rejected: Schema.Number
})

export const Rates = Schema.Struct({
  callsPerSecond: Schema.Number,
  failuresPerSecond: Schema.Number,
  rejectedPerSecond: Schema.Number
})

const circuit = {
  breaker: Schema.String,
  key: Schema.String,
  state: State,
  // From 0 to 1, where 1 trips; `null` where the circuit is not Closed or Recovering, and for a policy of the program's own.
  nearness: Schema.NullOr(Schema.Number),
  // Calls that were rejected since the circuit left Closed; `null` while it is Closed and where that was not seen.
  spared: Schema.NullOr(Schema.Number)
}

const summary = {
  ...circuit,
  window: Counts,
  // Whose calls the window, the nearness and the figures count: this process's own, or those of all that share the circuit;
  // `null` in states that count nothing.
  windowOf: Schema.NullOr(Schema.Literal("Process", "Fleet")),
  totals: Totals,
  lastFailureAt: KnownTime,
  // Of the latest second; `null` while nobody listens to the events.
  rates: Schema.NullOr(Rates),
  sharing: Sharing
}

export const CircuitSummary = Schema.Struct(summary).annotations({ identifier: "CircuitAdminSummary" })

export const CircuitPage = Schema.Struct({
  at: Time,
  total: Schema.Number,
  offset: Schema.Number,
  limit: Schema.Number,
  circuits: Schema.Array(CircuitSummary)
})

export const Figure = Schema.Struct({
  policy: Schema.String,
  what: Schema.String,
  value: Schema.Number,
  threshold: Schema.Number,
  unit: Schema.Literal("Count", "Share")
})

export const Settings = Schema.Struct({
  tripPolicy: Schema.Struct({ text: Schema.String, data: Schema.Unknown }),
  // `null` where a schedule decides.
  openMillis: Schema.NullOr(Schema.Number),
  openText: Schema.String,
  // `null` is infinite.
  maxOpenMillis: Schema.NullOr(Schema.Number),
  probes: Schema.Number,
  failuresToReopen: Schema.Number,
  probeTimeoutMillis: Schema.Number,
  recovery: Schema.NullOr(Schema.Struct({ durationMillis: Schema.Number, from: Schema.Number })),
  mode: Schema.Literal("enforce", "observe"),
  capacity: Schema.Number,
  idleMillis: Schema.NullOr(Schema.Number)
})

export const Transition = Schema.Struct({
  breaker: Schema.String,
  key: Schema.String,
  from: StateTag,
  to: StateTag,
  at: Time,
  generation: Schema.Number,
  origin: Schema.Literal("Local", "Fleet"),
  // The rest is of transitions to Open, and `null` of others.
  retryAfterMillis: Schema.NullOr(Schema.Number),
  openings: Schema.NullOr(Schema.Number),
  reason: Schema.NullOr(Schema.Literal("Tripped", "ProbeFailed", "Manual"))
}).annotations({ identifier: "CircuitAdminTransition" })

export const Override = Schema.Struct({
  id: Schema.String,
  kind: Schema.Literal("Isolate", "Disable"),
  breaker: Schema.String,
  key: Schema.String,
  owner: Schema.String,
  reason: Schema.String,
  since: Time,
  expiresAt: Time
}).annotations({ identifier: "CircuitAdminOverride" })

export const CircuitDetails = Schema.Struct({
  ...summary,
  at: Time,
  generation: Schema.Number,
  settings: Settings,
  figures: Schema.Array(Figure),
  lastFailure: Schema.NullOr(
    Schema.Struct({
      at: Time,
      description: Schema.String,
      // `null` unless the layer exposes causes.
      cause: Schema.NullOr(Schema.String)
    })
  ),
  // Newest first.
  transitions: Schema.Array(Transition),
  overrides: Schema.Array(Override)
}).annotations({ identifier: "CircuitAdminDetails" })

const States = Schema.Struct({
  Isolated: Schema.Number,
  Open: Schema.Number,
  HalfOpen: Schema.Number,
  Recovering: Schema.Number,
  Disabled: Schema.Number,
  Closed: Schema.Number
})

export const BreakerSummary = Schema.Struct({
  name: Schema.String,
  circuits: Schema.Number,
  states: States,
  tripPolicy: Schema.String,
  mode: Schema.Literal("enforce", "observe"),
  sharing: Sharing
}).annotations({ identifier: "CircuitAdminBreaker" })

export const Access = Schema.Struct({
  // The way in which changes are authorized: not at all, by a bearer token, or by the program.
  changes: Schema.Literal("Forbidden", "Token", "Program"),
  reads: Schema.Literal("Public", "Authorized"),
  longestOverrideSeconds: Schema.Number,
  exposesCauses: Schema.Boolean
})

export const Breakers = Schema.Struct({
  at: Time,
  access: Access,
  total: Schema.Number,
  breakers: Schema.Array(BreakerSummary)
})

export const Overrides = Schema.Struct({ at: Time, overrides: Schema.Array(Override) })

export const Changed = Schema.Struct({
  // False where the circuit was in a state in which the action changes nothing.
  changed: Schema.Boolean,
  override: Schema.NullOr(Override),
  // `null` where the circuit is no longer held.
  circuit: Schema.NullOr(CircuitDetails)
})

export const SummaryEvent = Schema.Struct({
  at: Time,
  breakers: Schema.Array(
    Schema.Struct({ name: Schema.String, circuits: Schema.Number, states: States, rates: Rates })
  ),
  // Those that are not Closed, and then the busiest.
  circuits: Schema.Array(Schema.Struct({ ...circuit, rates: Rates })),
  // The number of such circuits that were left out.
  omitted: Schema.Number,
  overrides: Schema.Number
})
