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

  // The items between two indices with their ids. A circuit that was loaded takes the row of its placeholder, which may
  // have the focus.
  const wantedBetween = (first, last) => {
    const wanted = new Map()
    for (let index = first; index <= last; index++) {
      const item = at(index)
      const placeholder = "?" + index
      const id = item === undefined ? placeholder : item.id || idOf(item)
      const isTaken = wanted.has(id)
      if (!isTaken && !pool.has(id) && pool.has(placeholder)) {
        pool.set(id, pool.get(placeholder))
        pool.delete(placeholder)
        if (current === placeholder) current = id
      }
      wanted.set(isTaken ? placeholder : id, { index, item })
    }
    return wanted
  }

  // Removes the rows that are no longer wanted from the pool, in their order. The row with the focus stays, unless its
  // circuit is gone.
  const takeUnwanted = (wanted) => {
    const unwanted = []
    for (const [id, row] of pool) {
      if (wanted.has(id)) continue
      const isActive = row.node.contains(document.activeElement)
      if (isActive && document.hasFocus() && row.index < count() && id[0] !== "?") continue
      pool.delete(id)
      if (isActive) row.node.remove()
      else unwanted.push(row)
    }
    return unwanted.sort((a, b) => a.index - b.index)
  }

  // While the list is scrolled, rows keep their places in the document, because a row that is moved there needs a whole
  // layout. The next update puts them in order.
  const render = (isScrolling) => {
    const { first, last, rowHeight, seen } = bounds()
    const wholeHeight = count() * rowHeight + "px"
    if (drawnHeight !== wholeHeight) holder.style.height = drawnHeight = wholeHeight
    const wanted = wantedBetween(first, last)
    // A row that stays in the document needs much less layout than one that is inserted, so it is used again in place.
    const unwanted = takeUnwanted(wanted)
    let cursor = holder.firstChild
    for (const [id, { index, item }] of wanted) {
      const row = pool.get(id) || unwanted.shift() || spare.pop() || make()
      const isNew = row.id !== id
      pool.set(id, row)
      row.index = index
      row.id = id
      const y = "translateY(" + index * rowHeight + "px)"
      if (row.y !== y) row.node.style.transform = row.y = y
      attr(row.node, "aria-setsize", count())
      attr(row.node, "aria-posinset", index + 1)
      // A row outside the visible part is updated when it comes into view.
      if (isNew || (index >= seen.first && index <= seen.last)) fill(row, item)
      if (!isScrolling) cursor = place(row.node, cursor)
      else if (!row.node.isConnected) holder.append(row.node)
    }
    for (const row of unwanted) {
      row.node.remove()
      if (spare.length < 40) spare.push(row)
    }
    const tabbable = pool.has(current)
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
