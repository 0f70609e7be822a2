// The public types are derived from these schemas, so none is marked as internal, which would strip its declaration.
import * as Schema from "effect/Schema"

/** The names of the states, the most severe first. */
export const StateTag = Schema.Literal("Isolated", "Open", "HalfOpen", "Recovering", "Disabled", "Closed")

/** Times are in epoch milliseconds; `null` if this process does not know the time. */
const Time = Schema.Number
const NullableTime = Schema.NullOr(Time)

export const State = Schema.Union(
  Schema.TaggedStruct("Closed", { since: NullableTime }),
  Schema.TaggedStruct("Open", {
    since: NullableTime,
    openings: Schema.Number,
    retryAfterMillis: Schema.Number,
    nextProbeAt: Time
  }),
  Schema.TaggedStruct("HalfOpen", {
    since: NullableTime,
    openings: Schema.Number,
    probing: Schema.Number,
    succeeded: Schema.Number,
    failed: Schema.Number,
    // Zero while a slot is free.
    retryAfterMillis: Schema.Number,
    nextProbeAt: Time
  }),
  Schema.TaggedStruct("Recovering", {
    since: NullableTime,
    openings: Schema.Number,
    // The share of calls that is admitted, from 0 to 1.
    admitting: Schema.Number,
    closesAt: Time
  }),
  Schema.TaggedStruct("Isolated", { since: NullableTime, holders: Schema.Number }),
  Schema.TaggedStruct("Disabled", { since: NullableTime, holders: Schema.Number })
).annotations({ identifier: "CircuitAdminState" })

export const Sharing = Schema.Struct({
  shared: Schema.Boolean,
  // `null` without a store.
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
  // From 0 to 1, where 1 trips; `null` for a custom policy, and if the circuit is not Closed or Recovering.
  nearness: Schema.NullOr(Schema.Number),
  // The number of calls that were rejected since the circuit left Closed; `null` while it is Closed, or if this process
  // does not hold the circuit.
  spared: Schema.NullOr(Schema.Number)
}

const summary = {
  ...circuit,
  window: Counts,
  // The processes whose calls the window, the nearness and the figures count: this one, or all that share the circuit;
  // `null` in states without a window.
  windowOf: Schema.NullOr(Schema.Literal("Process", "Fleet")),
  totals: Totals,
  lastFailureAt: NullableTime,
  // One line: the first line of the cause if the layer exposes causes, or else the description.
  lastFailureText: Schema.NullOr(Schema.String),
  // Of the latest second; `null` while no client listens to the events.
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
  // `null` if a schedule determines it.
  openMillis: Schema.NullOr(Schema.Number),
  openText: Schema.String,
  // `null` means infinite.
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
  // The following properties are `null` except in a transition to Open.
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
  // Whether changes are forbidden, need a bearer token, or are authorized by the program.
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
  // False if the action changes nothing in the state of the circuit.
  changed: Schema.Boolean,
  override: Schema.NullOr(Override),
  // `null` if the circuit is no longer found.
  circuit: Schema.NullOr(CircuitDetails)
})

export const SummaryEvent = Schema.Struct({
  at: Time,
  breakers: Schema.Array(
    Schema.Struct({ name: Schema.String, circuits: Schema.Number, states: States, rates: Rates })
  ),
  // The circuits that are not Closed, and then those with the most failures and calls.
  circuits: Schema.Array(Schema.Struct({ ...circuit, rates: Rates })),
  // The number of circuits that are not Closed or had calls, but are not listed.
  omitted: Schema.Number,
  overrides: Schema.Number
})
