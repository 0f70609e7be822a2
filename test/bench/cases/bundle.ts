import { build } from "esbuild"
import { gzipSync } from "node:zlib"
import type { Cases } from "../case.ts"

const bundle = async (...modules: ReadonlyArray<string>) => {
  const contents = modules.map((module) => `export * from ${JSON.stringify(module)}`).join("\n")
  const { metafile, outputFiles } = await build({
    stdin: { contents, resolveDir: import.meta.dirname },
    bundle: true,
    format: "esm",
    metafile: true,
    minify: true,
    platform: "node",
    write: false
  })
  const inputs = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs))
  return {
    compressed: gzipSync(outputFiles[0]!.contents, { level: 9 }).length,
    /** Before compression, of the modules whose path has this text. */
    bytesOf: (path: string) =>
      inputs.reduce((sum, [input, { bytesInOutput }]) => sum + (input.includes(path) ? bytesInOutput : 0), 0)
  }
}

/** Bytes of a program's bundle that the root of the library adds to all of `effect`. */
export const cases: Cases = {
  root: async () => async () => {
    const alone = await bundle("effect")
    const both = await bundle("effect", "effect-circuit-breaker")
    return {
      compressed: both.compressed - alone.compressed,
      fleet: both.bytesOf("/src/internal/fleet/")
    }
  }
}
