import * as fs from "node:fs"
import * as path from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { once } from "../kit/once.ts"
import { isLongRun } from "../kit/runLength.ts"
import type { Block } from "./blocks.ts"
import { blocksOf } from "./blocks.ts"
import { guides, read } from "./documents.ts"
import type { Ended, Findings } from "./program.ts"
import { compile, removeCompiled, root, run, runAll } from "./program.ts"

const modules = fs.readdirSync(path.join(root, "src")).filter((file) => file.endsWith(".ts"))
const documents = [...modules.map((file) => `src/${file}`), ...guides]
const blocks = documents.flatMap((file) => blocksOf(file, read(file)))
const programs = blocks.filter((block) => block.copyOf === undefined)

/** Several blocks share a process. If it fails, each of them runs in its own, which shows what is wrong. */
const blocksAtATime = 28

/** The metrics count what all of a process does. */
const readsMetrics = ({ code }: Block): boolean => code.includes("effect/Metric")

const inGroups = programs.filter((block) => !readsMetrics(block))
const outcomes = new Map<Block, () => Promise<Ended>>()
for (let i = 0; i < inGroups.length; i += blocksAtATime) {
  const together = inGroups.slice(i, i + blocksAtATime)
  const all = once(() => runAll(together))
  for (const block of together) outcomes.set(block, all)
}

const outcomeOf = async (block: Block): Promise<Ended> => {
  const inGroup = isLongRun ? undefined : outcomes.get(block)
  const ended = await inGroup?.()
  return ended?.exitCode === 0 ? ended : run(block)
}

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
      const { exitCode, written } = await outcomeOf(block)
      expect(exitCode, `${block.file}:${block.line} failed\n${written}`).toBe(0)
    })
  }
})

for (const { code, copyOf, file, line } of blocks) {
  if (copyOf === undefined) continue
  it(`${file}:${line} quotes ${copyOf} literally`, () => {
    expect(`\n${read(copyOf)}\n`).toContain(`\n${code}\n`)
  })
}
