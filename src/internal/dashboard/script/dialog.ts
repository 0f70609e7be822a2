/**
 * The part of the page's script that asks for confirmation before a change, and shows the result.
 *
 * @internal
 */
export const dialog = String.raw`
const nameOf = (it) => it.breaker + " / " + (it.key === "" ? "(empty key)" : it.key)

// The name of each action, and the texts that are shown before and after it.
const actions = {
  isolate: {
    word: "Isolate", path: "circuit/isolate", timed: true, done: "Isolated",
    says: () =>
      "Every call will be rejected immediately, and no probe admitted, until you release the circuit or the time is up."
  },
  disable: {
    word: "Disable", path: "circuit/disable", timed: true, done: "Disabled",
    says: () => "Every call will be admitted, even if all of them fail, until you release it or the time is up."
  },
  trip: {
    word: "Trip", path: "circuit/trip", done: "Tripped",
    says: () => "The circuit will open. Calls will be rejected until its next probe, which decides whether it closes again."
  },
  reset: {
    word: "Reset", path: "circuit/reset", done: "Reset",
    says: () => "The circuit will close and admit every call, and its counts start over. Any isolation of it will end."
  },
  release: {
    word: "Release", path: "overrides/release", done: "Released",
    says: (override) =>
      (override.kind === "Isolate" ? "The circuit will no longer be isolated by "
        : "The circuit will no longer be disabled by ") + override.owner +
      " (“" + override.reason + "”). It will close, unless it is also isolated or disabled by someone else."
  }
}

const spans = [
  [300, "5 minutes"], [900, "15 minutes"], [3600, "1 hour"], [14400, "4 hours"], [86400, "1 day"], [604800, "7 days"]
]
const durations = () => {
  const longest = access.longestOverrideSeconds
  const fitting = spans.filter(([n]) => n <= longest)
  return fitting.length > 0 ? fitting : [[longest, duration(longest * 1000)]]
}

const isReadOnly = () => access.changes === "Forbidden"

// The only button of a row, for the action that an operator needs first.
const fillQuickAction = (button, circuit) => {
  shown(button, !isReadOnly())
  const word = circuit.state._tag === "Isolated" || circuit.state._tag === "Disabled" ? "Release…" : "Isolate…"
  put(button, word)
  attr(button, "aria-label", word.slice(0, -1) + " " + nameOf(circuit))
}

const askQuickAction = async (circuit) => {
  if (circuit.state._tag !== "Isolated" && circuit.state._tag !== "Disabled") return ask("isolate", circuit)
  try {
    const kind = circuit.state._tag === "Isolated" ? "Isolate" : "Disable"
    const { overrides } = await get("overrides")
    const own = overrides.filter((it) => idOf(it) === idOf(circuit))
    const override = own.find((it) => it.kind === kind) || own[0]
    if (override) ask("release", circuit, override)
    else say("bad", nameOf(circuit) + " is " + circuit.state._tag + " by the program itself" +
      (circuit.sharing.shared ? " or by another process" : "") + ", so there is nothing to release here.")
  } catch (error) { say("bad", error.message) }
}

const field = (label, control, hint) =>
  h("label", { class: "field" }, h("span", {}, label), control, hint ? h("span", { class: "hint" }, hint) : null)

const dialogNode = $("dialog")
let returnFocus = null
const closeDialog = () => { if (dialogNode.open) dialogNode.close() }
dialogNode.addEventListener("close", () => {
  if (returnFocus && returnFocus.isConnected) returnFocus.focus({ preventScroll: true })
  returnFocus = null
})
const showDialog = (...children) => {
  returnFocus = document.activeElement
  replace(dialogNode, ...children)
  dialogNode.showModal()
}

const ask = (name, circuit, override) => {
  const action = actions[name]
  const id = "dialog-title"
  const reason = h("input", { name: "reason", required: true, maxlength: 500, autocomplete: "off" })
  const owner = h("input",
    { name: "owner", maxlength: 256, required: access.changes === "Token", autocomplete: "name" })
  owner.value = remember.get("owner")
  const time = h("select", { name: "time" },
    ...durations().map(([n, text]) => h("option", { value: n, selected: n === 3600 }, text)))
  const token = h("input", { name: "token", type: "password", required: true, autocomplete: "off" })
  const needsToken = access.changes === "Token" && remember.get("token") === ""
  const problem = h("p", { class: "problem", role: "alert" })
  const submit = h("button", { type: "submit", class: "primary " + name }, action.word)
  const form = h("form", { novalidate: true },
    h("h2", { id }, action.word + " this circuit?"),
    h("p", { class: "target" }, nameOf(circuit)),
    h("p", { class: "says" }, action.says(override)),
    circuit.state === undefined ? h("p", { class: "problem" }, uncalledText + " The circuit will be created.") : null,
    circuit.sharing && circuit.sharing.shared
      ? h("p", { class: "hint" }, "This circuit is shared, so the change affects every process.") : null,
    field("Reason", reason, "The reason is logged, and shown to other operators."),
    action.timed ? field("For", time) : null,
    field(access.changes === "Token" ? "Your name" : "Your name (optional)", owner),
    needsToken ? field("Token", token, "The token is kept for this tab only.") : null,
    problem,
    h("div", { class: "buttons" }, h("button", { type: "button", onclick: closeDialog }, "Cancel"), submit))
  form.addEventListener("submit", async (event) => {
    event.preventDefault()
    const missing = [reason, owner, ...(needsToken ? [token] : [])].find((it) => it.required && it.value.trim() === "")
    for (const it of [reason, owner, token]) attr(it, "aria-invalid", it === missing ? "true" : null)
    if (missing) {
      put(problem, "Please fill in: " + missing.closest("label").firstChild.textContent.toLowerCase() + ".")
      return missing.focus()
    }
    if (needsToken) remember.set("token", token.value.trim())
    remember.set("owner", owner.value.trim())
    submit.disabled = true
    put(problem, "")
    const body = { reason: reason.value.trim() }
    if (owner.value.trim() !== "") body.owner = owner.value.trim()
    if (override) body.id = override.id
    else { body.breaker = circuit.breaker; body.key = circuit.key }
    if (action.timed) body.expiresInSeconds = Number(time.value)
    try {
      const answer = await post(action.path, body)
      closeDialog()
      sayResult(action, circuit, answer)
    } catch (error) {
      submit.disabled = false
      if (error.status === 401) {
        remember.set("token", "")
        closeDialog()
        ask(name, circuit, override)
        return put(dialogNode.querySelector(".problem"), error.message)
      }
      put(problem, error instanceof Refused ? error.message
        : "The server could not be reached. The change may or may not have been made.")
    }
  })
  showDialog(form)
  attr(dialogNode, "aria-labelledby", id)
  reason.focus()
}

const sayResult = (action, circuit, answer) => {
  const { _tag } = answer.circuit ? answer.circuit.state : {}
  if (!answer.changed) say("calm", "Nothing changed: " + nameOf(circuit) + (_tag ? " is " + _tag : " is gone") + ".")
  else {
    const until = answer.override && action.timed ? " until " + clockTime(answer.override.expiresAt) : ""
    say("good", action.done + ": " + nameOf(circuit) + (_tag ? " is now " + _tag : " is gone") + until + ".")
  }
  if (answer.circuit) latest.set(idOf(answer.circuit), answer.circuit)
  loadBreakers()
  refreshSoon(0)
  loadDetails()
}

const askToken = () => {
  if (dialogNode.open) return
  const token = h("input", { name: "token", type: "password", required: true, autocomplete: "off" })
  const form = h("form", { novalidate: true },
    h("h2", { id: "dialog-title" }, "This server needs a token"),
    h("p", { class: "says" }, "Its circuits are shown only to operators who have the token."),
    field("Token", token, "The token is kept for this tab only."),
    h("div", { class: "buttons" }, h("button", { type: "submit", class: "primary" }, "Continue")))
  form.addEventListener("submit", (event) => {
    event.preventDefault()
    remember.set("token", token.value.trim())
    closeDialog()
    restart()
  })
  showDialog(form)
  attr(dialogNode, "aria-labelledby", "dialog-title")
}

// Shows a message at the foot of the page, and announces it to screen readers.
let saying = 0
const say = (kind, text) => {
  const node = $("says")
  clearTimeout(saying)
  node.className = "says " + kind
  put(node, text)
  shown(node, true)
  saying = setTimeout(() => shown(node, false), 12000)
}
`
