import type { Comparison, Figure } from "../comparison.ts"

const bytes = (label: string, name: string, value: number): Comparison => ({
  label,
  unit: "bytes",
  measured: { case: name, field: "bytes" },
  target: { value }
})

const beside = (
  name: string,
  field: string
): { readonly reference: Figure & { readonly label: string } } => ({
  reference: { label: "Effect 4.1", case: name, field }
})

const time = (label: string, name: string): Comparison => ({
  label,
  unit: "ns",
  measured: { case: name, field: "perCall" },
  reference: { label: "10 keys", case: "keys/10", field: "perCall" },
  target: { ratio: 1.5 }
})

const plainMap = (label: string, name: string): Comparison => ({
  label,
  unit: "ns",
  measured: { case: name, field: "bare" },
  reference: { label: "10 keys", case: "keys/10", field: "bare" }
})

const worst = (keys: string, which: string, field: string, name: string): Comparison => ({
  label: `${keys} keys expire, worst call, ${which}`,
  unit: "ms",
  measured: { case: `expiry/${name}`, field },
  ...beside(`effect4-expiry/${name}`, field)
})

const worstCall = (keys: string, name: string): ReadonlyArray<Comparison> => [
  { ...worst(keys, "in each pass", "worstInEachPass", name), target: { value: 1 } },
  worst(keys, "collections taken off", "worstWithoutCollection", name),
  worst(keys, "with everything", "worst", name)
]

export const keyComparisons = {
  time: [
    time("a call with 100,000 keys", "keys/100000"),
    time("a call with 1,000,000 keys", "keys/1000000"),
    plainMap("bare, and a plain Map of 100,000 keys", "keys/100000"),
    plainMap("bare, and a plain Map of 1,000,000 keys", "keys/1000000")
  ],
  bytes: [
    bytes("1,000,000 keys, rate over 100 calls", "memory/rate-1000000", 320),
    {
      ...bytes("100,000 keys, rate over 100 calls", "memory/rate-100000", 320),
      ...beside("effect4-memory/rate-100000", "bytes")
    },
    {
      ...bytes("1,000,000 keys, consecutive", "memory/consecutive-1000000", 175),
      ...beside("effect4-memory/consecutive-1000000", "bytes")
    },
    {
      ...bytes("100,000 keys, consecutive", "memory/consecutive-100000", 175),
      ...beside("effect4-memory/consecutive-100000", "bytes")
    },
    bytes("10,000 keys, consecutive, shared and healthy", "memory/shared-10000", 600)
  ],
  worstCall: [...worstCall("100,000", "100000"), ...worstCall("1,000,000", "1000000")]
} satisfies Readonly<Record<string, ReadonlyArray<Comparison>>>
