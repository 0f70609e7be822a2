import * as fc from "fast-check"

const surrogates = 0xdfff - 0xd800 + 1

/**
 * Text of any characters. `fc.string({ unit: "binary" })` is such text too, and takes seconds: each begins with a table
 * of all the million characters that there are.
 */
export const anyText = (constraints: fc.ArrayConstraints = {}): fc.Arbitrary<string> =>
  fc
    .array(fc.nat(0x10ffff - surrogates), constraints)
    .map((points) =>
      String.fromCodePoint(...points.map((point) => (point < 0xd800 ? point : point + surrogates)))
    )
