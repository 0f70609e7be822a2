import { printable, wellFormed } from "../core/printable.ts"

/** The longest name or key that answers contain in full, and the length to which a longer one is shortened. */
const longestName = 256
const kept = 200

const hasLoneSurrogate = /\p{Surrogate}/u

/**
 * A name or a key as answers show it and requests may give it. One that is very long, or is not well-formed text, is
 * shortened, and ends with a hash of the whole. So does one that has the form of a shortened name, because it could
 * otherwise be given the label of another one.
 *
 * @internal
 */
export const labelOf = (name: string): string =>
  name.length <= longestName && !hasLoneSurrogate.test(name) && !isShortened(name)
    ? name
    : `${wellFormed(name.slice(0, kept))}…#${hashOf(name)}`

/**
 * Whether a text has the form of a shortened name.
 *
 * @internal
 */
export const isShortened = (label: string): boolean => /…#[\da-f]{16}$/.test(label)

/**
 * Prepares a text from outside for a log line or an answer: shortens it, and escapes its unprintable characters.
 *
 * @internal
 */
export const bounded = (text: string, most: number): string => printable(shortened(text, most))

/**
 * The same for a text that may have several lines.
 *
 * @internal
 */
export const boundedLines = (text: string, most: number): string => printable(shortened(text, most), "\n\t")

/** @internal */
export const shortened = (text: string, most: number): string =>
  text.length > most ? `${text.slice(0, most)}…` : text

/** 64 bits of the text, in two halves that are mixed differently. */
const hashOf = (text: string): string => {
  let left = 0xdeadbeef ^ text.length
  let right = 0x41c6ce57 ^ text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    left = Math.imul(left ^ unit, 2654435761)
    right = Math.imul(right ^ unit, 1597334677)
  }
  left = Math.imul(left ^ (left >>> 16), 2246822507) ^ Math.imul(right ^ (right >>> 13), 3266489909)
  right = Math.imul(right ^ (right >>> 16), 2246822507) ^ Math.imul(left ^ (left >>> 13), 3266489909)
  return hex(left) + hex(right)
}

const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0")
