import { Buffer } from "node:buffer"

// The lists are MessagePack, because Redis packs and unpacks it several times as fast as text or JSON, and because it
// keeps each number exactly.

/**
 * Packs a list of numbers for a script, each as a double.
 *
 * @internal
 */
export const pack = (numbers: ReadonlyArray<number>): Buffer => {
  const bytes = Buffer.allocUnsafe(5 + 9 * numbers.length)
  bytes[0] = tags.array32
  bytes.writeUInt32BE(numbers.length, 1)
  let at = 5
  for (const number of numbers) {
    bytes[at] = tags.double
    bytes.writeDoubleBE(number, at + 1)
    at += 9
  }
  return bytes
}

/**
 * Unpacks the numbers and texts of a list that a script has packed. The result is empty if the bytes are not such a
 * list.
 *
 * @internal
 */
export const unpack = (bytes: Buffer): ReadonlyArray<number | string> => {
  try {
    const [length, start] = lengthOf(bytes)
    // Each value takes at least one byte, so a greater length is invalid.
    if (length > bytes.length) return []
    const values: Array<number | string> = []
    let at = start
    for (let i = 0; i < length; i++) {
      const [value, next] = valueAt(bytes, at)
      values.push(value)
      at = next
    }
    return values
  } catch {
    return []
  }
}

/** The length of a list, and the position of its first value. */
const lengthOf = (bytes: Buffer): readonly [length: number, start: number] => {
  const tag = bytes.readUInt8(0)
  if (tag >= 0x90 && tag < 0xa0) return [tag - 0x90, 1]
  if (tag === tags.array16) return [bytes.readUInt16BE(1), 3]
  if (tag === tags.array32) return [bytes.readUInt32BE(1), 5]
  throw new RangeError("it is no list")
}

type Value = readonly [value: number | string, next: number]

/** A number or a text, and the position of the next value. */
const valueAt = (bytes: Buffer, at: number): Value => {
  const tag = bytes.readUInt8(at)
  if (tag < 0x80) return [tag, at + 1]
  if (tag >= 0xe0) return [tag - 0x100, at + 1]
  if (tag >= 0xa0 && tag < 0xc0) return textAt(bytes, at + 1, tag - 0xa0)
  const read = readers[tag]
  if (read === undefined) throw new RangeError("it is no number and no text")
  return read(bytes, at + 1)
}

const textAt = (bytes: Buffer, at: number, length: number): Value => {
  const next = at + length
  if (next > bytes.length) throw new RangeError("the text is cut off")
  return [bytes.toString("utf8", at, next), next]
}

const tags = { double: 0xcb, array16: 0xdc, array32: 0xdd }

const readers: Readonly<Record<number, (bytes: Buffer, at: number) => Value>> = {
  0xca: (bytes, at) => [bytes.readFloatBE(at), at + 4],
  [tags.double]: (bytes, at) => [bytes.readDoubleBE(at), at + 8],
  0xcc: (bytes, at) => [bytes.readUInt8(at), at + 1],
  0xcd: (bytes, at) => [bytes.readUInt16BE(at), at + 2],
  0xce: (bytes, at) => [bytes.readUInt32BE(at), at + 4],
  0xcf: (bytes, at) => [Number(bytes.readBigUInt64BE(at)), at + 8],
  0xd0: (bytes, at) => [bytes.readInt8(at), at + 1],
  0xd1: (bytes, at) => [bytes.readInt16BE(at), at + 2],
  0xd2: (bytes, at) => [bytes.readInt32BE(at), at + 4],
  0xd3: (bytes, at) => [Number(bytes.readBigInt64BE(at)), at + 8],
  0xd9: (bytes, at) => textAt(bytes, at + 1, bytes.readUInt8(at)),
  0xda: (bytes, at) => textAt(bytes, at + 2, bytes.readUInt16BE(at)),
  0xdb: (bytes, at) => textAt(bytes, at + 4, bytes.readUInt32BE(at))
}
