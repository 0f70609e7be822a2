import * as fs from "node:fs"
import * as path from "node:path"
import { describe, expect, it } from "vitest"
import { guides, read } from "./documents.ts"
import { root } from "./program.ts"

interface Link {
  readonly line: number
  /** Relative to the repository; empty for the document itself. */
  readonly file: string
  readonly anchor: string | undefined
}

/** The lines outside code blocks, each with its number. */
const proseOf = (text: string): ReadonlyArray<readonly [number, string]> => {
  let isCode = false
  return text.split("\n").flatMap((line, index): ReadonlyArray<readonly [number, string]> => {
    const isFence = line.trimStart().startsWith("```")
    if (isFence) isCode = !isCode
    return isCode || isFence ? [] : [[index + 1, line]]
  })
}

/** Links and images of a document, except those to other sites. */
const linksOf = (document: string): ReadonlyArray<Link> =>
  proseOf(read(document)).flatMap(([line, text]) =>
    Array.from(text.matchAll(/\]\(([^)\s]+)\)/g), (match) => match[1]!)
      .filter((target) => !/^[a-z]+:/.test(target))
      .map((target) => {
        const [file = "", anchor] = target.split("#")
        return { line, file: file && path.posix.join(path.posix.dirname(document), file), anchor }
      })
  )

/** The anchors that GitHub and npm give to the headings of a document. */
const anchorsOf = (document: string): ReadonlySet<string> => {
  const anchors = new Set<string>()
  for (const [, text] of proseOf(read(document))) {
    const heading = /^#+ (.+)$/.exec(text)?.[1]
    if (heading === undefined) continue
    const anchor = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-")
    let n = 0
    while (anchors.has(n === 0 ? anchor : `${anchor}-${n}`)) n++
    anchors.add(n === 0 ? anchor : `${anchor}-${n}`)
  }
  return anchors
}

const { files, scripts } = JSON.parse(read("package.json"))

/** npm always packs these. */
const alwaysPacked = new Set(["README.md", "LICENSE", "package.json"])

const isPacked = (file: string): boolean =>
  alwaysPacked.has(file) || files.some((packed: string) => file === packed || file.startsWith(`${packed}/`))

describe.each(guides)("the links of %s", (document) => {
  const links = linksOf(document)

  it("lead to files that exist", () => {
    expect(links.filter(({ file }) => !fs.existsSync(path.join(root, file)))).toEqual([])
  })

  it("lead to files that are in the package", () => {
    expect(links.filter(({ file }) => file !== "" && !isPacked(file))).toEqual([])
  })

  it("lead to headings that exist", () => {
    const astray = links.filter(
      ({ anchor, file }) => anchor !== undefined && !anchorsOf(file === "" ? document : file).has(anchor)
    )
    expect(astray).toEqual([])
  })
})

it.each(guides)("the npm scripts that %s names exist", (document) => {
  const named = Array.from(read(document).matchAll(/npm run ([\w:]+)/g), (match) => match[1]!)
  expect(named.filter((name) => scripts[name] === undefined)).toEqual([])
})

describe("the README", () => {
  it("is read in five minutes: at most 1,800 words", () => {
    expect(read("README.md").trim().split(/\s+/).length).toBeLessThanOrEqual(1_800)
  })

  it("leads to every guide, directly or through another one", () => {
    const reached = new Set(["README.md"])
    for (const document of reached) {
      for (const { file } of linksOf(document)) if (file.endsWith(".md")) reached.add(file)
    }
    expect(guides.filter((guide) => !reached.has(guide))).toEqual([])
  })
})
