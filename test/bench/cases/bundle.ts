import { build } from "esbuild"
import { gzipSync } from "node:zlib"
import type { Case, Cases } from "../case.ts"

/** The only places inside of `src` that the benchmark knows: nothing of them belongs in a program that does not ask for it. */
const folders = {
  /** Of a store. */
  fleet: ["/src/internal/fleet/", "/src/internal/core/replica/"],
  /** Of the admin API and the page. */
  operators: ["/src/internal/admin/", "/src/internal/dashboard/"]
}

const bundle = async (contents: string) => {
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
  const bytesOf = (places: ReadonlyArray<string>) =>
    inputs
      .filter(([path]) => places.some((place) => path.includes(place)))
      .reduce((sum, [, { bytesInOutput }]) => sum + bytesInOutput, 0)
  return {
    compressed: gzipSync(outputFiles[0]!.contents, { level: 9 }).length,
    fleet: bytesOf(folders.fleet),
    operators: bytesOf(folders.operators)
  }
}

const effect = `export * from "effect"`

/** Bytes that a program's bundle has beyond all of `effect`, and how many, before compression, are of those folders. */
const beyondEffect =
  (contents: string): Case =>
  async () =>
  async () => {
    const alone = await bundle(effect)
    const both = await bundle(`${effect}\n${contents}`)
    return { ...both, compressed: both.compressed - alone.compressed }
  }

export const cases: Cases = {
  program: beyondEffect(`export { CircuitBreaker } from "effect-circuit-breaker"`),
  root: beyondEffect(`export * from "effect-circuit-breaker"`)
}
