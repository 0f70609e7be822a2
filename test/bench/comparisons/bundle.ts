import type { Comparison } from "../comparison.ts"

const bundled = (what: string, field: string, value: number): Comparison => ({
  label: `bundle of the root, minified, ${what}`,
  unit: "bytes",
  measured: { case: "bundle/root", field },
  target: { value }
})

export const bundleComparisons: ReadonlyArray<Comparison> = [
  bundled("and compressed, beyond effect alone", "compressed", 12_000),
  bundled("of it of the fleet", "fleet", 0)
]
