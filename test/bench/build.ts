import { spawnSync } from "node:child_process"
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"

const here = import.meta.dirname
const modules = join(here, "node_modules")

const lock = join(here, "package-lock.json")
// the lock file that the installed packages were installed by
const installed = join(modules, ".installed-package-lock.json")

const read = (file: string) => (existsSync(file) ? readFileSync(file, "utf8") : "")

/** Installs the packages that only the benchmark needs, once and again whenever their lock file is another. */
export const install = (): void => {
  if (read(installed) === read(lock)) return
  process.stderr.write("Installing the benchmark's own packages: cockatiel, opossum, Effect 4 and esbuild\n")
  const args = ["ci", "--ignore-scripts", "--loglevel=error", "--no-audit", "--no-fund"]
  const { status } = spawnSync("npm", args, { cwd: here, stdio: ["ignore", "ignore", "inherit"] })
  if (status !== 0) throw new Error(`npm ci in ${here} ended with ${status}`)
  copyFileSync(lock, installed)
}

/** Under the package's own name, the compiled cases find the compiled sources. */
const manifest = {
  name: "effect-circuit-breaker",
  type: "module",
  sideEffects: false,
  exports: { ".": "./src/index.js", "./*": "./src/*.js" }
}

/**
 * Compiles the library and the cases with `tsc`, into a folder that lives as long as this process. Plain JavaScript,
 * because `tsx` names every closure when it is made, which would burden the library and not its peers. The folder lies
 * among the benchmark's packages, so that the cases find those first and then those of the root.
 */
export const build = (): string => {
  mkdirSync(join(modules, ".cache"), { recursive: true })
  const output = mkdtempSync(join(modules, ".cache/bench-"))
  process.on("exit", () => rmSync(output, { recursive: true, force: true }))
  writeFileSync(join(output, "package.json"), JSON.stringify(manifest))
  const tsc = join(here, "../../node_modules/typescript/bin/tsc")
  // types are checked by `npm run check:bench`
  const args = [tsc, "-p", here, "--outDir", output, "--noCheck"]
  const { stderr, stdout } = spawnSync(process.execPath, args, { encoding: "utf8" })
  const compiled = join(output, "test/bench")
  if (!existsSync(compiled)) throw new Error(`tsc: ${stdout}${stderr}`)
  return compiled
}
