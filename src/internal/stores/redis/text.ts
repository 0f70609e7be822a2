import { Buffer } from "node:buffer"

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

/**
 * Decodes a revision. A text that {@link encode} has not made stands for its bytes, and {@link encodeRevision} gives
 * them back exactly: otherwise no write could name the revision that it replaces, and the text of another program would
 * stay.
 *
 * @internal
 */
export const decodeRevision = (bytes: Buffer): string => {
  const revision = decode(bytes.toString())
  const isOwn = Buffer.from(encode(revision)).equals(bytes) && !revision.startsWith(foreign)
  return isOwn ? revision : foreign + bytes.toString("latin1")
}

/** @internal */
export const encodeRevision = (revision: string): string | Buffer =>
  revision.startsWith(foreign) ? Buffer.from(revision.slice(foreign.length), "latin1") : encode(revision)

/** Begins no revision of a node. */
const foreign = "\u0000bytes:"
