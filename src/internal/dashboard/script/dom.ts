/**
 * The part of the page's script that makes and changes elements. Text goes into the document through `textContent`
 * only.
 *
 * @internal
 */
export const dom = String.raw`
const $ = (id) => document.getElementById(id)

// Replaces characters that would break the lines or change the direction of the surrounding text.
const disruptive = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/g
const plain = (text) => text.replace(disruptive, "\uFFFD")

// Makes an element. Its attributes come from this script. Text from the server becomes a child node, so it is never
// parsed as markup.
const h = (tag, props, ...children) => {
  const node = document.createElement(tag)
  for (const [name, value] of Object.entries(props || {})) {
    if (name === "class") node.className = value
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value)
    else if (value === true) node.setAttribute(name, "")
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, plain(String(value)))
  }
  for (const child of children)
    if (child !== null && child !== undefined && child !== false)
      node.append(typeof child === "string" ? plain(child) : child)
  return node
}

const svg = (tag, attributes, ...children) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag)
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value))
  node.append(...children)
  return node
}

// Writes only what differs, so that an update that changes nothing costs no layout.
const put = (node, text) => {
  const safe = plain(text)
  if (node.textContent !== safe) node.textContent = safe
}
const attr = (node, name, value) => {
  if (value === null) { if (node.hasAttribute(name)) node.removeAttribute(name) }
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, plain(String(value)))
}
// Sets the attribute, because SVG elements have no such property.
const shown = (node, visible) => attr(node, "hidden", visible ? null : "")
const replace = (node, ...children) => node.replaceChildren(...children.filter(Boolean))

const whole = new Intl.NumberFormat("en")
const count = (n) => whole.format(n)
const plural = (n, one, many) => count(n) + " " + (n === 1 ? one : many || one + "s")
const rate = (n) => (n === 0 ? "0" : n < 10 ? n.toFixed(1).replace(/\.0$/, "") : count(Math.round(n)))
const percent = (share) => Math.round(share * 1000) / 10 + " %"
const roundPercent = (share) => Math.floor(share * 100) + " %"

const duration = (millis) => {
  const seconds = Math.max(0, Math.ceil(millis / 1000))
  if (seconds < 60) return seconds + " s"
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return minutes + " min" + (seconds % 60 && minutes < 10 ? " " + (seconds % 60) + " s" : "")
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return hours + " h" + (minutes % 60 ? " " + (minutes % 60) + " min" : "")
  return Math.floor(hours / 24) + " days"
}
const ago = (millis) => (millis < 1500 ? "just now" : duration(millis - 999) + " ago")
const clockTime = (at) => new Date(at).toLocaleTimeString("en-GB")

// The id of a circuit, from its breaker and its key. With the length of the name in front, no two pairs give the same
// id.
const idOf = (it) => it.breaker.length + ":" + it.breaker + it.key

const remember = {
  get: (name) => { try { return sessionStorage.getItem("circuits:" + name) || "" } catch { return "" } },
  set: (name, value) => { try { sessionStorage.setItem("circuits:" + name, value) } catch { return } }
}
`
