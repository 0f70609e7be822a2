/** The beginning of a test's title. */

/** The title of a test without a rule begins with a name in the public API. */
const publicNames = [
  "key",
  "capacity",
  "idleTimeToLive",
  "mode",
  "layer",
  "Service",
  "CircuitAdmin",
  "CircuitBreaker",
  "CircuitBreakerLive",
  "CircuitOpenError",
  "CircuitHttpClient",
  "CircuitHttpMiddleware"
]

const id = String.raw`R3(?:\.\d+){0,2}|[EFT]\d+|[A-D]\d+`
/** Matches a title that begins with rules, cases or faults, a public name, or a variable for one of them. */
export const proves = new RegExp(
  `^(?:(?:(?:${id}) )+|(?:${publicNames.join("|")}): |\\$\\{(?:rule|title|situation|name)\\})`
)
