/**
 * The tests that judge the mutants of a file: those that test it directly. The fewer there are, the sooner they have all run
 * on a mutant that survives.
 */
export interface Judged {
  readonly file: string
  readonly tests: ReadonlyArray<string>
}

/** Parts of the titles of tests that are left out, because one of them takes as long as all the others together. */
export const tooSlow: ReadonlyArray<string> = [
  "10,000 calls nested in each other",
  "no text throws",
  "each opening takes one step"
]

export type Folder = "breaker" | "core/replica" | "http"

const observing = ["transitionsStream", "reading", "logs", "spans", "reentrance"].map(
  (test) => `rules/${test}`
)

/** All of these together take less than a second. */
const replicaTests = [
  "activity",
  "changes",
  "following",
  "holds",
  "link",
  "outages",
  "reading",
  "reporting",
  "reports",
  "shared",
  "slots",
  "timing",
  "writes"
].map((test) => `core/replica/${test}`)

/** The files of a folder, the most important ones first, each with the tests that judge it. */
export const judges: Readonly<Record<Folder, ReadonlyArray<Judged>>> = {
  breaker: [
    judged("breaker/protect", "rules/calls", "breaker/coordinator", "rules/probes", "rules/runLoop"),
    judged(
      "breaker/begin",
      "rules/calls",
      "breaker/coordinator",
      "breaker/begin",
      "rules/probes",
      "rules/admit"
    ),
    judged("breaker/opening", "breaker/opening", "breaker/reports", "rules/backoff", "rules/transitions"),
    judged(
      "breaker/call",
      "breaker/call",
      "rules/calls",
      "rules/probes",
      "rules/protectStream",
      "rules/transitions",
      "rules/policies",
      "rules/outcome",
      "rules/lateOutcomes",
      "rules/reentrance",
      "metrics/calls",
      "breaker/coordinator",
      "breaker/reports"
    ),
    judged("breaker/nesting", "breaker/nesting", "breaker/begin", "rules/nesting", "rules/calls"),
    judged("breaker/classify", "rules/outcome", "breaker/classify", "rules/calls"),
    judged("breaker/reject", "rules/calls", "rules/circuitOpenError", ...observing),
    judged("breaker/controls", "rules/control", "breaker/coordinator", "breaker/reports"),
    judged("breaker/circuits", "breaker/circuits", "rules/keys", "metrics/circuits"),
    judged("breaker/circuitEntry", "breaker/circuitEntry", "breaker/circuitRef", "breaker/circuits"),
    judged("breaker/unsettledCalls", "breaker/unsettledCalls"),
    judged("breaker/openDuration", "breaker/openDuration", "rules/backoff", "rules/badInput"),
    judged("breaker/awaitReady", "rules/awaitReady", "breaker/reports"),
    judged("breaker/waiters", "rules/awaitReady", "breaker/waiters"),
    judged("breaker/admit", "breaker/admissions", "rules/admit"),
    judged("breaker/protectStream", "breaker/admissions", "rules/protectStream"),
    judged(
      "breaker/reading",
      "breaker/reports",
      "breaker/begin",
      ...observing,
      "rules/control",
      "rules/recovery"
    ),
    judged(
      "breaker/breaker",
      "breaker/breaker",
      ...observing,
      "rules/keys",
      "rules/awaitReady",
      "rules/registry",
      "metrics/circuits"
    ),
    judged("breaker/change", ...observing, "rules/transitions"),
    judged("breaker/circuitRef", "breaker/circuitRef", "breaker/circuitEntry"),
    judged("breaker/join", "fleet/rules")
  ],
  "core/replica": [
    "answers",
    "observing",
    "writing",
    "changes",
    "following",
    "reporting",
    "localEvents",
    "deciding",
    "notifications",
    "asking",
    "activity",
    "progress",
    "replica",
    "shared",
    "reading",
    "step",
    "timing",
    "link"
  ].map((file) => judged(`core/replica/${file}`, ...replicaTests)),
  http: [
    judged(
      "http/client/protect",
      "http/client/rejection",
      "http/client/verdicts",
      "http/client/keys",
      "http/client/composition",
      "http/client/uncounted"
    ),
    judged("http/client/body", "http/client/streams", "http/client/body", "http/client/causes"),
    judged(
      "http/client/classify",
      "http/client/details",
      "http/client/verdicts",
      "http/client/causes",
      "http/client/descriptions",
      "http/client/retryAfter",
      "http/client/body"
    ),
    judged("http/client/retryAfter", "http/client/details", "http/client/retryAfter"),
    judged("http/client/keys", "http/client/origins", "http/client/keys"),
    judged("http/client/httpDate", "http/client/details", "http/client/retryAfter"),
    judged(
      "http/server/call",
      "http/middleware/apps",
      "http/middleware/outcomes",
      "http/middleware/probes",
      "http/middleware/uncounted",
      "http/middleware/streams",
      "http/middleware/sockets",
      "http/middleware/answers"
    ),
    judged(
      "http/server/response",
      "http/middleware/errors",
      "http/middleware/answers",
      "http/middleware/outcomes",
      "http/middleware/adapters"
    ),
    judged("http/server/classify", "http/middleware/outcomes", "http/middleware/descriptions"),
    judged(
      "http/server/middleware",
      "http/middleware/options",
      "http/middleware/rejection",
      "http/middleware/outcomes"
    ),
    judged("http/server/socket", "http/middleware/socketEnds", "http/middleware/apps"),
    judged(
      "http/guard",
      "http/client/rejection",
      "http/client/uncounted",
      "http/client/composition",
      "http/client/streams",
      "http/middleware/rejection",
      "http/middleware/options",
      "http/middleware/uncounted"
    ),
    judged(
      "http/requestLine",
      "http/client/details",
      "http/client/descriptions",
      "http/middleware/descriptions"
    )
  ]
}

function judged(file: string, ...tests: ReadonlyArray<string>): Judged {
  return { file, tests: tests.map((test) => `test/${test}.test.ts`) }
}

export const isFolder = (name: string): name is Folder => name in judges
