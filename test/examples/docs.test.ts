import * as fs from "node:fs"
import * as path from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { blocksOf } from "./blocks.ts"
import type { Findings } from "./program.ts"
import { compile, removeCompiled, root, run } from "./program.ts"

const read = (file: string): string => fs.readFileSync(path.join(root, file), "utf8")

const modules = fs.readdirSync(path.join(root, "src")).filter((file) => file.endsWith(".ts"))
const documents = [...modules.map((file) => `src/${file}`), "README.md"]
const blocks = documents
  .filter((file) => fs.existsSync(path.join(root, file)))
  .flatMap((file) => blocksOf(file, read(file)))
const programs = blocks.filter((block) => block.copyOf === undefined)

describe.concurrent("every example of the documentation compiles and runs", () => {
  let findings: Findings

  beforeAll(async () => {
    findings = await compile(programs)
  })

  afterAll(removeCompiled)

  it("with a library that compiles", () => {
    expect(findings.elsewhere).toEqual([])
  })

  for (const block of programs) {
    it(`${block.file}:${block.line}`, async () => {
      expect(findings.in(block)).toEqual([])
      const { exitCode, written } = await run(block)
      expect(exitCode, `${block.file}:${block.line} failed\n${written}`).toBe(0)
    })
  }
})

for (const { code, copyOf, file, line } of blocks) {
  if (copyOf === undefined) continue
  it(`${file}:${line} shows ${copyOf} as it is`, () => {
    expect(`\n${read(copyOf)}\n`).toContain(`\n${code}\n`)
  })
}
