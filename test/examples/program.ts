import { execFile } from "node:child_process"
import * as fs from "node:fs/promises"
import * as path from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import type { Block } from "./blocks.ts"

export const root = fileURLToPath(new URL("../..", import.meta.url))

// Two runs of the tests may be under way.
const folder = `test/examples/generated/${process.pid}`

/** The compiler's findings: those in a block, and those in the library itself. */
export interface Findings {
  readonly in: (block: Block) => ReadonlyArray<string>
  readonly elsewhere: ReadonlyArray<string>
}

/**
 * Makes a module of each block, its code on the very lines that it has in its document, and compiles them all. Their
 * folder is a package of the library's name with the library's own `exports`, so that Node resolves what a block
 * imports as it does for a user.
 */
export const compile = async (blocks: ReadonlyArray<Block>): Promise<Findings> => {
  const { exports, name } = JSON.parse(await fs.readFile(path.join(root, "package.json"), "utf8"))
  const manifest = JSON.stringify({ name, type: "module", exports })
  await write("package.json", manifest.replaceAll("./dist/", "./build/src/"))
  await write(
    "tsconfig.json",
    JSON.stringify({
      extends: "../../../../tsconfig.json",
      compilerOptions: { noEmit: false, sourceMap: true, rootDir: "../../../..", outDir: "build" },
      include: ["."],
      exclude: ["build"]
    })
  )
  for (const block of blocks) {
    await write(moduleOf(block, ".ts"), "\n".repeat(block.line - 1) + block.code + "\n")
  }
  const { written } = await node(["node_modules/typescript/bin/tsc", "--pretty", "false", "-p", folder])
  const findings = written.split(/\n(?! )/).filter((finding) => finding !== "")
  return {
    in: (block) =>
      findings
        .filter((finding) => finding.startsWith(`${folder}/${moduleOf(block, ".ts")}(`))
        .map((finding) => inDocuments(finding)),
    elsewhere: findings.filter((finding) => !finding.startsWith(folder))
  }
}

/** Runs a compiled block in a process of its own. */
export const run = async (block: Block): Promise<Ended> => {
  const ended = await node(["--enable-source-maps", compiledOf(block)])
  return { ...ended, written: inDocuments(ended.written) }
}

/** Runs compiled blocks one after the other in one process: loading Effect takes longer than most of them. */
export const runAll = (blocks: ReadonlyArray<Block>): Promise<Ended> =>
  node([
    "--input-type=module",
    "--eval",
    inTurn,
    ...blocks.map((block) => path.join(root, compiledOf(block)))
  ])

const inTurn = `
  import { pathToFileURL } from "node:url"
  for (const file of process.argv.slice(1)) await import(pathToFileURL(file))
`

const compiledOf = (block: Block): string => `${folder}/build/${folder}/${moduleOf(block, ".js")}`

export const removeCompiled = (): Promise<void> =>
  fs.rm(path.join(root, folder), { recursive: true, force: true })

export interface Ended {
  readonly exitCode: unknown
  readonly written: string
}

const write = async (file: string, content: string): Promise<void> => {
  const target = path.join(root, folder, file)
  await fs.mkdir(path.dirname(target), { recursive: true })
  await fs.writeFile(target, content)
}

const moduleOf = (block: Block, extension: string): string => `${block.file}.${block.line}${extension}`

const node = (args: ReadonlyArray<string>): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: root }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : error.code, written: stdout + stderr })
    })
  })

/** The places in generated modules as those in the documents they are from. */
const inDocuments = (text: string): string =>
  text
    .replaceAll(pathToFileURL(root).href, "")
    .replaceAll(root, "")
    .replaceAll(/test\/examples\/generated\/\d+\/(\S+?)\.\d+\.ts\b/g, "$1")
    .replaceAll(/\((\d+),(\d+)\)/g, ":$1:$2")
