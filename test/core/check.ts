import * as fc from "fast-check"

const seed = Number(process.env["FC_SEED"] ?? 20_260_101)

/** Checks a property, with the same values every time unless `FC_SEED` says otherwise. */
export const check = <A>(property: fc.IProperty<A>, numRuns: number): void =>
  fc.assert(property, { numRuns, seed })
