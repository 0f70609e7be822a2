/**
 * Programs of this repository that tests run in separate processes. They are compiled and bundled once for all processes,
 * because compiling, and loading the hundreds of modules of Effect, would take each process longer than running.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { build } from "esbuild"
import * as fs from "node:fs/promises"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../..", import.meta.url))

/** A folder with the compiled `programs`, under their paths in the repository. */
export const compiled = (programs: ReadonlyArray<string>): Effect.Effect<string, never, Scope.Scope> =>
  Effect.tap(
    Effect.acquireRelease(
      Effect.promise(() => fs.mkdtemp(path.join(os.tmpdir(), "circuit-breaker-"))),
      (folder) => Effect.promise(() => fs.rm(folder, { recursive: true }))
    ),
    (folder) => Effect.promise(() => compileInto(folder, programs))
  )

const compileInto = async (folder: string, programs: ReadonlyArray<string>): Promise<void> => {
  await build({
    absWorkingDir: root,
    entryPoints: [...programs],
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    outbase: root,
    outdir: folder,
    sourcemap: true,
    sourcesContent: false,
    alias: { "effect-circuit-breaker": path.join(root, "src") },
    // It loads a native module, which cannot be bundled.
    external: ["libsql"],
    // CommonJS modules among the bundled ones call it.
    banner: {
      js: `import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);`
    }
  })
  await fs.writeFile(path.join(folder, "package.json"), JSON.stringify({ type: "module" }))
  await fs.symlink(path.join(root, "node_modules"), path.join(folder, "node_modules"), "junction")
}
