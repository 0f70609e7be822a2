/**
 * Texts as Redis gets them. A JavaScript text may hold half of a surrogate pair, which UTF-8 cannot express: it would
 * arrive as a replacement character, so that two different texts became one. Here every text has a form of its own, which
 * is the text itself but for `%` and such halves.
 *
 * @internal
 */
export const encode = (text: string): string => text.replace(/%|\p{Surrogate}/gu, escape)

/**
 * The same for a part of a name, in which colons and braces have a meaning.
 *
 * @internal
 */
export const encodePart = (text: string): string => text.replace(/[%:{}]|\p{Surrogate}/gu, escape)

const escape = (unit: string): string => {
  const digits = unit.charCodeAt(0).toString(16).toUpperCase()
  return digits.length === 2 ? `%${digits}` : `%u${digits}`
}

/**
 * The text that was encoded. It never fails, whoever wrote the text: what is no escape stays as it is.
 *
 * @internal
 */
export const decode = (encoded: string): string =>
  encoded.replace(/%(?:u(D[89A-F][0-9A-F]{2})|(25|3A|7B|7D))/g, (_, surrogate?: string, other?: string) =>
    String.fromCharCode(Number.parseInt(surrogate ?? other ?? "", 16))
  )
