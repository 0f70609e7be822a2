/**
 * The part of the page's script that calls the admin API and follows its events.
 *
 * @internal
 */
export const api = String.raw`
// The addresses are relative to the page, so that a proxy may put both below another path.
const base = new URL(document.documentElement.dataset.admin + "/",
  location.origin + location.pathname.replace(/\/+$/, ""))

// The token comes from the page's fragment, which no browser sends to a server, or from the operator. It is kept for
// this tab.
const tokenOfFragment = new URLSearchParams(location.hash.slice(1)).get("token")
if (tokenOfFragment) {
  remember.set("token", tokenOfFragment)
  history.replaceState(null, "", location.pathname + location.search)
}
const credentials = () => {
  const token = remember.get("token")
  return token ? { authorization: "Bearer " + token } : {}
}

class Refused extends Error {
  constructor(status, message) { super(message); this.status = status }
}

const refusal = async (response) => {
  let message = "The server answered " + response.status + "."
  try {
    const body = await response.json()
    if (typeof body.message === "string" && body.message !== "") message = body.message
  } catch { return new Refused(response.status, message) }
  return new Refused(response.status, message)
}

const address = (path, query) => {
  const url = new URL(path, base)
  for (const [name, value] of Object.entries(query || {}))
    for (const each of [].concat(value)) url.searchParams.append(name, each)
  return url
}

// The milliseconds by which the server's clock is ahead of this one.
let clockOffset = 0
const now = () => Date.now() + clockOffset
const setClock = (at) => { if (typeof at === "number") clockOffset = at - Date.now() }

const get = async (path, query, signal) => {
  const response = await fetch(address(path, query), { headers: credentials(), signal, cache: "no-store" })
  if (!response.ok) throw await refusal(response)
  return response.json()
}

const post = async (path, body) => {
  const headers = { "content-type": "application/json", "x-circuit-admin": "1", ...credentials() }
  const response = await fetch(address(path), { method: "POST", headers, body: JSON.stringify(body) })
  if (!response.ok) throw await refusal(response)
  return response.json()
}

// Follows the events for as long as the page is open, and reconnects automatically.
const feed = { connected: false, lastUpdate: 0, attempts: 0, retryAt: 0, refused: null }

const follow = (on) => {
  let abort = null
  let timer = 0
  const connect = async () => {
    clearTimeout(timer)
    feed.retryAt = 0
    abort = new AbortController()
    const own = abort
    try {
      const response = await fetch(address("events"), { headers: credentials(), signal: own.signal, cache: "no-store" })
      if (!response.ok) throw await refusal(response)
      feed.refused = null
      await readEvents(response.body.getReader(), on)
    } catch (error) {
      if (error instanceof Refused) { feed.refused = error; if (error.status === 401) on.unauthorized() }
    }
    if (abort !== own) return
    feed.connected = false
    feed.attempts++
    const wait = Math.min(10000, 500 * 2 ** Math.min(feed.attempts, 5)) * (0.75 + Math.random() / 2)
    feed.retryAt = Date.now() + wait
    timer = setTimeout(connect, wait)
    on.lost()
  }
  const again = () => { const old = abort; abort = null; if (old) old.abort(); connect() }
  // Summaries arrive every second, so a connection that was silent for ten seconds is replaced.
  setInterval(() => {
    if (feed.connected && Date.now() - feed.lastUpdate > 10000) again()
  }, 1000)
  window.addEventListener("online", () => { if (!feed.connected) again() })
  document.addEventListener("visibilitychange", () => { if (!document.hidden && !feed.connected) again() })
  connect()
  return again
}

const readEvents = async (reader, on) => {
  const decoder = new TextDecoder()
  let rest = ""
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n")
    rest = blocks.pop()
    for (const block of blocks) {
      let name = ""
      let data = ""
      for (const line of block.split("\n")) {
        if (line.startsWith("event:")) name = line.slice(6).trim()
        else if (line.startsWith("data:")) data += line.slice(5)
      }
      if (name !== "" && on[name]) on[name](JSON.parse(data))
    }
  }
}
`
