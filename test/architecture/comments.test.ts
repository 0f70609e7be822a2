/** The comments of `src`, the tests and the examples, which a stranger understands at the first reading. */
import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as path from "node:path"
import { readModules, root } from "./sources.ts"

/** The files of a folder of this repository. The examples in this file are not among them. */
const filesOf = (folder: string): ReadonlyArray<{ readonly path: string; readonly text: string }> =>
  fs
    .readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .map((file) => `${folder}/${file.split(path.sep).join("/")}`)
    .filter((file) => file.endsWith(".ts") && !/node_modules|architecture\/comments/.test(file))
    .map((file) => ({ path: file, text: fs.readFileSync(path.join(root, file), "utf8") }))

const comment = /\/\*\*?(?!\/).*?\*\/|(?<=^[ \t]*)\/\/[^\n]*(?:\n[ \t]*\/\/[^\n]*)*/gms

/** The texts of all comments, each in one line. Comments beside code are left out. */
const commentsOf = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(comment)].map(([written]) =>
    written
      .replace(/^\/\*+|\*\/$/g, "")
      .replace(/^[ \t]*(?:\*|\/\/) ?/gm, "")
      .trim()
      .replace(/\s*\n\s*/g, " ")
  )

/** A comment that begins like this is a noun clause without a subject, such as "What a window holds". */
const riddle = /^(?:What|Who|How|Whoever) /

describe("comments", () => {
  it("do not begin with a bare What, Who, How or Whoever", () => {
    const found = ["src", "test", "examples"].flatMap(filesOf).flatMap(({ path, text }) =>
      commentsOf(text)
        .filter((it) => riddle.test(it))
        .map((it) => `${path}: ${it}`)
    )
    assert.deepStrictEqual(found, [])
  })

  it("are found in every form", () => {
    const text = [
      "/** What it is. */",
      "/**",
      " * Whoever asks,",
      " * and why.",
      " */",
      "const a = 1",
      "  // How it goes,",
      "  // and where.",
      "  const b = 'https://example.com' // Who it is",
      "  /* What else */",
      "// **Who** is a heading, and Whose no such word."
    ].join("\n")
    assert.deepStrictEqual(commentsOf(text), [
      "What it is.",
      "Whoever asks, and why.",
      "How it goes, and where.",
      "What else",
      "**Who** is a heading, and Whose no such word."
    ])
    assert.deepStrictEqual(
      commentsOf(text).map((it) => riddle.test(it)),
      [true, true, true, true, false]
    )
  })

  it("are all read", () => {
    const all = readModules().flatMap(({ text }) => commentsOf(text))
    assert.isAtLeast(all.length, 1_000)
  })
})
