/**
 * Programs of this repository that tests run in separate processes. They are compiled once for all processes, because
 * compiling would take each process longer than running.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { execFile } from "node:child_process"
import * as fs from "node:fs/promises"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const root = fileURLToPath(new URL("../..", import.meta.url))

/**
 * A folder with the compiled `programs` and library, under their paths in the repository. It is a package with the library's
 * name, so the programs import the library as its users do.
 */
export const compiled = (programs: ReadonlyArray<string>): Effect.Effect<string, never, Scope.Scope> =>
  Effect.tap(
    Effect.acquireRelease(
      Effect.promise(() => fs.mkdtemp(path.join(os.tmpdir(), "circuit-breaker-"))),
      (folder) => Effect.promise(() => fs.rm(folder, { recursive: true }))
    ),
    (folder) => Effect.promise(() => compileInto(folder, programs))
  )

const compileInto = async (folder: string, programs: ReadonlyArray<string>): Promise<void> => {
  const { name } = JSON.parse(await fs.readFile(path.join(root, "package.json"), "utf8"))
  const exports = { ".": "./src/index.js", "./*": "./src/*.js" }
  const config = {
    extends: path.join(root, "tsconfig.json"),
    compilerOptions: { noEmit: false, noCheck: true, sourceMap: true, rootDir: root, outDir: folder },
    files: programs.map((program) => path.join(root, program)),
    include: []
  }
  await fs.writeFile(path.join(folder, "package.json"), JSON.stringify({ name, type: "module", exports }))
  await fs.writeFile(path.join(folder, "tsconfig.json"), JSON.stringify(config))
  await fs.symlink(path.join(root, "node_modules"), path.join(folder, "node_modules"), "junction")
  const compiler = path.join(root, "node_modules/typescript/bin/tsc")
  await promisify(execFile)(process.execPath, [compiler, "-p", folder])
}
