/**
 * The part of the page's script that keeps only the visible rows of a list in the document.
 *
 * @internal
 */
export const list = String.raw`
const overscan = 4

// A list whose rows all have the same height. "scroller" is the element that scrolls, or null for the page itself.
const windowed = ({ holder, scroller, height, count, at, make, fill, covered }) => {
  const pool = new Map()
  const spare = []
  let current = null
  let drawnHeight = ""

  // Reading a position while the document is being changed is slow, so positions are read before.
  let top = 0
  let view = 0
  const measure = () => {
    top = scroller ? scroller.scrollTop : -holder.getBoundingClientRect().top
    view = scroller ? scroller.clientHeight : window.innerHeight
  }

  const bounds = () => {
    const rowHeight = height()
    const last = count() - 1
    const clamp = (n) => Math.max(0, Math.min(last, n))
    const seen = { first: Math.floor(top / rowHeight), last: Math.ceil((top + view) / rowHeight) }
    return last < 0
      ? { first: 0, last: -1, rowHeight, seen }
      : { first: clamp(seen.first - overscan), last: clamp(seen.last + overscan), rowHeight, seen }
  }

  const place = (node, before) => {
    let cursor = before
    // The row with the focus stays where it is, because a moved element loses the focus: the others move around it.
    if (cursor !== node && node.contains(document.activeElement))
      while (cursor !== null && cursor !== node) {
        const next = cursor.nextSibling
        holder.append(cursor)
        cursor = next
      }
    if (cursor !== node) holder.insertBefore(node, cursor)
    return node.nextSibling
  }

  // A circuit that was loaded replaces the placeholder of its row, which may have the focus.
  const newRow = (id, index) => {
    const placeholder = "?" + index
    const row = pool.get(placeholder) || spare.pop() || make()
    pool.delete(placeholder)
    pool.set(id, row)
    if (current === placeholder) current = id
    return row
  }

  const render = () => {
    const { first, last, rowHeight, seen } = bounds()
    const wholeHeight = count() * rowHeight + "px"
    if (drawnHeight !== wholeHeight) holder.style.height = drawnHeight = wholeHeight
    const used = new Set()
    let cursor = holder.firstChild
    let tabbable = false
    for (let index = first; index <= last; index++) {
      const item = at(index)
      let id = item === undefined ? "?" + index : item.id || idOf(item)
      if (used.has(id)) id = "?" + index
      used.add(id)
      const { row, isNew } = pool.has(id) ? { row: pool.get(id), isNew: false } : { row: newRow(id, index), isNew: true }
      row.index = index
      row.id = id
      const y = "translateY(" + index * rowHeight + "px)"
      if (row.y !== y) row.node.style.transform = row.y = y
      attr(row.node, "aria-setsize", count())
      attr(row.node, "aria-posinset", index + 1)
      // A row outside the visible part is updated when it comes into view.
      if (isNew || (index >= seen.first && index <= seen.last)) fill(row, item)
      if (id === current) tabbable = true
      cursor = place(row.node, cursor)
    }
    for (const [id, row] of pool) {
      if (used.has(id)) continue
      if (row.node.contains(document.activeElement) && document.hasFocus() && row.index < count() && id[0] !== "?") {
        if (id === current) tabbable = true
        continue
      }
      row.node.remove()
      if (spare.length < 40) spare.push(row)
      pool.delete(id)
    }
    // One row is in the tab order, and arrow keys move between rows.
    for (const [id, row] of pool) {
      const isCurrent = tabbable ? id === current : row.index === first
      for (const control of row.controls) attr(control, "tabindex", isCurrent ? 0 : -1)
    }
  }

  const reveal = (index) => {
    const rowHeight = height()
    const top = index * rowHeight
    if (scroller) {
      if (top < scroller.scrollTop) scroller.scrollTop = top
      else if (top + rowHeight > scroller.scrollTop + scroller.clientHeight)
        scroller.scrollTop = top + rowHeight - scroller.clientHeight
      return
    }
    const box = holder.getBoundingClientRect().top + top
    if (box < covered()) window.scrollBy(0, box - covered())
    else if (box + rowHeight > window.innerHeight) window.scrollBy(0, box + rowHeight - window.innerHeight)
  }

  const focus = (index) => {
    const target = Math.max(0, Math.min(count() - 1, index))
    reveal(target)
    measure()
    const item = at(target)
    if (item !== undefined) current = item.id || idOf(item)
    render()
    const row = [...pool.values()].find((it) => it.index === target)
    if (row) { current = row.id; row.controls[0].focus({ preventScroll: true }); render() }
  }

  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8, Home: -Infinity, End: Infinity }
  holder.addEventListener("keydown", (event) => {
    const step = steps[event.key]
    if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return
    const row = [...pool.values()].find((it) => it.node.contains(event.target))
    if (row === undefined) return
    event.preventDefault()
    focus(row.index + step)
  })
  holder.addEventListener("focusin", (event) => {
    const row = [...pool.values()].find((it) => it.node.contains(event.target))
    if (row) current = row.id
  })
  ;(scroller || window).addEventListener("scroll", () => later(), { passive: true })
  return { render, measure, bounds, focus, rowOf: (id) => pool.get(id) }
}
`
