/** A policy is one file: only its file, the table and the public constructors name it. */
import { assert, describe, it } from "@effect/vitest"
import { kinds } from "../../src/internal/core/policies/table.ts"
import { readModules } from "./sources.ts"

const folder = "internal/core/policies/"
const modules = readModules()
const tags = Object.keys(kinds)

/** The code of a module, without its comments. */
const codeOf = (text: string): string => text.replace(/\/\*.*?\*\//gs, "").replace(/(^|\s)\/\/.*$/gm, "$1")

/** The modules whose code contains the word, quoted or as a name. */
const naming = (word: string): Array<string> =>
  modules.filter(({ text }) => new RegExp(`\\b${word}\\b`).test(codeOf(text))).map(({ path }) => path)

const importing = (file: string): Array<string> =>
  modules.filter(({ imports }) => imports.some(({ from }) => from === file)).map(({ path }) => path)

/** The name of a policy's file. */
const fileOf = (tag: string): string => `${folder}${tag[0]!.toLowerCase()}${tag.slice(1)}.ts`

describe("a policy", () => {
  it("has a file of its own", () => {
    const files = modules.map(({ path }) => path)
    assert.isAtLeast(tags.length, 7)
    for (const tag of tags) assert.include(files, fileOf(tag))
  })

  for (const tag of tags) {
    it(`is named by its file, the table and the public module, and by nothing else: ${tag}`, () => {
      assert.sameMembers(naming(tag), ["TripPolicy.ts", fileOf(tag), `${folder}table.ts`])
    })

    it(`is imported by the table and the public module, and by nothing else: ${tag}`, () => {
      assert.sameMembers(importing(fileOf(tag)), ["TripPolicy.ts", `${folder}table.ts`])
    })
  }

  it("carries its own kind: only configuration and a store, which take any policy, import the table", () => {
    assert.sameMembers(importing(`${folder}table.ts`), ["TripPolicy.ts", "internal/fleet/join.ts"])
  })

  it("is searched for in code, not in comments", () => {
    const code = codeOf('/** A `Custom` one. */\nconst a = 1 // not AnyOf\nconst url = "http://Custom"\n')
    assert.strictEqual(code, '\nconst a = 1 \nconst url = "http://Custom"\n')
  })
})
