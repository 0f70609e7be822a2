import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"

const root = resolve(import.meta.dirname, "../..")
const cache = join(root, "node_modules/.cache")

/** What the compiled cases find under the package's own name: the compiled sources, as `npm run build` makes them. */
const manifest = {
  name: "effect-circuit-breaker",
  type: "module",
  exports: { ".": "./src/index.js", "./*": "./src/*.js" }
}

/**
 * Compiles the library and the cases with `tsc`, and answers the path of the module that a case's process runs. It lies
 * in a folder of its own, so that two runs do not meet, for as long as this process lives.
 */
export const compile = (): string => {
  mkdirSync(cache, { recursive: true })
  const output = mkdtempSync(join(cache, "bench-"))
  process.on("exit", () => rmSync(output, { recursive: true, force: true }))
  writeFileSync(join(output, "package.json"), JSON.stringify(manifest))
  const tsc = join(root, "node_modules/typescript/bin/tsc")
  // types are the business of `npm run check`
  const options = ["-p", import.meta.dirname, "--outDir", output, "--noCheck"]
  const compiled = spawnSync(process.execPath, [tsc, ...options], { encoding: "utf8" })
  const entry = join(output, "test/bench/child.js")
  if (!existsSync(entry)) {
    throw new Error(`tsc: ${compiled.stdout}${compiled.stderr}`)
  }
  return entry
}
