import type { Scale } from "./case.ts"

/** How many keys a case has: a hundredth of them where figures mean nothing. */
export const scaled = (count: number, scale: Scale) =>
  scale === "full" ? count : Math.max(10, Math.round(count / 1000))

/** The keys, as the program holds them: flat strings with their hashes computed, so that neither is counted later. */
export const makeKeys = (count: number): ReadonlyArray<string> => {
  const keys = Array.from({ length: count }, (_, index) => `tenant-${index}`)
  if (new Set(keys).size !== count) {
    throw new Error("the keys are not distinct")
  }
  return keys
}

const orderLength = 2 ** 20

/**
 * Takes keys in an order that no cache can foresee, the same one in each run. The order is as long for few keys as for
 * many, so that reading it costs the same.
 */
export const shuffled = (keys: ReadonlyArray<string>): (() => string) => {
  const order = new Uint32Array(orderLength)
  let seed = 0x2545f491
  for (let index = 0; index < orderLength; index++) {
    seed ^= seed << 13
    seed ^= seed >>> 17
    seed ^= seed << 5
    order[index] = (seed >>> 0) % keys.length
  }
  let position = 0
  return () => {
    position = (position + 1) % orderLength
    return keys[order[position] ?? 0] ?? ""
  }
}

/** Takes the keys one after the other, and starts over at the end. */
export const inOrder = (keys: ReadonlyArray<string>): (() => string) => {
  let position = -1
  return () => {
    position = (position + 1) % keys.length
    return keys[position] ?? ""
  }
}
