/**
 * The first `most` items in order. The other items are not sorted: of very many, most are compared only once.
 *
 * @internal
 */
export const firstOf = <A>(
  items: Iterable<A>,
  most: number,
  compare: (left: A, right: A) => number
): Array<A> => {
  // A heap whose root is the last of the items that are kept.
  const heap: Array<A> = []
  for (const item of items) {
    if (heap.length < most) {
      heap.push(item)
      rise(heap, heap.length - 1, compare)
    } else if (most > 0 && compare(item, heap[0]!) < 0) {
      heap[0] = item
      sink(heap, compare)
    }
  }
  return heap.toSorted(compare)
}

const rise = <A>(heap: Array<A>, from: number, compare: (left: A, right: A) => number): void => {
  for (let at = from; at > 0;) {
    const parent = (at - 1) >> 1
    if (compare(heap[at]!, heap[parent]!) <= 0) return
    swap(heap, at, parent)
    at = parent
  }
}

const sink = <A>(heap: Array<A>, compare: (left: A, right: A) => number): void => {
  for (let at = 0; ;) {
    let last = at
    for (const child of [2 * at + 1, 2 * at + 2])
      if (child < heap.length && compare(heap[child]!, heap[last]!) > 0) last = child
    if (last === at) return
    swap(heap, at, last)
    at = last
  }
}

const swap = <A>(heap: Array<A>, left: number, right: number): void => {
  const item = heap[left]!
  heap[left] = heap[right]!
  heap[right] = item
}
