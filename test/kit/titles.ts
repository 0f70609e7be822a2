/** How the title of a test begins. */

/** What has no rule of its own begins with its name in the public API. */
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
/** What a title begins with: rules, cases or faults, a public name, or a variable that stands for one of them. */
export const proves = new RegExp(
  `^(?:(?:(?:${id}) )+|(?:${publicNames.join("|")}): |\\$\\{(?:rule|title|situation|name)\\})`
)
