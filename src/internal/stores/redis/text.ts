/**
 * Encodes a text for Redis, so that different texts stay different. A JavaScript string may contain lone surrogates,
 * which UTF-8 cannot encode and which would all become the replacement character. These and `%` are escaped.
 *
 * @internal
 */
export const encode = (text: string): string => text.replace(/%|\p{Surrogate}/gu, escape)

/**
 * Encodes a part of a name like {@link encode}, and also escapes colons and braces, which separate the parts.
 *
 * @internal
 */
export const encodePart = (text: string): string => text.replace(/[%:{}]|\p{Surrogate}/gu, escape)

const escape = (unit: string): string => {
  const digits = unit.charCodeAt(0).toString(16).toUpperCase()
  return digits.length === 2 ? `%${digits}` : `%u${digits}`
}

/**
 * Decodes a text. It never fails, even if another program wrote the text: invalid escapes stay as they are.
 *
 * @internal
 */
export const decode = (encoded: string): string =>
  encoded.replace(/%(?:u(D[89A-F][0-9A-F]{2})|(25|3A|7B|7D))/g, (_, surrogate?: string, other?: string) =>
    String.fromCharCode(Number.parseInt(surrogate ?? other ?? "", 16))
  )
