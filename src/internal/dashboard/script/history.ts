/**
 * The part of the page's script that keeps the rates of the last five minutes and draws their charts.
 *
 * @internal
 */
export const history = String.raw`
const span = 300
const kinds = ["calls", "failures", "rejected"]

// For each second of the last five minutes: whether a summary arrived, and whether it contained every busy circuit.
const seconds = { at: new Int32Array(span).fill(-1), complete: new Uint8Array(span), latest: 0 }
const histories = new Map()

const historyOf = (id) => {
  let it = histories.get(id)
  if (it === undefined) {
    it = { at: new Int32Array(span).fill(-1), values: kinds.map(() => new Float32Array(span)), latest: 0 }
    histories.set(id, it)
  }
  return it
}

const recordSecond = (second, complete) => {
  seconds.at[second % span] = second
  seconds.complete[second % span] = complete ? 1 : 0
  seconds.latest = second
  if (second % 30 === 0)
    for (const [id, it] of histories) if (second - it.latest > span) histories.delete(id)
}

const record = (id, second, rates) => {
  const it = historyOf(id)
  const slot = second % span
  it.at[slot] = second
  it.latest = second
  it.values[0][slot] = rates.callsPerSecond
  it.values[1][slot] = rates.failuresPerSecond
  it.values[2][slot] = rates.rejectedPerSecond
}

// The value of a second: a number, or null if it is not known. A circuit that is not in a complete summary was idle.
const valueAt = (it, kind, second) => {
  const slot = second % span
  if (seconds.at[slot] !== second) return null
  const known = it !== undefined && it.at[slot] === second
  if (!known && !seconds.complete[slot]) return null
  const calls = known ? it.values[0][slot] : 0
  const failures = known ? it.values[1][slot] : 0
  if (kind === "calls") return calls
  if (kind === "share") return calls === 0 ? null : Math.min(1, failures / calls)
  return known ? it.values[2][slot] : 0
}

// A point of a chart is the highest value of three seconds. A second always belongs to the same point, so that a line
// moves without changing its shape, and is redrawn only when there is a new point.
const secondsPerPoint = 3
const points = span / secondsPerPoint
const latestPoint = () => Math.floor(seconds.latest / secondsPerPoint)

const seriesOf = (id, kind) => {
  const it = histories.get(id)
  const first = (latestPoint() - points + 1) * secondsPerPoint
  const series = new Array(points)
  for (let point = 0; point < points; point++) {
    let most = null
    for (let i = 0; i < secondsPerPoint; i++) {
      const value = valueAt(it, kind, first + point * secondsPerPoint + i)
      if (value !== null && (most === null || value > most)) most = value
    }
    series[point] = most
  }
  return series
}

const niceCeiling = (n) => {
  if (n <= 1) return 1
  const power = 10 ** Math.floor(Math.log10(n))
  return [1, 2, 5, 10].map((factor) => factor * power).find((it) => it >= n)
}

// A chart of one kind: a filled line, and its latest value as text beside it.
const makeChart = (kind, label, size) => {
  const line = svg("path", { class: "line", "vector-effect": "non-scaling-stroke" })
  const fill = svg("path", { class: "fill" })
  const base = svg("path", { class: "base", d: "M0 40H100", "vector-effect": "non-scaling-stroke" })
  const picture = svg("svg", { viewBox: "0 0 100 40", preserveAspectRatio: "none", "aria-hidden": "true" },
    base, fill, line)
  const value = h("span", { class: "value" })
  const top = h("span", { class: "peak" })
  const node = h("div", { class: "chart " + kind }, h("span", { class: "label" }, label, size === "large" ? top : ""),
    value, picture)
  return { node, line, fill, value, top, kind, id: "", drawn: "" }
}

// Drawing the lines is the largest part of an update, so it is spread over the next frames.
const undrawn = new Set()
const linesPerFrame = 8
const drawSomeLines = () => {
  let left = linesPerFrame
  for (const chart of undrawn) {
    if (left-- === 0) return true
    undrawn.delete(chart)
    drawLine(chart)
  }
  return false
}

const drawChart = (chart, id, latest) => {
  put(chart.value, latest)
  const version = id + " " + latestPoint()
  if (chart.drawn === version) return
  if (chart.id !== id) {
    // The line belongs to another circuit, so it is removed until the new one is drawn.
    chart.id = id
    setLine(chart, "", "")
  }
  chart.drawn = version
  undrawn.add(chart)
}

const setLine = (chart, line, fill) => {
  chart.line.setAttribute("d", line)
  chart.fill.setAttribute("d", fill)
}

const drawLine = (chart) => {
  const series = seriesOf(chart.id, chart.kind)
  const most = chart.kind === "share" ? 1 : niceCeiling(series.reduce((most, it) => (it > most ? it : most), 0))
  put(chart.top, ", up to " + (chart.kind === "share" ? "100 %" : count(most) + "/s"))
  let line = ""
  let fill = ""
  let start = null
  series.forEach((value, x) => {
    if (value !== null) {
      const y = Math.round(390 - (value / most) * 370) / 10
      line += (start === null ? "M" : "L") + x + " " + y
      if (start === null) { start = x; fill += "M" + x + " 40" }
      fill += "L" + x + " " + y
      // A value without a neighbour is drawn as a short dash.
      if (x === start && !(series[x + 1] >= 0 && series[x + 1] !== null)) line += "h.8"
    }
    if (start !== null && (value === null || x === series.length - 1)) {
      fill += "L" + (value === null ? x - 1 : x) + " 40Z"
      start = null
    }
  })
  setLine(chart, line, fill)
}

const drawCharts = (charts, id, rates) => {
  const calls = rates ? rates.callsPerSecond : null
  const known = (text) => (calls === null ? "–" : text())
  drawChart(charts[0], id, known(() => rate(calls) + "/s"))
  drawChart(charts[1], id, known(() => (calls === 0 ? "–" : percent(Math.min(1, rates.failuresPerSecond / calls)))))
  drawChart(charts[2], id, known(() => rate(rates.rejectedPerSecond) + "/s"))
}

const makeCharts = (size) => [
  makeChart("calls", size === "large" ? "Calls per second" : "Calls", size),
  makeChart("share", size === "large" ? "Failure rate" : "Failures", size),
  makeChart("rejected", size === "large" ? "Rejected per second" : "Rejected", size)
]
`
