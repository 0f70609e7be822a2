/**
 * The part of the page's script that shows all details of one circuit.
 *
 * @internal
 */
export const details = String.raw`
let selected = null
let detailed = null
let detailsError = ""
let isUncalled = false
let opener = null
const panel = $("details")

// On a phone, the details cover the page, and nothing behind them can have the focus.
const isCovering = () => matchMedia("(max-width: 560px)").matches

const select = (circuit, from) => {
  selected = { breaker: circuit.breaker, key: circuit.key }
  opener = from || null
  detailed = null
  detailsError = ""
  isUncalled = false
  writeAddress(true)
  drawSelection()
  loadDetails()
  $("details-title").focus({ preventScroll: true })
}

const deselect = (isFromAddress) => {
  if (selected === null) return
  selected = null
  detailed = null
  if (!isFromAddress) writeAddress(true)
  drawSelection()
  if (opener && opener.isConnected) opener.focus({ preventScroll: true })
}

const drawSelection = () => {
  shown(panel, selected !== null)
  document.body.classList.toggle("has-details", selected !== null)
  for (const part of document.querySelectorAll("header, main")) part.inert = selected !== null && isCovering()
  schedule()
}

const loadDetails = async () => {
  if (selected === null) return
  const wanted = idOf(selected)
  try {
    const answer = await get("circuit", { breaker: selected.breaker, key: selected.key })
    if (selected === null || idOf(selected) !== wanted) return
    detailed = answer
    detailsError = ""
    isUncalled = false
  } catch (error) {
    if (selected === null || idOf(selected) !== wanted) return
    isUncalled = error.status === 404
    if (isUncalled) detailed = null
    detailsError = isUncalled ? error.message : "The details could not be loaded: " + error.message
  }
  schedule()
}

const uncalledText = "No call has used this key, at least not recently. Check its spelling."

const makeButtons = () => {
  const node = h("div", { class: "controls" })
  for (const action of ["isolate", "disable", "trip", "reset"])
    node.append(h("button", { type: "button", class: action === "isolate" ? "primary isolate" : "",
      onclick: () => { if (selected) ask(action, currentDetails() || selected) } }, actions[action].word + "…"))
  return node
}

const section = (title, ...children) => h("section", {}, h("h3", {}, title), ...children)

const makeDetails = () => {
  const badge = makeBadge()
  const name = makeName()
  name.node.id = "details-title"
  name.node.tabIndex = -1
  const ring = makeRing()
  const it = {
    badge, name, ring,
    headline: h("p", { class: "headline" }), meaning: h("p", { class: "hint" }), facts: h("p", { class: "hint" }),
    buttons: makeButtons(), uncalled: makeButtons(),
    readOnly: h("p", { class: "hint" }, "Read-only: this server does not allow changes."),
    overrides: h("ul", { class: "overrides" }),
    failure: h("p", { class: "failure" }), cause: h("pre", { tabindex: 0, "aria-label": "Full cause" }),
    failedAt: h("p", { class: "hint" }),
    figures: h("ul", { class: "figures" }), countedBy: h("p", { class: "hint" }),
    charts: makeCharts("large"),
    numbers: h("dl", { class: "numbers" }),
    transitions: h("ol", { class: "transitions" }),
    settings: h("dl", { class: "settings" }),
    error: h("p", { class: "problem", role: "alert" }),
    keys: {}
  }
  it.cause.hidden = true
  it.body = h("div", { class: "body" },
    h("div", { class: "now" }, h("div", { class: "line" }, ring.node, it.headline), it.meaning, it.facts),
    it.buttons, it.readOnly, it.overrides,
    section("Last failure", it.failure, it.failedAt, it.cause),
    it.figuresSection = section("How close to opening", it.figures, it.countedBy),
    section("Last 5 minutes", h("div", { class: "charts" }, ...it.charts.map((chart) => chart.node))),
    section("Calls", it.numbers),
    section("Transitions", it.transitions),
    section("Settings", it.settings))
  panel.append(
    h("div", { class: "top" }, badge.node,
      h("button", { type: "button", class: "close", "aria-label": "Close the details", onclick: () => deselect() },
        "×")),
    h("h2", {}, name.node), it.error, it.uncalled, it.body)
  return it
}

const currentDetails = () => (detailed === null ? null : { ...detailed, ...current(detailed) })

// Redraws a part only when its value has changed.
const redraw = (it, part, value, draw) => {
  const text = JSON.stringify(value)
  if (it.keys[part] === text) return
  it.keys[part] = text
  replace(it[part], ...draw())
}

const pairs = (entries) => entries.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])

const fillDetails = (it) => {
  if (selected === null) return
  it.name.show(selected)
  const canBeMade = isUncalled && breakers.some(({ name }) => name === selected.breaker)
  put(it.error, canBeMade ? uncalledText : detailsError)
  shown(it.uncalled, canBeMade && !isReadOnly())
  const circuit = currentDetails()
  it.body.hidden = circuit === null
  shown(it.badge.node, circuit !== null)
  if (circuit === null) return
  const { state } = circuit
  panel.className = "is-" + state._tag
  it.badge.show(state._tag)
  const wait = waiting(state)
  shown(it.ring.node, wait !== null)
  if (wait) it.ring.show(wait.at - now(), wait.at - (state.since === null ? wait.at - 30000 : state.since))
  put(it.headline, headline(state))
  put(it.meaning, meaning(state))
  put(it.facts, joined(openingText(state), sparedText(circuit.spared), sinceText(state), sharingText(circuit.sharing)))
  shown(it.buttons, !isReadOnly())
  shown(it.readOnly, isReadOnly())
  fillFailure(it, circuit)
  fillFigures(it, circuit)
  fillRest(it, circuit)
  drawCharts(it.charts, idOf(circuit), ratesOf(circuit))
}

const sharingText = (sharing) =>
  !sharing.shared ? ""
    : sharing.storeAnswers === false ? "shared, but the store does not answer" : "shared with other processes"

const fillFailure = (it, circuit) => {
  const { lastFailure } = circuit
  put(it.failure, lastFailure === null ? "No failure is known." : circuit.lastFailureText)
  put(it.failedAt, lastFailure === null ? ""
    : ago(now() - lastFailure.at) + ", at " + clockTime(lastFailure.at)
    + (lastFailure.cause === null && !access.exposesCauses ? ". This server does not show causes." : ""))
  const cause = lastFailure === null || lastFailure.cause === null ? "" : lastFailure.cause
  put(it.cause, cause)
  // A cause of one short line is already shown above.
  shown(it.cause, cause !== "" && cause !== circuit.lastFailureText)
}

const figureText = (n, unit) => (unit === "Share" ? percent(n) : count(n))
const fillFigures = (it, circuit) => {
  shown(it.figuresSection, circuit.figures.length > 0)
  put(it.countedBy, !circuit.sharing.shared ? ""
    : circuit.windowOf === "Fleet" ? "Counts the calls of all processes." : "Counts only the calls of this process.")
  redraw(it, "figures", circuit.figures, () =>
    circuit.figures.map(({ policy, what, value, threshold, unit }) => {
      const share = threshold > 0 ? Math.min(1, value / threshold) : 1
      // A policy trips when all of its figures have reached their thresholds.
      const trips = circuit.figures.every((it) => it.policy !== policy || it.value >= it.threshold)
      const bar = h("span", {
        class: trips ? "bar full" : share >= 1 ? "bar reached" : share >= 0.7 ? "bar near" : "bar",
        "aria-hidden": "true"
      }, h("span", {}))
      bar.firstChild.style.width = share * 100 + "%"
      return h("li", {}, h("span", {}, what),
        h("span", { class: "value" }, figureText(value, unit) + " of " + figureText(threshold, unit)), bar)
    }))
}

const fillRest = (it, circuit) => {
  redraw(it, "overrides", [circuit.overrides, access.changes], () =>
    circuit.overrides.map((override) =>
      h("li", {},
        h("span", {}, (override.kind === "Isolate" ? "Isolated by " : "Disabled by ") + override.owner
          + " until " + clockTime(override.expiresAt)),
        h("q", {}, override.reason),
        isReadOnly() ? null
          : h("button", { type: "button", onclick: () => ask("release", circuit, override) }, "Release…"))))
  const { window: counted, totals } = circuit
  const whose = !circuit.sharing.shared ? "" : circuit.windowOf === "Fleet" ? " (all processes)" : " (this process)"
  redraw(it, "numbers", [counted, totals, circuit.windowOf, whose], () => pairs([
    // Only Closed and Recovering have a window.
    ...(circuit.windowOf === null ? [] : [[
      "In the window" + whose,
      plural(counted.calls, "call") + ", " + count(counted.failures) + " failed"
        + (counted.slow > 0 ? ", " + count(counted.slow) + " slow" : "")
    ]]),
    ["Succeeded", count(totals.succeeded)], ["Failed", count(totals.failed)],
    ["Ignored", count(totals.ignored)], ["Rejected", count(totals.rejected)]
  ]))
  redraw(it, "transitions", circuit.transitions, () =>
    circuit.transitions.length === 0
      ? [h("li", { class: "hint" }, "No recent transitions.")]
      : circuit.transitions.map((change) =>
          h("li", { class: "is-" + change.to }, h("time", {}, clockTime(change.at)), shape(change.to),
            h("span", {}, change.from + " → " + change.to),
            h("span", { class: "hint" }, reasonText(change)))))
  redraw(it, "settings", circuit.settings, () => pairs(settingsOf(circuit.settings)))
}

const reasons = { Tripped: "the policy tripped", ProbeFailed: "a probe failed", Manual: "by hand" }
const reasonText = (change) =>
  joined(reasons[change.reason] || "",
    change.retryAfterMillis === null ? "" : "for " + duration(change.retryAfterMillis),
    change.origin === "Fleet" ? "decided by another process" : "")

const settingsOf = (settings) => [
  ["Trip policy", settings.tripPolicy.text],
  ["Open duration", settings.openText],
  ["Probes", plural(settings.probes, "success", "successes") + " to close, "
    + plural(settings.failuresToReopen, "failure") + " to reopen"],
  ["Probe timeout", duration(settings.probeTimeoutMillis)],
  ...(settings.recovery === null ? [] : [[
    "Recovery",
    "from " + percent(settings.recovery.from) + " of calls, over " + duration(settings.recovery.durationMillis)
  ]]),
  ["Mode", settings.mode === "observe" ? "observe (a dry run: no call is rejected)" : "enforce"]
]
`
