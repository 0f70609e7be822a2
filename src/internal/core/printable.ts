/** Control characters, line separators, and characters that change the direction of text. */
const unprintable = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

/**
 * Escapes the unprintable characters of a text from outside, such as a key, so that it cannot end a line of the log and
 * forge another. The characters in `keeping` are not escaped.
 *
 * @internal
 */
export const printable = (text: string, keeping: string = ""): string =>
  wellFormed(text).replace(unprintable, (character) =>
    keeping.includes(character) ? character : escaped(character)
  )

/** @internal */
export const wellFormed = (text: string): string => text.toWellFormed()

const escaped = (character: string): string =>
  `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`
