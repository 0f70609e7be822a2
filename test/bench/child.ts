import { find } from "./registry.ts"
import type { Sample, Scale } from "./case.ts"

/** What the process of a case answers: to its start, and to each request for a round. */
export type Answer =
  | { readonly _tag: "Prepared" }
  | { readonly _tag: "Measured"; readonly sample: Sample }
  | { readonly _tag: "Failed"; readonly message: string }

const answer = (message: Answer) => process.send?.(message)

const failed = (error: unknown) =>
  answer({ _tag: "Failed", message: error instanceof Error ? error.message : String(error) })

const [name = "", scale = "full"] = process.argv.slice(2)

process.on("disconnect", () => process.exit())
// what throws in a timer reaches nobody else
process.on("uncaughtException", failed)

try {
  const prepare = await find(name)
  const round = await prepare(scale as Scale)
  process.on("message", () => {
    round().then((sample) => answer({ _tag: "Measured", sample }), failed)
  })
  answer({ _tag: "Prepared" })
} catch (error) {
  failed(error)
}
