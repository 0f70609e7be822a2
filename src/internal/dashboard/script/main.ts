/**
 * The part of the page's script that loads data and handles events.
 *
 * @internal
 */
export const main = String.raw`
// A page of the list has somewhat more rows than a large window shows.
const pageSize = 25
let access = { changes: "Forbidden", reads: "Public", longestOverrideSeconds: 3600, exposesCauses: false }
let breakers = []
let breakersTotal = 0
let breakersLoaded = false
let problem = ""

// The filter is part of the address, so that it survives a reload and can be shared as a link.
const filter = { text: "", states: [], breaker: "" }

const readAddress = () => {
  const query = new URLSearchParams(location.search)
  filter.text = (query.get("q") || "").slice(0, 256)
  filter.states = query.getAll("state").filter((tag) => tags.includes(tag))
  filter.breaker = query.get("breaker") || ""
  const circuit = query.get("circuit")
  selected = circuit === null ? null : { breaker: circuit, key: query.get("key") || "" }
}

const writeAddress = (isStep) => {
  const query = new URLSearchParams()
  if (filter.text !== "") query.set("q", filter.text)
  for (const tag of filter.states) query.append("state", tag)
  if (filter.breaker !== "") query.set("breaker", filter.breaker)
  if (selected !== null) { query.set("circuit", selected.breaker); query.set("key", selected.key) }
  const text = query.toString()
  history[isStep ? "pushState" : "replaceState"](null, "", location.pathname + (text === "" ? "" : "?" + text))
}

// The loaded pages of the list, near the visible part. Other pages are requested when they come into view.
const pages = new Map()
let total = 0
let listed = false
let listVersion = 0
let refreshTimer = 0
let refreshAt = Infinity
let lastRefresh = 0

const circuitAt = (index) => {
  const page = pages.get(Math.floor(index / pageSize))
  return page && page.circuits[index % pageSize]
}

const loadPage = async (number) => {
  const version = listVersion
  const known = pages.get(number)
  if (known && known.loading) return
  pages.set(number, { circuits: known ? known.circuits : [], loading: true })
  const query = { offset: number * pageSize, limit: pageSize, state: filter.states }
  if (filter.text !== "") query.text = filter.text
  if (filter.breaker !== "") query.breaker = filter.breaker
  try {
    const answer = await get("circuits", query)
    if (version !== listVersion) return
    setClock(answer.at)
    total = answer.total
    listed = true
    problem = ""
    pages.set(number, { circuits: answer.circuits, loading: false })
  } catch (error) {
    if (version !== listVersion) return
    pages.set(number, { circuits: known ? known.circuits : [], loading: false, failed: true })
    if (error.status === 404) { total = 0; listed = true; pages.clear() }
    readFailed(error)
  }
  schedule()
}

const readFailed = (error) => {
  if (error.status === 401) askToken()
  problem = error instanceof Refused ? error.message : ""
}

const visiblePages = () => {
  const { first, last } = circuitList.bounds()
  const numbers = []
  for (let n = Math.floor(Math.max(0, first) / pageSize); n <= Math.floor(Math.max(0, last) / pageSize); n++)
    numbers.push(n)
  return numbers
}

// Requests the visible pages that are not loaded. A page that is scrolled past in less than this pause is not requested.
const loadPause = 100
let lastLoad = 0
let loadTimer = 0
const loadVisible = () => {
  const missing = visiblePages().filter((number) => !pages.has(number) && (listed || number === 0))
  if (missing.length === 0 || loadTimer !== 0) return
  const wait = lastLoad + loadPause - Date.now()
  if (wait > 0) {
    loadTimer = setTimeout(() => { loadTimer = 0; loadVisible() }, wait)
    return
  }
  lastLoad = Date.now()
  missing.forEach(loadPage)
}

const refresh = () => {
  lastRefresh = Date.now()
  refreshAt = Infinity
  circuitList.measure()
  const visible = visiblePages()
  for (const number of pages.keys()) if (!visible.includes(number)) pages.delete(number)
  visible.forEach(loadPage)
}

// Many circuits may change at once, so the list is requested at most every two seconds. The summaries show every second
// how circuits that are not Closed change.
const refreshSoon = (wait) => {
  const at = wait === 0 ? Date.now() : Math.max(Date.now() + wait, lastRefresh + 2000)
  // A later change never delays a refresh, or the list of a busy server would not be requested at all.
  if (at >= refreshAt) return
  clearTimeout(refreshTimer)
  refreshAt = at
  refreshTimer = setTimeout(refresh, at - Date.now())
}

const filterChanged = () => {
  writeAddress(false)
  listVersion++
  pages.clear()
  window.scrollTo(0, Math.min(window.scrollY, listTop()))
  refresh()
  schedule()
}

const listTop = () => Math.max(0, $("circuits").getBoundingClientRect().top + window.scrollY - covered())
const isNarrow = () => matchMedia("(max-width: 899px)").matches
// The height of the bar above the list, which covers a part of the page where it stays in view.
const covered = () => (isNarrow() ? 0 : barHeight + headsHeight + 4)

const loadBreakers = async () => {
  try {
    const answer = await get("breakers")
    setClock(answer.at)
    const rates = new Map(breakers.map((it) => [it.name, it.rates]))
    access = answer.access
    breakersTotal = answer.total
    breakersLoaded = true
    breakers = answer.breakers.map((it) => ({ ...it, id: breakerId(it.name), rates: rates.get(it.name) || null }))
    breakers.sort((a, b) => rankOf(a) - rankOf(b) || (a.name < b.name ? -1 : 1))
  } catch (error) { readFailed(error) }
  schedule()
}
// No circuit has such an id, because the ids of circuits begin with a number.
const breakerId = (name) => "breaker:" + name
const rankOf = (breaker) => tags.indexOf(worstOf(breaker.states))

const onSummary = (summary) => {
  setClock(summary.at)
  feed.connected = true
  feed.attempts = 0
  feed.lastUpdate = Date.now()
  const second = Math.floor(summary.at / 1000)
  recordSecond(second, summary.omitted === 0)
  const before = new Set()
  for (const [id, it] of latest) if (it.state._tag !== "Closed") before.add(id)
  latest.clear()
  for (const circuit of summary.circuits) {
    latest.set(idOf(circuit), circuit)
    record(idOf(circuit), second, circuit.rates)
    before.delete(idOf(circuit))
  }
  // A circuit that is no longer in the summary has closed. That may happen without a call, and then without a
  // transition.
  if (before.size > 0) refreshSoon(100)
  const known = new Map(breakers.map((it) => [it.name, it]))
  let isNew = false
  for (const { name, circuits, states, rates } of summary.breakers) {
    record(breakerId(name), second, rates)
    const breaker = known.get(name)
    if (breaker === undefined) isNew = true
    else Object.assign(breaker, { circuits, states, rates })
  }
  breakers.sort((a, b) => rankOf(a) - rankOf(b) || (a.name < b.name ? -1 : 1))
  if (isNew || second % 15 === 0) loadBreakers()
  if (second % 10 === 0) refreshSoon(200)
  if (second % 2 === 0) loadDetails()
  schedule()
}

const onTransition = (transition) => {
  refreshSoon(250)
  if (selected !== null && idOf(transition) === idOf(selected)) loadDetails()
}

const onChange = () => { refreshSoon(100); loadDetails() }
`
