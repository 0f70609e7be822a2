export const collect = (): void => {
  if (globalThis.gc === undefined) {
    throw new Error("started without --expose-gc")
  }
  globalThis.gc()
  globalThis.gc()
}

/** Bytes in use after a collection: the heap, and what array buffers hold outside of it. */
export const usedBytes = (): number => {
  collect()
  const { external, heapUsed } = process.memoryUsage()
  return heapUsed + external
}
