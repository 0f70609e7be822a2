import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"

const root = resolve(import.meta.dirname, "../..")
const output = join(root, "node_modules/.cache/effect-circuit-breaker-bench")

/** What the compiled cases find under the package's own name: the compiled sources, as `npm run build` makes them. */
const manifest = {
  name: "effect-circuit-breaker",
  type: "module",
  exports: { ".": "./src/index.js", "./*": "./src/*.js" }
}

/** Compiles the library and the cases with `tsc`, and answers the path of the module that a case's process runs. */
export const compile = (): string => {
  rmSync(output, { recursive: true, force: true })
  mkdirSync(output, { recursive: true })
  writeFileSync(join(output, "package.json"), JSON.stringify(manifest))
  const tsc = join(root, "node_modules/typescript/bin/tsc")
  // types are the business of `npm run check`
  const compiled = spawnSync(process.execPath, [tsc, "-p", import.meta.dirname, "--noCheck"], {
    encoding: "utf8"
  })
  const entry = join(output, "test/bench/child.js")
  if (!existsSync(entry)) {
    throw new Error(`tsc: ${compiled.stdout}${compiled.stderr}`)
  }
  return entry
}
