import { serve } from "../process.ts"
import type { Cases } from "../case.ts"

/** Runs the case `file/name`. Only its file is loaded, so that a process holds one library. */
serve(async (id = "", run = "") => {
  const [file, name = ""] = id.split("/")
  const { cases }: { readonly cases: Cases } = await import(`../cases/${file}.ts`)
  const prepare = cases[name]
  if (prepare === undefined) throw new RangeError(`there is no case ${id}`)
  return prepare((full, smoke) => (run === "smoke" ? smoke : full))
})
