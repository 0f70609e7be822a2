import { spawnSync } from "node:child_process"
import { existsSync, statSync } from "node:fs"
import { join } from "node:path"

const lock = join(import.meta.dirname, "package-lock.json")
/** npm writes this file at the end of an installation. */
const installed = join(import.meta.dirname, "node_modules/.package-lock.json")

/** Installs the packages that only the benchmark needs, once and again whenever their lock file has changed. */
export const install = (): void => {
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return
  process.stderr.write("Installing the benchmark's own packages: cockatiel, opossum, Effect 4 and esbuild\n")
  const options = ["--ignore-scripts", "--loglevel=error", "--no-audit", "--no-fund"]
  const { error, status } = spawnSync("npm", ["ci", ...options], {
    cwd: import.meta.dirname,
    stdio: ["ignore", "ignore", "inherit"]
  })
  if (status !== 0)
    throw new Error(`npm ci in ${import.meta.dirname}: ${error?.message ?? `exit code ${status}`}`)
}
