import { spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"

const root = resolve(import.meta.dirname, "../..")
// from here, the compiled cases find the benchmark's own packages, and then those of the root
const cache = join(import.meta.dirname, "node_modules/.cache")

/** What the compiled cases find under the package's own name: the compiled sources, as `npm run build` makes them. */
const manifest = {
  name: "effect-circuit-breaker",
  type: "module",
  sideEffects: false,
  exports: { ".": "./src/index.js", "./*": "./src/*.js" }
}

/** The modules that a case's process runs: of the library as it is, and of one whose breakers count in no metric. */
export interface Entries {
  readonly plain: string
  readonly withoutMetrics: string
}

/**
 * Compiles the library and the cases with `tsc`. They lie in a folder of their own, so that two runs do not meet, for as
 * long as this process lives.
 */
export const compile = (): Entries => {
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
  return { plain: entry, withoutMetrics: withoutMetrics(output) }
}

const withoutMetrics = (output: string): string => {
  const copy = join(output, "without-metrics")
  for (const each of ["src", "test", "package.json"]) {
    cpSync(join(output, each), join(copy, each), { recursive: true })
  }
  const meters = join(copy, "src/internal/observe/meters.js")
  const counting = /^export const increment = .*;$/m
  const text = readFileSync(meters, "utf8")
  if (!counting.test(text)) {
    throw new Error(`${meters}: what counts was not found`)
  }
  writeFileSync(meters, text.replace(counting, "export const increment = () => {};"))
  return join(copy, "test/bench/child.js")
}
