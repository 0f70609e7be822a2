/**
 * The part of the page's script that draws the whole page, at most once a frame.
 *
 * @internal
 */
export const view = String.raw`
// Reading a size while the document is being changed is slow, so an observer reports each change.
let rowHeight = 92
let barHeight = 0
let headsHeight = 0
const measure = () => {
  rowHeight = $("circuits").clientWidth < 840 ? 176 : 92
  barHeight = $("bar").offsetHeight
  headsHeight = $("heads").offsetHeight
  $("heads").style.top = barHeight + "px"
}
measure()
const sizes = new ResizeObserver(() => { measure(); schedule() })
for (const id of ["circuits", "bar", "heads"]) sizes.observe($(id))

const circuitList = windowed({
  holder: $("circuits"), scroller: null, covered: () => covered(),
  height: () => rowHeight,
  count: () => total, at: circuitAt, make: makeCircuitRow, fill: fillCircuitRow
})
const breakerList = windowed({
  holder: $("breakers"), scroller: $("breakers-view"), covered: () => 0,
  height: () => 102, count: () => breakers.length, at: (index) => breakers[index],
  make: makeBreakerRow, fill: fillBreakerRow
})

const stateCounts = () => {
  const sum = {}
  for (const tag of tags) sum[tag] = 0
  for (const breaker of breakers)
    for (const tag of tags) sum[tag] += breaker.states[tag]
  return sum
}

const isStale = () => feed.lastUpdate > 0 && Date.now() - feed.lastUpdate > 5000

let isOutdated = false
const drawStatus = () => {
  const quiet = Date.now() - feed.lastUpdate
  const silence = "Last update " + duration(quiet - 999) + " ago"
  const again = feed.connected || feed.retryAt <= Date.now() ? "Reconnecting…"
    : "Reconnecting in " + duration(feed.retryAt - Date.now()) + "."
  const refused = feed.refused ? " " + feed.refused.message : ""
  const isLost = !feed.connected && (feed.attempts > 1 || feed.lastUpdate > 0)
  const kind = isLost ? "lost" : isStale() ? "stale" : feed.connected ? "live" : "connecting"
  attr($("status"), "class", kind)
  put($("status-text"), { live: "Live", stale: "Stale", lost: "Disconnected", connecting: "Connecting…" }[kind])
  const trouble = kind === "stale" || kind === "lost"
  const text = !trouble ? problem : (feed.lastUpdate > 0 ? silence : "No update yet") + ". " + again + refused
  put($("trouble-text"), text)
  shown($("trouble"), text !== "")
  isOutdated = trouble
  document.body.classList.toggle("is-stale", trouble)
}

// States that a circuit entered by itself come before those that were set by hand.
const urgent = ["Open", "HalfOpen", "Isolated", "Recovering", "Disabled"]
const sentenceOf = (counts) => {
  const bad = urgent.filter((tag) => counts[tag] > 0)
  return bad.slice(0, 2).map((tag, i) => (i === 0
    ? plural(counts[tag], "circuit") + (counts[tag] === 1 ? " is " : " are ")
    : count(counts[tag]) + (counts[tag] === 1 ? " is " : " are ")) + tag).join(", ")
}

const calmText = (all, where) => (all === 1 ? "The only circuit is Closed." : "All " + where + " are Closed.")

let bannerTag = ""
const drawBanner = () => {
  const counts = stateCounts()
  const tag = urgent.find((tag) => counts[tag] > 0) || "Closed"
  const all = breakers.reduce((sum, it) => sum + it.circuits, 0)
  const sentence = sentenceOf(counts)
  const isKnown = breakersLoaded && !isOutdated
  const tagShown = isKnown ? tag : "none"
  if (bannerTag !== tagShown) {
    bannerTag = tagShown
    attr($("banner"), "class", "is-" + tagShown)
    replace($("banner-shape"), isKnown ? shape(tag) : null)
    if (isKnown) $("icon").href = iconOf(tag)
  }
  const where = plural(all, "circuit") + " of " + plural(breakersTotal, "breaker")
  const verdict = sentence !== "" ? sentence : all === 0 ? "No circuits yet" : "Nothing is wrong"
  const counted = all === 0 ? "A circuit appears with its first call."
    : sentence === "" ? calmText(all, where) : where + ": " + countsText(counts) + "."
  put($("banner-title"), !breakersLoaded ? "Loading…" : isOutdated ? "Not up to date" : verdict)
  put($("banner-text"), !breakersLoaded ? "" : isOutdated ? "Last known state: " + verdict + ". " + counted : counted)
  const title = (isOutdated ? "Not up to date – " : sentence === "" ? "" : sentence + " – ") + "Circuit breakers"
  if (document.title !== title) document.title = title
  drawChips(counts)
}

const iconColours = {
  Isolated: "#7a3fb0", Open: "#c4291c", HalfOpen: "#b26a00",
  Recovering: "#1b6fa8", Disabled: "#69727f", Closed: "#2a8552"
}
const iconOf = (tag) =>
  "data:image/svg+xml," +
    encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="' +
    iconColours[tag] + '" fill-rule="evenodd" d="' + shapes[tag] + '"/></svg>')

const chips = new Map()
const makeChips = () => {
  for (const tag of tags) {
    const number = h("span", { class: "number" })
    const chip = h("button", { type: "button", class: "chip is-" + tag, "aria-pressed": "false" },
      shape(tag), h("span", {}, tag), number)
    chip.addEventListener("click", () => {
      filter.states = filter.states.includes(tag) ? filter.states.filter((it) => it !== tag) : [...filter.states, tag]
      filterChanged()
    })
    chips.set(tag, { chip, number })
    $("chips").append(chip)
  }
}

const drawChips = (counts) => {
  const own = breakers.find((it) => it.name === filter.breaker)
  for (const [tag, { chip, number }] of chips) {
    const n = own ? own.states[tag] : counts[tag]
    put(number, count(n))
    attr(chip, "aria-pressed", filter.states.includes(tag))
    chip.classList.toggle("none", n === 0)
  }
}

const drawFilter = () => {
  const isFiltered = filter.text !== "" || filter.states.length > 0 || filter.breaker !== ""
  shown($("clear"), isFiltered)
  put($("shown"), !listed ? ""
    : isFiltered ? plural(total, "circuit") + " found" + (filter.breaker === "" ? "" : " in " + filter.breaker)
    : plural(total, "circuit"))
  shown($("empty"), listed && total === 0)
  put($("empty-text"), filter.text !== "" || filter.states.length > 0 ? "No circuit matches the filter."
    : "There are no circuits yet. A circuit appears with its first call.")
  drawUncalled()
  put($("breakers-count"), count(breakersTotal))
  put($("toggle-breakers"), filter.breaker === "" ? "Breakers (" + count(breakersTotal) + ")"
    : "Breaker: " + filter.breaker)
  put($("breakers-more"), breakersTotal > breakers.length ? "Only the first " + count(breakers.length) + " are shown." : "")
}

// A circuit can be controlled before its first call.
const uncalledKey = () => filter.text || "default"
const drawUncalled = () => {
  const canBeMade = !isReadOnly() && filter.breaker !== "" && filter.states.length === 0
  shown($("uncalled"), canBeMade)
  put($("uncalled"), canBeMade ? "Control “" + uncalledKey() + "” of " + filter.breaker + "…" : "")
}
$("uncalled").addEventListener("click", () => select({ breaker: filter.breaker, key: uncalledKey() }, $("uncalled")))

let scheduled = false
let changed = "nothing"
const drawFrame = () => {
  scheduled = false
  const what = changed
  changed = "nothing"
  if (what !== "nothing") {
    breakerList.measure()
    circuitList.measure()
    if (what === "whole") draw()
    else drawLists(true)
    if (undrawn.size > 0) nextFrame()
  } else if (drawSomeLines()) nextFrame()
}
const nextFrame = () => {
  if (scheduled) return
  scheduled = true
  requestAnimationFrame(drawFrame)
}
// After scrolling, only the lists are drawn.
const later = () => {
  if (changed === "nothing") changed = "lists"
  nextFrame()
}
const schedule = () => {
  changed = "whole"
  nextFrame()
}

const detailsParts = makeDetails()
const draw = () => {
  drawStatus()
  drawBanner()
  drawFilter()
  drawLists(false)
  fillDetails(detailsParts)
}
const drawLists = (isScrolling) => {
  breakerList.render(isScrolling)
  circuitList.render(isScrolling)
  loadVisible()
}

const search = $("search")
let typing = 0
search.addEventListener("input", () => {
  clearTimeout(typing)
  typing = setTimeout(() => { filter.text = search.value.trim().slice(0, 256); filterChanged() }, 200)
})
$("filter").addEventListener("submit", (event) => { event.preventDefault(); circuitList.focus(0) })
$("clear").addEventListener("click", () => {
  filter.text = search.value = ""
  filter.states = []
  filter.breaker = ""
  filterChanged()
  search.focus()
})
$("toggle-breakers").addEventListener("click", () => {
  const isOpen = document.body.classList.toggle("shows-breakers")
  attr($("toggle-breakers"), "aria-expanded", isOpen)
  schedule()
})
document.addEventListener("keydown", (event) => {
  if (dialogNode.open) return
  if (event.key === "Escape" && selected !== null) return deselect()
  const isTyping = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)
  if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey) {
    event.preventDefault()
    if (selected !== null && isCovering()) deselect()
    search.focus()
    search.select()
  }
})
window.addEventListener("popstate", () => {
  const before = selected
  readAddress()
  search.value = filter.text
  detailed = null
  drawSelection()
  if (selected !== null) loadDetails()
  else if (before !== null && opener && opener.isConnected) opener.focus({ preventScroll: true })
  listVersion++
  pages.clear()
  refresh()
})
window.addEventListener("resize", () => { drawSelection(); schedule() })

const lost = () => schedule()
readAddress()
search.value = filter.text
makeChips()
drawSelection()
const start = () => { loadBreakers(); refresh(); if (selected !== null) loadDetails() }
start()
const again = follow({
  summary: (it) => { if (!feed.connected) start(); onSummary(it) },
  transition: onTransition, change: onChange, lost, unauthorized: askToken
})
const restart = () => { start(); again() }
setInterval(schedule, 500)
`
