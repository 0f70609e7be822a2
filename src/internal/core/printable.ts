/** Characters that end a line, move the cursor, or turn the direction of what follows them. */
const unprintable = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

const loneSurrogates = /\p{Surrogate}/gu

/**
 * A text of others, such as a key, within a line of text: with its unprintable characters escaped, so that it cannot end
 * the line and begin one of its own. `keeping` are those of them that may stay.
 *
 * @internal
 */
export const printable = (text: string, keeping: string = ""): string =>
  wellFormed(text).replace(unprintable, (character) =>
    keeping.includes(character) ? character : escaped(character)
  )

/** @internal */
export const wellFormed = (text: string): string => text.replace(loneSurrogates, "\ufffd")

const escaped = (character: string): string =>
  `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`
