/**
 * The part of the page's script that presents a state: its shape, its headline and its meaning.
 *
 * @internal
 */
export const states = String.raw`
const tags = ["Isolated", "Open", "HalfOpen", "Recovering", "Disabled", "Closed"]

// Each state has its own shape, so that nobody has to tell colours apart.
const shapes = {
  Isolated: "M5 1h6l4 4v6l-4 4H5l-4-4V5zM4 7v2h8V7z",
  Open: "M8 .8 15.6 15H.4zM7.2 5.5v4.6h1.6V5.5zM7.2 11.4V13h1.6v-1.6z",
  HalfOpen: "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1zM8 2.8v10.4a5.2 5.2 0 0 0 0-10.4z",
  Recovering: "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1zM8 2.8v5.2h5.2A5.2 5.2 0 1 1 8 2.8z",
  Disabled: "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1zM8 2.8a5.2 5.2 0 0 0-4 8.5L11.3 4A5.2 5.2 0 0 0 8 2.8z" +
    "M12 4.7 4.7 12A5.2 5.2 0 0 0 12 4.7z",
  Closed: "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2z"
}

const shape = (tag) =>
  svg("svg", { viewBox: "0 0 16 16", class: "shape", "aria-hidden": "true" },
    svg("path", { d: shapes[tag], "fill-rule": "evenodd" }))

const makeBadge = () => {
  const node = h("span", { class: "badge" })
  let current = ""
  return {
    node,
    show: (tag) => {
      if (tag === current) return
      current = tag
      node.className = "badge is-" + tag
      replace(node, shape(tag), h("span", {}, tag))
    }
  }
}

// A ring that empties as a point in time comes nearer.
const makeRing = () => {
  const arc = svg("circle", { cx: 10, cy: 10, r: 8, class: "arc", pathLength: 100 })
  const node = svg("svg", { viewBox: "0 0 20 20", class: "ring", "aria-hidden": "true" },
    svg("circle", { cx: 10, cy: 10, r: 8, class: "track" }), arc)
  return {
    node,
    show: (left, whole) => {
      const share = whole > 0 ? Math.max(0, Math.min(1, left / whole)) : 0
      attr(arc, "stroke-dasharray", (share * 100).toFixed(0) + " 100")
    }
  }
}

// The next point in time that matters to an operator, if there is one.
const waiting = (state) => {
  if (state._tag === "Open" || (state._tag === "HalfOpen" && state.retryAfterMillis > 0))
    return { at: state.nextProbeAt, what: "Next probe" }
  if (state._tag === "Recovering") return { at: state.closesAt, what: "Closed" }
  return null
}

const headline = (state) => {
  const wait = waiting(state)
  const left = wait === null ? 0 : wait.at - now()
  switch (state._tag) {
    case "Open":
      return left > 0 ? "Next probe in " + duration(left) : "The next call will be a probe"
    case "HalfOpen":
      if (state.probing > 0) return plural(state.probing, "probe") + " running"
      return left > 0 ? "Next probe in " + duration(left) : "The next call will be a probe"
    case "Recovering":
      return "Admits " + roundPercent(state.admitting) + " of calls"
        + (left > 0 ? ", closes in " + duration(left) : "")
    case "Isolated":
      return "Rejects every call until released"
    case "Disabled":
      return "Admits every call, even if it fails"
    default:
      return "Admits every call"
  }
}

const meaning = (state) => {
  switch (state._tag) {
    case "Open":
      return "Every call is rejected immediately. When the time is up, calls are admitted as probes again."
    case "HalfOpen":
      return "Only probes are admitted. If they succeed, the circuit closes; if they fail, it opens again."
    case "Recovering":
      return "The probes have succeeded. A growing share of calls is admitted."
    case "Isolated":
      return "Isolated by an operator or by the program. Every call is rejected, and no probe is admitted."
    case "Disabled":
      return "Disabled by an operator or by the program. Every call is admitted, and no failure opens the circuit."
    default:
      return "Calls are admitted, and their outcomes are counted."
  }
}

const sinceText = (state) => (state.since === null ? "" : state._tag + " for " + duration(now() - state.since))
const sparedText = (spared) => (!spared ? "" : plural(spared, "call") + " spared")
const isLasting = (state) => state._tag === "Closed" || state._tag === "Isolated" || state._tag === "Disabled"
const openingText = (state) => (state.openings > 0 ? "opening " + count(state.openings) : "")
const joined = (...parts) => parts.filter((part) => part !== "").join(" · ")
`
