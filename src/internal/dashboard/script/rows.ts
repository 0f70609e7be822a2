/**
 * The part of the page's script that fills the rows of circuits and of breakers.
 *
 * @internal
 */
export const rows = String.raw`
// The circuits of the latest summary, which are newer than those of the list.
const latest = new Map()
const current = (circuit) => {
  const newer = latest.get(idOf(circuit))
  if (newer === undefined) return circuit
  return { ...circuit, state: newer.state, nearness: newer.nearness, spared: newer.spared, rates: newer.rates }
}
const ratesOf = (circuit) =>
  circuit.rates || (seconds.latest > 0 && seconds.complete[seconds.latest % span] ? idle : null)
const idle = { callsPerSecond: 0, failuresPerSecond: 0, rejectedPerSecond: 0 }

const makeName = () => {
  const breaker = h("span", { class: "breaker" })
  const key = h("span", { class: "key" })
  const node = h("span", { class: "name" }, breaker, h("span", { class: "slash", "aria-hidden": "true" }, "/"), key)
  return {
    node,
    show: (circuit) => { put(breaker, circuit.breaker); put(key, circuit.key === "" ? "(empty key)" : circuit.key) }
  }
}

const makeCircuitRow = () => {
  const badge = makeBadge()
  const name = makeName()
  const ring = makeRing()
  const headlineText = h("span", { class: "headline" })
  const meter = h("span", { class: "bar", "aria-hidden": "true" }, h("span", {}))
  const more = h("span", { class: "more" })
  const cause = h("span", { class: "cause" })
  const charts = makeCharts("small")
  const open = h("button", { type: "button", class: "open" }, name.node)
  const act = h("button", { type: "button", class: "act" })
  const node = h("li", { class: "row" },
    h("div", { class: "state" }, badge.node),
    h("div", { class: "what" },
      open,
      h("div", { class: "line" }, ring.node, meter, headlineText, more),
      h("div", { class: "line" }, cause)),
    h("div", { class: "charts" }, ...charts.map((it) => it.node)),
    h("div", { class: "actions" }, act))
  const row = { node, badge, name, ring, headlineText, meter, more, cause, charts, open, act,
    controls: [open, act], circuit: null }
  open.addEventListener("click", () => { if (row.circuit) select(row.circuit, open) })
  act.addEventListener("click", () => { if (row.circuit) askQuickAction(row.circuit) })
  return row
}

const fillCircuitRow = (row, listed) => {
  if (listed === undefined) {
    row.circuit = null
    row.node.className = "row loading"
    put(row.headlineText, "Loading…")
    attr(row.open, "aria-label", "Loading…")
    return
  }
  const circuit = current(listed)
  const { state } = circuit
  const closed = state._tag === "Closed"
  row.circuit = circuit
  const isSelected = selected !== null && idOf(selected) === idOf(circuit)
  const className = "row is-" + state._tag + (isSelected ? " selected" : "")
  if (row.node.className !== className) row.node.className = className
  row.badge.show(state._tag)
  row.name.show(circuit)
  const wait = waiting(state)
  shown(row.ring.node, wait !== null)
  if (wait) row.ring.show(wait.at - now(), wait.at - (state.since === null ? wait.at - 30000 : state.since))
  const hasMeter = closed && circuit.nearness !== null
  shown(row.meter, hasMeter)
  if (hasMeter) {
    row.meter.firstChild.style.width = Math.min(100, circuit.nearness * 100) + "%"
    attr(row.meter, "class", "bar" + (circuit.nearness >= 0.7 ? " near" : ""))
  }
  const near = circuit.nearness === null ? "" : roundPercent(circuit.nearness) + " of the way to opening"
  put(row.headlineText, closed ? near || headline(state) : headline(state))
  put(row.more, joined(openingText(state), sparedText(circuit.spared), isLasting(state) ? sinceText(state) : "",
    storeText(circuit.sharing)))
  const failedAt = circuit.lastFailureAt
  const reason = closed || failedAt === null ? "" : circuit.lastFailureText
  // The cause comes first, because the end of a line may be cut off.
  put(row.cause, failedAt === null ? "" : (reason === "" ? "Last failure " : reason + " · ") + ago(now() - failedAt))
  drawCharts(row.charts, idOf(circuit), ratesOf(circuit))
  fillQuickAction(row.act, circuit)
  attr(row.open, "aria-label",
    circuit.breaker + " / " + circuit.key + ", " + state._tag + ", " + row.headlineText.textContent)
}

const storeText = (sharing) =>
  (sharing && sharing.shared && sharing.storeAnswers === false ? "the store does not answer" : "")

const makeBreakerRow = () => {
  const mark = h("span", { class: "mark" })
  const name = h("span", { class: "breaker" })
  const counts = h("span", { class: "counts" })
  const policy = h("span", { class: "policy" })
  const chart = makeChart("calls", "Calls", "small")
  const open = h("button", { type: "button" }, mark, name, chart.node, counts, policy)
  const node = h("li", { class: "breaker-row" }, open)
  const row = { node, mark, name, counts, policy, chart, open, controls: [open], breaker: null, tag: "" }
  open.addEventListener("click", () => {
    filter.breaker = filter.breaker === row.breaker ? "" : row.breaker
    filterChanged()
  })
  return row
}

const worstOf = (counts) => tags.find((tag) => counts[tag] > 0) || "Closed"
const countsText = (counts) =>
  tags.filter((tag) => counts[tag] > 0).map((tag) => count(counts[tag]) + " " + tag).join(", ")

const fillBreakerRow = (row, breaker) => {
  row.breaker = breaker.name
  const tag = worstOf(breaker.states)
  if (row.tag !== tag) { row.tag = tag; row.mark.className = "mark is-" + tag; replace(row.mark, shape(tag)) }
  put(row.name, breaker.name)
  put(row.counts, joined(countsText(breaker.states) || "no circuits yet",
    breaker.sharing.shared && breaker.sharing.storeAnswers !== false ? "shared" : storeText(breaker.sharing)))
  put(row.policy, (breaker.mode === "observe" ? "Dry run: " : "") + breaker.tripPolicy)
  attr(row.open, "aria-pressed", filter.breaker === breaker.name)
  drawChart(row.chart, breaker.id, breaker.rates ? rate(breaker.rates.callsPerSecond) + "/s" : "–")
}
`
