import { build } from "esbuild"
import { gzipSync } from "node:zlib"
import type { Case, Cases } from "../case.ts"

/** The only places inside of `src` that the benchmark knows: nothing of them belongs in a program without a store. */
const fleetFolders = ["/src/internal/fleet/", "/src/internal/core/replica/"]

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
  return {
    compressed: gzipSync(outputFiles[0]!.contents, { level: 9 }).length,
    fleet: inputs
      .filter(([path]) => fleetFolders.some((folder) => path.includes(folder)))
      .reduce((sum, [, { bytesInOutput }]) => sum + bytesInOutput, 0)
  }
}

const effect = `export * from "effect"`

/** Bytes that a program's bundle has beyond all of `effect`, and how many of them, before compression, are the fleet's. */
const beyondEffect =
  (contents: string): Case =>
  async () =>
  async () => {
    const alone = await bundle(effect)
    const both = await bundle(`${effect}\n${contents}`)
    return { compressed: both.compressed - alone.compressed, fleet: both.fleet }
  }

export const cases: Cases = {
  program: beyondEffect(`export { CircuitBreaker } from "effect-circuit-breaker"`),
  root: beyondEffect(`export * from "effect-circuit-breaker"`)
}
